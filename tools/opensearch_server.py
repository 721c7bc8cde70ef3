"""A real OpenSearch on this machine, from Maven: for the conformance suite, and for what stands in for AWS's.

`python -m tools.opensearch_server DATA_FOLDER` serves until it is interrupted, and prints its address first;
`--install` only downloads, and exits 1 with the reason where that cannot be.

Downloaded once into .cache/opensearch. The k-NN plugin asks for the Painless module, which no archive there brings;
nothing here runs scripts, so its copy is told not to ask. Java is started without JNA: OpenSearch would refuse to run
as root, which is what a container's user is.
"""

import contextlib
import fcntl
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.lifeline import lifeline

VERSION = "2.19.1"
ARTIFACTS = (
    f"org.opensearch.distribution.integ-test-zip:opensearch:{VERSION}:zip",
    f"org.opensearch.plugin:opensearch-knn:{VERSION}.0:zip",
)
CACHE = Path(__file__).resolve().parents[1] / ".cache" / "opensearch"
HEAP_MIB = 512
DOWNLOAD_S = 600
START_S = 120


class Absent(Exception):
    """There can be no OpenSearch here; the text says why."""


@dataclass(frozen=True)
class Server:
    url: str
    process: "subprocess.Popen[bytes]"
    lifeline: "subprocess.Popen[bytes]"  # ends the server when we are gone, however that came

    def stop(self) -> None:
        self.lifeline.kill()
        self.lifeline.communicate()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def installed(cache: Path = CACHE) -> Path:
    """Its folder, downloaded and unpacked if need be. Raises Absent."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise Absent(f"OpenSearch needs {program!r}, which is not installed")
    home = cache / f"opensearch-{VERSION}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test processes begin at once
        if not home.is_dir():
            with tempfile.TemporaryDirectory(dir=cache) as folder:
                _unpack(Path(folder)).rename(home)
    return home


def start(data: Path, *, port: int = 0, home: Path | None = None, is_brief: bool = False) -> Server:
    """Returns when it can be asked. `data`: kept from one start to the next; its logs are there too.

    `is_brief`: it will live for a minute, so that Java need not compile what it runs for speed. Raises Absent.
    """
    home = home or installed()
    port = port or _free_port()
    _configure(home, data, port)
    with (data / "output.log").open("ab") as log:
        process = subprocess.Popen(
            _command(home, data, is_brief),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=data,
        )
    server = Server(f"http://127.0.0.1:{port}", process, lifeline(process.pid))
    until_s = time.monotonic() + START_S
    while not _is_up(server.url):
        if process.poll() is not None or time.monotonic() > until_s:
            server.stop()
            raise Absent(f"OpenSearch did not start; it says:\n{_end_of(data / 'output.log')}")
        time.sleep(0.1)
    return server


@contextlib.contextmanager
def running(data: Path, *, port: int = 0) -> Iterator[Server]:
    server = start(data, port=port)
    try:
        yield server
    finally:
        server.stop()


def _unpack(folder: Path) -> Path:
    for artifact in ARTIFACTS:
        _download(artifact, folder)
    distribution, plugin = (folder / "{1}-{2}.{3}".format(*artifact.split(":")) for artifact in ARTIFACTS)
    with zipfile.ZipFile(distribution) as archive:
        archive.extractall(folder)
    home = folder / f"opensearch-{VERSION}"
    place = home / "plugins" / "opensearch-knn"
    with zipfile.ZipFile(plugin) as archive:
        archive.extractall(place)
    described = place / "plugin-descriptor.properties"
    described.write_text(described.read_text().replace("extended.plugins=lang-painless", "extended.plugins="))
    return home


def _download(artifact: str, folder: Path) -> None:
    command = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"]
    try:
        told = subprocess.run(command, check=False, capture_output=True, text=True, timeout=DOWNLOAD_S, cwd=folder)
    except subprocess.TimeoutExpired:
        raise Absent(f"Maven did not bring {artifact} in {DOWNLOAD_S} s") from None
    if told.returncode:
        raise Absent(f"Maven could not bring {artifact}:\n{(told.stdout + told.stderr)[-1000:]}")


def _configure(home: Path, data: Path, port: int) -> None:
    for name in ("config", "data", "logs", "tmp"):
        (data / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(home / "config" / "log4j2.properties", data / "config")
    settings = {
        "cluster.name": "llmanager",
        "node.name": "one",
        "network.host": "127.0.0.1",
        "http.port": port,
        "transport.port": "0",
        "discovery.type": "single-node",
        "path.data": str(data / "data"),
        "path.logs": str(data / "logs"),
        "bootstrap.system_call_filter": False,
        "cluster.routing.allocation.disk.threshold_enabled": False,
    }
    lines = (f"{name}: {json.dumps(value)}\n" for name, value in settings.items())
    (data / "config" / "opensearch.yml").write_text("".join(lines))


def _command(home: Path, data: Path, is_brief: bool) -> list[str]:
    options = {
        "java.security.manager": "allow",
        "java.io.tmpdir": data / "tmp",
        "log4j.shutdownHookEnabled": "false",  # OpenSearch's own hook logs; with this one it waits for ever
        "log4j2.disable.jmx": "true",
        "jna.nounpack": "true",
        "jna.nosys": "true",
        "opensearch.path.home": home,
        "opensearch.path.conf": data / "config",
        "opensearch.distribution.type": "zip",
        "opensearch.bundled_jdk": "false",
    }
    defined = [f"-D{name}={value}" for name, value in options.items()]
    heap = [
        f"-Xms{HEAP_MIB}m",
        f"-Xmx{HEAP_MIB}m",
        "-XX:+UseSerialGC",
        *(["-XX:TieredStopAtLevel=1"] if is_brief else []),
    ]
    return ["java", *heap, *defined, "-cp", f"{home / 'lib'}/*", "org.opensearch.bootstrap.OpenSearch"]


def _is_up(url: str) -> bool:
    with (
        contextlib.suppress(OSError, ValueError),
        urllib.request.urlopen(f"{url}/_cluster/health", timeout=5) as answer,
    ):
        return json.load(answer)["status"] in {"green", "yellow"}
    return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tools.opensearch_server DATA_FOLDER|--install")
    if sys.argv[1] == "--install":
        try:
            print(installed())
        except Absent as absent:
            sys.exit(str(absent))
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with running(Path(sys.argv[1]).resolve()) as server, contextlib.suppress(KeyboardInterrupt):
        print(server.url, flush=True)
        server.process.wait()


if __name__ == "__main__":
    main()
