"""What is kept of an emulation between two commands: ports, the account's secret, processes."""

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tools.emulation.processes import Part, free_port

ACCOUNT = "000000000000"  # ministack takes an access key of twelve digits for the account
REGION = "us-east-1"
PARTS = ("opensearch", "sagemaker", "ministack", "front")


@dataclass
class State:
    folder: Path
    secret: str
    ports: dict[str, int]
    parts: dict[str, Part] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> "State":
        """What was kept, or a new one. A file that is not what was written counts as none."""
        try:
            kept = json.loads((folder / "state.json").read_text())
            parts = {name: Part(**part) for name, part in kept["parts"].items()}
            return cls(folder, kept["secret"], kept["ports"], parts)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return cls(folder, secrets.token_urlsafe(24), {name: free_port() for name in PARTS})

    def save(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self.folder / "state.json.draft"
        kept = {
            "secret": self.secret,
            "ports": self.ports,
            "parts": {name: asdict(part) for name, part in self.parts.items()},
        }
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(kept, indent=1))
        draft.replace(self.folder / "state.json")

    @property
    def certificate(self) -> Path:
        """Signed by itself, made by ministack at its first start."""
        return self.folder / "tmp" / "ministack-tls" / "server.crt"

    @property
    def gateway_url(self) -> str:
        return f"https://127.0.0.1:{self.ports['ministack']}"

    @property
    def target(self) -> Path:
        """Names the deployed API; read by the front at every request."""
        return self.folder / "api-url"

    def url(self, part: str) -> str:
        return f"http://127.0.0.1:{self.ports[part]}"


def forget(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Held by one command at a time; whoever comes second says so and waits. The lock goes with its process."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = folder.with_name(f"{folder.name}.lock")
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            print(
                f"Another emulate is at work here (pid {lock.read().strip() or 'unknown'}); waiting for it …",
                flush=True,
            )
            fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield
