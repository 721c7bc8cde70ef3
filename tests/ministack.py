"""ministack: an emulator of AWS in a process of its own, for tests over HTTP. One for all tests of a run.

It lives in an environment of its own (requirements/ministack.txt, made by `./run.sh ministack`), for it pins another
botocore than ours. Where that is absent, what needs it is skipped and says so.
"""

import atexit
import functools
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.survivors import outlives_tests
from tools.lifeline import lifeline

COMMAND = Path(__file__).parent.parent / ".venv-ministack" / "bin" / "ministack"
ACCOUNT, SECRET, REGION = "000000000000", "test", "us-east-1"
STARTS_IN_S = 60.0  # under load; half a second otherwise
ENDS_IN_S = 5.0

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": ACCOUNT,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@dataclass(frozen=True)
class Ministack:
    url: str
    process: subprocess.Popen[bytes]
    lifeline: subprocess.Popen[bytes]
    folder: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """What boto3 has to see in order to go there."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.url}

    def is_up(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=2) as answer:
                return bool(json.load(answer))
        except (OSError, ValueError):
            return False

    def stop(self) -> None:
        self.lifeline.kill()
        self.lifeline.communicate()
        self.process.terminate()
        try:
            self.process.wait(ENDS_IN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def started(*, is_strict: bool = False, extra: Mapping[str, str] | None = None) -> Ministack:
    """A new one, on a free port of this machine alone. `is_strict`: it checks signatures and roles' policies.

    Raises RuntimeError, with the end of its log, where it does not come up.
    """
    folder, port = Path(tempfile.mkdtemp(prefix="ministack-")), _free_port()
    environment = {
        **CREDENTIALS,
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "AUTH": str(is_strict).lower(),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        **(extra or {}),
    }
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [COMMAND], env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
    ministack = Ministack(f"http://127.0.0.1:{port}", process, lifeline(process.pid), folder)
    give_up_at = time.monotonic() + STARTS_IN_S
    while not ministack.is_up():
        if process.poll() is not None or time.monotonic() > give_up_at:
            end = log.read_text(errors="replace")[-2000:]
            ministack.stop()
            raise RuntimeError(f"ministack did not come up: {end}")
        time.sleep(0.05)
    return ministack


@functools.cache
def shared() -> Ministack:
    """The one of this process, strict, stopped at its end. Skips the test where ministack is not installed."""
    if not COMMAND.exists():
        pytest.skip("ministack is not installed: make .venv-ministack from requirements/ministack.txt")
    ministack = started(is_strict=True)
    outlives_tests(ministack.process.pid, ministack.lifeline.pid)
    atexit.register(ministack.stop)
    return ministack


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
