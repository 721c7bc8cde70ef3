"""The emulated API behind plain http on loopback, so that no client has to be told of a certificate that signed itself.

`python -m tools.emulation.front PORT TARGET CERTIFICATE`, TARGET being a file that holds the API's address: a deploy
may change it. Addresses of the gateway in JSON answers (uploads that go straight to the bucket) become addresses here:
what follows `/_aws_endpoint/` is sent on as it is, with the host name that its signature was made for.
"""

import ssl
import sys
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

THROUGH = "/_aws_endpoint"
LARGEST_BODY = 2 * 1024**3
# Of one connection, not of the message; and a length that the relaying of a changed body makes wrong.
HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host", "content-length", "expect"}

UNASKED = ("accept", "accept-encoding", "content-type", "user-agent")  # a signature may cover them


class Front:
    def __init__(self, port: int, target: Path, certificate: Path):
        self._here = f"http://127.0.0.1:{port}{THROUGH}"
        self._target = target
        self._tls = ssl.create_default_context(cafile=str(certificate))

    async def relay(self, request: web.Request) -> web.StreamResponse:
        url = self._url(request.raw_path)
        if url is None:
            message = "Nothing is deployed yet. ./run.sh emulate deploys."
            return web.json_response(
                {"error": {"message": message, "type": "server_error", "code": "not_deployed"}}, status=503
            )
        session: aiohttp.ClientSession = request.app["session"]
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in HOP]
        # A body of a known length is sent with it: the emulated S3 takes no chunks.
        body = await request.read() if request.can_read_body else None
        async with session.request(
            request.method, url, headers=headers, data=body, ssl=self._tls, allow_redirects=False
        ) as answer:
            return await self._answered(request, answer, f"{url.scheme}://{url.raw_authority}")

    def _url(self, path: str) -> URL | None:
        try:
            base = self._target.read_text().strip()
        except FileNotFoundError:
            return None
        if path.startswith(f"{THROUGH}/"):
            parts = urlsplit(base)
            return URL(f"{parts.scheme}://{parts.netloc}{path.removeprefix(THROUGH)}", encoded=True)
        return URL(f"{base}{path}", encoded=True)

    async def _answered(self, request: web.Request, answer: aiohttp.ClientResponse, gateway: str) -> web.StreamResponse:
        headers = [(name, value) for name, value in answer.headers.items() if name.lower() not in HOP]
        if answer.content_type == "application/json":
            body = (await answer.read()).replace(gateway.encode(), self._here.encode())
            return web.Response(status=answer.status, headers=headers, body=body)
        relayed = web.StreamResponse(status=answer.status, headers=headers)
        await relayed.prepare(request)
        async for chunk in answer.content.iter_any():
            await relayed.write(chunk)
        await relayed.write_eof()
        return relayed


async def with_session(app: web.Application):  # type: ignore[no-untyped-def]
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
    async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False, skip_auto_headers=UNASKED) as session:
        app["session"] = session
        yield


def main(port: int, target: Path, certificate: Path) -> None:
    app = web.Application(client_max_size=LARGEST_BODY)
    app.cleanup_ctx.append(with_session)
    app.router.add_route("*", "/{path:.*}", Front(port, target, certificate).relay)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
