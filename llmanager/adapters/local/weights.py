"""Where the weights of local models come from: built here, fetched from a hub, or put into the models folder.

What is on the disk is the truth: a restart knows every complete file by the marker beside it (stored_file.py). Work is
done by children (jobs.py), one for each file however many wait for it.
"""

import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import llmanager
from llmanager.adapters.local.gguf_header import GGUFHeader, kv_bytes_per_token, read_header
from llmanager.adapters.local.jobs import Done, Failed, Jobs, Running, Task
from llmanager.adapters.local.sources import Builtin, HubFile, LocalFile, Source, source_of, wrong_kind
from llmanager.adapters.local.stored_file import read_marker
from llmanager.adapters.local.weights_port import Fetching, Missing, Present, WeightsFacts
from llmanager.kernel.clock import Clock, SystemClock
from llmanager.kernel.errors import InvalidInput, Unavailable
from llmanager.models.catalog import find
from llmanager.models.entities import Kind

MIB: Final = 1024 * 1024
KEEP_DESCRIPTION_S: Final = 600.0
KEEP_FETCH_S: Final = 1.0  # what counts then is on the disk
BUILDERS: Final = {  # name -> (module that builds it, version: a new one builds the file anew)
    "demo-tiny": ("llmanager.adapters.local.demo_model", 3),
    "minilm": ("llmanager.adapters.local.minilm", 1),
}


@dataclass(frozen=True)
class HubSettings:
    endpoint: str | None = None  # None: the public hub
    token: str | None = field(default=None, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict)  # for the child: HTTPS_PROXY, SSL_CERT_FILE and such
    answer_timeout_s: float = 15.0  # how long `facts` waits for the hub
    silence_timeout_s: float = 30.0  # how long a fetch waits for the next byte
    retry_delay_s: float = 1.0


class LocalWeights:
    """Implements Weights. Files of its own are under `home`/models; `models_dir` belongs to the user and is only read.

    `free_bytes` measures the disk of a folder. Close it to stop what still runs.
    """

    def __init__(
        self,
        home: Path,
        models_dir: Path,
        hub: HubSettings | None = None,
        *,
        python: str = sys.executable,
        clock: Clock | None = None,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._root = home / "models"
        self._models_dir = models_dir
        self._hub = hub or HubSettings()
        self._free_bytes = free_bytes
        self._headers: dict[tuple[Path, int, int], GGUFHeader] = {}
        environment, clock = _child_environment(self._hub, self._root), clock or SystemClock()
        self._downloads = Jobs(python, environment, clock)
        self._builds = Jobs(python, environment, clock)  # never behind a download of hours
        self._questions = Jobs(python, environment, clock)  # nor these, nor builds behind a hub that is silent

    def facts(self, model: str, kind: Kind) -> WeightsFacts:
        source = source_of(model, kind, self._models_dir)
        path = self._path_of(source)
        if path is not None:
            return self._facts_of(path, kind)
        entry = find(model)
        if entry is not None:
            is_made_here = isinstance(source, Builtin)
            download_mib = 0 if is_made_here else entry.size_mib
            return _expected(entry.size_mib, download_mib, entry.context_tokens, entry.dimensions)
        assert isinstance(source, HubFile)
        size_mib = -(-self._described_bytes(source) // MIB)
        return _expected(size_mib, size_mib, None, None)

    def ensure(self, model: str, kind: Kind) -> Present | Fetching | Missing:
        try:
            source = source_of(model, kind, self._models_dir)
            return self._ensure(source, kind)
        except InvalidInput as error:
            return Missing(str(error), is_final=True)

    def wait(self, model: str, kind: Kind, timeout_s: float) -> Present | Fetching | Missing:
        deadline_s = time.monotonic() + timeout_s
        while True:
            state = self.ensure(model, kind)
            remaining_s = deadline_s - time.monotonic()
            if not isinstance(state, Fetching) or remaining_s <= 0:
                return state
            source = source_of(model, kind, self._models_dir)
            self._jobs_of(source).wait(source, remaining_s)

    def release(self, model: str, kind: Kind) -> None:
        try:
            source = source_of(model, kind, self._models_dir)
        except InvalidInput:
            return  # nothing can be under way for it
        self._jobs_of(source).drop(source)

    def close(self) -> None:
        for jobs in (self._downloads, self._builds, self._questions):
            jobs.close()

    def _jobs_of(self, source: Source) -> Jobs:
        return self._downloads if isinstance(source, HubFile) else self._builds

    def _ensure(self, source: Source, kind: Kind) -> Present | Fetching | Missing:
        path = self._path_of(source)
        if path is None:
            outcome = self._jobs_of(source).begin(source, self._fetch_task(source))
            path = self._path_of(source) if isinstance(outcome, Done) else None
        if path is not None:
            return Present(path, self._facts_of(path, kind))
        match outcome:
            case Failed(reason, is_final):
                return Missing(reason, is_final)
            case Running(stage):
                return Fetching(stage)
            case Done():  # the file was there, and has gone since
                self._jobs_of(source).drop(source)
                self._jobs_of(source).begin(source, self._fetch_task(source))
                return Fetching("starting again")

    def _path_of(self, source: Source) -> Path | None:
        """Where its complete file is; None: not on the disk."""
        match source:
            case LocalFile(path):
                return path
            case Builtin():
                path = self._built(source)
                return path if read_marker(path) else None
            case HubFile(repo, file):
                if file is None:
                    return self._chosen(repo)
                path = self._repo_folder(repo) / file
                return path if read_marker(path) else None

    def _chosen(self, repo: str) -> Path | None:
        for path in sorted(self._repo_folder(repo).rglob("*.gguf")):
            marker = read_marker(path)
            if marker is not None and marker.is_choice:
                return path
        return None

    def _repo_folder(self, repo: str) -> Path:
        return self._root / "hub" / repo

    def _built(self, source: Builtin) -> Path:
        _, version = BUILDERS[source.name]
        return self._root / "builtin" / f"{source.name}-{version}.gguf"

    def _fetch_task(self, source: Source) -> Task:
        if isinstance(source, Builtin):
            module, _ = BUILDERS[source.name]
            path = self._built(source)
            return Task(module, lambda: {"path": str(path), "free_bytes": self._measured_free()}, KEEP_FETCH_S)
        assert isinstance(source, HubFile)
        return Task("llmanager.adapters.local.hub_fetch", lambda: self._hub_config(source, is_fetch=True), KEEP_FETCH_S)

    def _hub_config(self, source: HubFile, *, is_fetch: bool) -> dict[str, Any]:
        return {
            "repo": source.repo,
            "file": source.file,
            "folder": str(self._repo_folder(source.repo)) if is_fetch else None,
            "endpoint": self._hub.endpoint,
            "token": self._hub.token,
            "timeout_s": self._hub.silence_timeout_s,
            "retry_delay_s": self._hub.retry_delay_s,
            "free_bytes": self._measured_free() if is_fetch else 0,
        }

    def _measured_free(self) -> int:
        self._root.mkdir(parents=True, exist_ok=True)
        return self._free_bytes(self._root)

    def _described_bytes(self, source: HubFile) -> int:
        """The size of its file, asked of the hub. Raises InvalidInput, Unavailable."""
        task = Task(
            "llmanager.adapters.local.hub_fetch", lambda: self._hub_config(source, is_fetch=False), KEEP_DESCRIPTION_S
        )
        outcome = self._questions.begin(source, task)
        if isinstance(outcome, Running):
            self._questions.wait(source, self._hub.answer_timeout_s)
            outcome = self._questions.begin(source, task)
        match outcome:
            case Done(result):
                return int(result["size_bytes"])
            case Failed(reason, True):
                raise InvalidInput(reason, param="model")
            case Failed(reason):
                raise Unavailable(reason, retry_after_s=10)
            case _:
                raise Unavailable("The hub has not answered yet. Try again.", retry_after_s=5)

    def _facts_of(self, path: Path, kind: Kind) -> WeightsFacts:
        header = self._header(path)
        if kind is Kind.CHAT and header.is_encoder:
            raise wrong_kind(Kind.EMBEDDING)
        return WeightsFacts(
            size_mib=-(-header.file_size_bytes // MIB),
            download_mib=0,
            context_tokens=header.context_length,
            kv_bytes_per_token=kv_bytes_per_token(header),
            dimensions=header.embedding_length,
        )

    def _header(self, path: Path) -> GGUFHeader:
        """Read once for each state of the file."""
        try:
            status = path.stat()
            key = (path, status.st_size, status.st_mtime_ns)
            if key not in self._headers:
                self._headers[key] = read_header(path)
            return self._headers[key]
        except OSError as error:
            raise InvalidInput("The model file cannot be read. Check its permissions.", param="model") from error


def _expected(size_mib: int, download_mib: int, context_tokens: int | None, dimensions: int | None) -> WeightsFacts:
    return WeightsFacts(size_mib, download_mib, context_tokens, kv_bytes_per_token=None, dimensions=dimensions)


def _child_environment(hub: HubSettings, root: Path) -> dict[str, str]:
    """Everything a child knows of the world: nothing of the server's own environment reaches it."""
    return {
        "PYTHONPATH": str(Path(llmanager.__file__).parent.parent),
        "HF_HOME": str(root / "library"),
        "HF_HUB_DISABLE_XET": "1",  # its own chunk cache and transfer can neither be resumed nor measured by us
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        **hub.environment,
    }
