"""Child process that asks the model hub about a repository, or fetches one GGUF file of it.

The library's own download starts again from zero after a kill. This one keeps what it has in a file named for its
checksum, asks for the rest by a range, and puts the file in place only when its checksum is the hub's and its header
makes sense. The library serves addresses, authentication and errors.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx2
from huggingface_hub import HfApi, get_session, hf_hub_url
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status  # type: ignore[attr-defined]  # loaded lazily

from llmanager.adapters.local.gguf_header import BrokenModelFile, read_header
from llmanager.adapters.local.hub_files import choose
from llmanager.adapters.local.job_child import MIB, JobFailed, check_space, serve, tell_stage
from llmanager.adapters.local.stored_file import (
    alone,
    put_in_place,
    read_marker,
    renew_marker,
    sha256_of,
    write_marker,
)

T = TypeVar("T")

MAX_FAILURES: Final = 4  # in a row, without a byte in between
MAX_DELAY_S: Final = 30.0
TELL_EVERY_S: Final = 0.25
SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Config:
    """The task as it comes through the pipe."""

    repo: str
    file: str | None  # None: by our rule
    folder: str | None  # where the repository's files are kept; None: only describe
    endpoint: str | None  # None: the library's
    token: str | None = field(repr=False)
    timeout_s: float  # without a byte
    retry_delay_s: float  # before the second try; doubles with each
    free_bytes: int  # on the disk, as the parent measured it


@dataclass(frozen=True)
class HubFile:
    repo: str
    name: str
    commit: str
    size_bytes: int
    sha256: str


def work(task: dict[str, Any]) -> dict[str, Any]:
    config = Config(**task)
    if config.folder is not None:
        path = _unchanged(config, Path(config.folder))
        if path is not None:
            return {"file": path.name, "size_bytes": path.stat().st_size}
    tell_stage("asking the hub")
    try:
        file = _patiently(config, lambda: _describe(config))
        if config.folder is not None:
            _fetch(config, file, Path(config.folder) / file.name)
    except HfHubHTTPError as error:
        raise _refused(error, config.repo) from error
    except httpx2.TransportError as error:
        raise JobFailed(
            "The hub cannot be reached. Check the network or HF_ENDPOINT and try again, or put a .gguf file into the "
            "models folder and give its name.",
            is_final=False,
        ) from error
    return {"file": file.name, "size_bytes": file.size_bytes}


def _describe(config: Config) -> HubFile:
    api = HfApi(endpoint=config.endpoint, token=config.token or False)
    try:
        info = api.model_info(config.repo, files_metadata=True, timeout=config.timeout_s)
    except ValueError as error:  # not JSON: a proxy or a login page answered
        raise JobFailed(
            "What answered is not a model hub. Check HF_ENDPOINT and whether the network asks for a login.",
            is_final=False,
        ) from error
    files = {sibling.rfilename: sibling for sibling in info.siblings or ()}
    name = choose(config.repo, list(files), config.file)
    lfs = files[name].lfs
    if lfs is None or not SHA256.fullmatch(lfs.sha256) or info.sha is None:
        raise JobFailed(f"The hub gives no checksum for {name!r}. Choose another file.", is_final=True)
    return HubFile(config.repo, name, info.sha, lfs.size, lfs.sha256)


def _unchanged(config: Config, folder: Path) -> Path | None:
    """A file that is complete although its marker does not fit: it was copied or touched. Needs no hub."""
    tell_stage("checking")
    for path in sorted(folder.rglob("*.gguf")) if config.file is None else (folder / config.file,):
        if path.is_file():
            with alone(path):
                marker = renew_marker(path)
            if marker is not None and (marker.is_choice or config.file is not None):
                return path
    return None


def _fetch(config: Config, file: HubFile, path: Path) -> None:
    tell_stage("waiting for another fetch of the same file")
    with alone(path):
        if not _is_there(file, path):
            part = path.with_name(f"{path.name}.{file.sha256[:16]}.part")
            _download(config, file, part)
            _check(file, part)
            put_in_place(part, path)
        was_choice = (old := read_marker(path)) is not None and old.is_choice
        write_marker(path, file.sha256, is_choice=was_choice or config.file is None)
        for leftover in path.parent.glob(f"{path.name}.*.part"):  # of earlier versions of the file
            leftover.unlink()


def _is_there(file: HubFile, path: Path) -> bool:
    """By its content: a crash may have come before its marker was written."""
    if not path.is_file() or path.stat().st_size != file.size_bytes:
        return False
    tell_stage("checking")
    return sha256_of(path) == file.sha256


def _download(config: Config, file: HubFile, part: Path) -> None:
    with part.open("ab", buffering=0) as out:  # unbuffered: a kill loses nothing that arrived
        check_space(max(0, file.size_bytes - out.tell()), config.free_bytes)
        progress = _Progress(file.size_bytes)
        failures = 0
        while out.tell() < file.size_bytes:
            before = out.tell()
            try:
                _stream(config, file, out, progress)
            except (httpx2.TransportError, HfHubHTTPError) as error:
                failures = failures + 1 if out.tell() == before else 1
                if failures > MAX_FAILURES or not _is_passing(error):
                    raise
                time.sleep(_delay_s(config, failures))


def _stream(config: Config, file: HubFile, out: Any, progress: "_Progress") -> None:
    """Append what the hub sends from where `out` ends; begins at zero again if the hub knows no ranges."""
    url = hf_hub_url(file.repo, file.name, revision=file.commit, endpoint=config.endpoint)
    headers = build_hf_headers(token=config.token or False)
    headers |= {"Range": f"bytes={out.tell()}-", "Accept-Encoding": "identity"}
    with get_session().stream("GET", url, headers=headers, timeout=config.timeout_s) as response:
        hf_raise_for_status(response)
        if not response.headers.get("Content-Range", "").startswith(f"bytes {out.tell()}-"):
            out.truncate(0)
            out.seek(0)
        for chunk in response.iter_bytes():
            out.write(chunk)
            progress.tell(out.tell())
            if out.tell() > file.size_bytes:
                return  # the checksum will not fit
    if out.tell() < file.size_bytes:
        raise httpx2.RemoteProtocolError("the answer ended early")


def _check(file: HubFile, part: Path) -> None:
    tell_stage("checking")
    if sha256_of(part) != file.sha256:
        part.unlink()
        raise JobFailed(
            f"What the hub sent as {file.name!r} does not have the checksum that the hub gives for it, and was "
            "deleted. Try again; if it happens again, choose another file.",
            is_final=False,
        )
    try:
        read_header(part)
    except BrokenModelFile as error:
        part.unlink()
        raise JobFailed(f"{file.name!r} of {file.repo!r} was fetched and deleted. {error}", is_final=True) from error


class _Progress:
    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._told_at_s = float("-inf")

    def tell(self, done_bytes: int) -> None:
        now_s = time.monotonic()
        if now_s - self._told_at_s < TELL_EVERY_S:
            return
        self._told_at_s = now_s
        percent = 100 * done_bytes // max(1, self._size_bytes)
        tell_stage(f"fetching {percent} % ({done_bytes // MIB} of {-(-self._size_bytes // MIB)} MiB)")


def _patiently(config: Config, step: Callable[[], T]) -> T:
    failures = 0
    while True:
        try:
            return step()
        except (httpx2.TransportError, HfHubHTTPError) as error:
            failures += 1
            if failures > MAX_FAILURES or isinstance(error, httpx2.ConnectError) or not _is_passing(error):
                raise
            time.sleep(_delay_s(config, failures))


def _is_passing(error: Exception) -> bool:
    """It may be over in a moment."""
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in (408, 429) or error.response.status_code >= 500
    return True


def _delay_s(config: Config, failures: int) -> float:
    return min(MAX_DELAY_S, config.retry_delay_s * 2.0 ** (failures - 1))


def _refused(error: HfHubHTTPError, repo: str) -> JobFailed:
    if isinstance(error, GatedRepoError):
        return JobFailed(
            f"The hub's {repo!r} is gated. Accept its terms on its page at the hub, then set HF_TOKEN to a token of "
            "that account.",
            is_final=True,
        )
    status = error.response.status_code
    if isinstance(error, RepositoryNotFoundError):
        return JobFailed(
            f"The hub has no model {repo!r}, or it is private. Check the spelling; for a private one set HF_TOKEN.",
            is_final=True,
        )
    if status in (401, 403):
        return JobFailed(f"The hub does not let this server read {repo!r}. Check HF_TOKEN.", is_final=True)
    if _is_passing(error):
        return JobFailed(f"The hub is overloaded or broken now (status {status}). Try again later.", is_final=False)
    return JobFailed(f"The hub refused to give {repo!r} (status {status}). Choose another model.", is_final=True)


if __name__ == "__main__":
    serve(work)
