"""POST /files, PUT /files/ID/content, GET /files/ID, POST /files/list and /files/delete."""

from functools import partial

from fastapi import APIRouter, Request, Response

from llmanager.api.access import requires
from llmanager.api.asgi import values
from llmanager.api.body import BlockingBody
from llmanager.api.errors import render
from llmanager.files.entities import MAX_UPLOADS_AT_ONCE, File
from llmanager.files.errors import UploadsBusy
from llmanager.files.usecases.announce import announce
from llmanager.files.usecases.delete import delete_file
from llmanager.files.usecases.files import Files
from llmanager.files.usecases.receive import receive
from llmanager.files.usecases.take_in import look, take_in
from llmanager.gateway.ports import Keyring
from llmanager.kernel.blocking import RunBlocking
from llmanager.kernel.errors import LLManagerError
from llmanager.kernel.principal import Principal
from llmanager.wire import files as wire


def file_routes(*, files: Files, keyring: Keyring, run_blocking: RunBlocking) -> APIRouter:
    """`run_blocking` keeps a thread for each upload that comes in, of which there are at most MAX_UPLOADS_AT_ONCE."""
    router = APIRouter(tags=["files"])
    router.include_router(_own(files, keyring))
    router.include_router(_content(files, run_blocking))
    return router


def _own(files: Files, keyring: Keyring) -> APIRouter:
    router = APIRouter(prefix="/files")
    reader, writer = requires(keyring, "vdb:read"), requires(keyring, "vdb:write")

    @router.post("")
    def announce_file(body: wire.AnnounceFile, request: Request, caller: Principal = writer) -> wire.FileAnnounced:
        made = announce(files, tenant=caller.tenant, filename=body.filename, size_bytes=body.bytes, ttl_s=body.ttl_s)
        url = made.address or f"{_base_url(request)}/files/{made.file.id}/content?token={made.token}"
        return wire.FileAnnounced(file_id=made.file.id, put_url=url, expires_at=made.until)

    @router.post("/list")
    def list_files(body: wire.ListFiles, caller: Principal = reader) -> wire.FileList:
        take_in(files, caller.tenant)
        page = files.page(caller.tenant, prefix=body.prefix, limit=body.limit, cursor=body.cursor)
        return wire.FileList(files=[_view(file) for file in page.items], cursor=page.cursor)

    @router.post("/delete")
    def delete(body: wire.DeleteFile, caller: Principal = writer) -> wire.FileDeleted:
        delete_file(files, tenant=caller.tenant, file_id=body.file_id)
        return wire.FileDeleted(file_id=body.file_id)

    @router.get("/{file_id}")
    def get(file_id: str, caller: Principal = reader) -> wire.File:
        return _view(look(files, caller.tenant, file_id))

    return router


def _content(files: Files, run_blocking: RunBlocking) -> APIRouter:
    router = APIRouter(prefix="/files")
    coming = 0

    @router.put("/{file_id}/content", response_model=wire.File)
    async def put_content(file_id: str, request: Request, token: str = "") -> wire.File | Response:
        """The token is the key: whoever has the address may send the file, once. The body is streamed to disk."""
        nonlocal coming
        body = BlockingBody(request.receive)
        lengths = values(request.scope["headers"], b"content-length")  # one number at most: the front has looked
        told_bytes = int(lengths[0]) if lengths else None
        coming += 1
        try:
            if coming > MAX_UPLOADS_AT_ONCE:
                raise UploadsBusy
            return _view(
                await run_blocking(
                    partial(receive, files, file_id=file_id, token=token, pieces=body, told_bytes=told_bytes)
                )
            )
        except LLManagerError as error:
            return _and_close(error)
        finally:
            coming -= 1
            body.stop()

    return router


def _and_close(error: LLManagerError) -> Response:
    """The rest of the body lies unread on the connection: it is not to be waited for."""
    rendered = render(error)
    headers = {name.decode(): value.decode() for name, value in rendered.headers}
    return Response(rendered.body, rendered.status, {**headers, "connection": "close"})


def _base_url(request: Request) -> str:
    """As the caller reached us: by the Host header, which the front has checked, with the stage's prefix if any."""
    prefix = getattr(request.state, "stage_prefix", "")
    return f"{request.url.scheme}://{request.headers['host']}{prefix}"


def _view(file: File) -> wire.File:
    return wire.File(
        file_id=file.id,
        filename=file.filename,
        bytes=file.size_bytes,
        sha256=file.sha256,
        status=file.state.value,
        created_at=file.created_at,
        expires_at=file.expires_at,
    )
