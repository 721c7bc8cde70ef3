"""Child processes that hold replicas: spawned by one thread, watched by one each, never outliving us.

A child is told everything by one line on stdin and says its address by one line on stdout. Its stdin stays open as
long as it may live. What it prints goes to a file that is cut to its last part when it has grown too long; a pipe would
stop the child as soon as nobody reads it.
"""

import contextlib
import json
import os
import queue
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LOG_LIMIT_BYTES = 1024 * 1024
LOG_KEPT_BYTES = 64 * 1024
LAST_LINES = 40
PATIENCE_S = 5.0  # before SIGTERM, and again before SIGKILL
PACKAGE_ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Launch:
    module: str  # run as `python -m module`
    config: Mapping[str, Any] = field(repr=False)  # one JSON line on the child's stdin; may hold secrets
    env: Mapping[str, str]  # all of it, but for the path of our package
    log: Path


class Child:
    """A running process. One thread owns it and asks for its `address`; any may call the rest."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path, on_end: Callable[[], None]) -> None:
        self._process = process
        self._log = log
        self._on_end = on_end
        self._closing = threading.Lock()
        self._ended = threading.Event()
        self.exit_status: int | None = None  # negative: the signal that ended it
        threading.Thread(target=self._watch, name=f"watch-{process.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._ended.is_set()

    def wait(self, timeout_s: float) -> bool:
        """True: it has ended, and nothing of its group is left."""
        return self._ended.wait(timeout_s)

    def address(self, timeout_s: float) -> str | None:
        """Where it answers, once it does. None: it ended before. Raises TimeoutError. To be called once."""
        assert self._process.stdout is not None
        with self._process.stdout as stdout, selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            if not selector.select(timeout_s):
                raise TimeoutError
            line = stdout.readline()
        return str(json.loads(line)["address"]) if line else None

    def stop(self) -> None:
        """Begin to end it: end of stdin, then SIGTERM, then SIGKILL. Returns at once; safe to repeat."""
        self._let_go()
        threading.Thread(target=self._insist, name=f"stop-{self.pid}", daemon=True).start()

    def kill(self) -> None:
        if not self._ended.is_set():
            self._signal(signal.SIGKILL)

    def last_lines(self) -> list[str]:
        return _tail(self._log, LOG_KEPT_BYTES).decode(errors="replace").splitlines()[-LAST_LINES:]

    def trim_log(self) -> None:
        """Call now and then. The child appends, so what it prints while we cut lands behind the cut."""
        try:
            if self._log.stat().st_size > LOG_LIMIT_BYTES:
                kept = _tail(self._log, LOG_KEPT_BYTES)
                os.truncate(self._log, 0)
                with self._log.open("ab") as log:
                    log.write(kept)
        except OSError:
            return  # a full disk or a log that somebody removed is no reason to lose a replica

    def _watch(self) -> None:
        status = self._process.wait()
        self._signal(signal.SIGKILL)  # a guard's engine can outlive the guard; the group keeps its number meanwhile
        _reap_group(self.pid)
        self._let_go()
        self.exit_status = status
        self._ended.set()
        self._on_end()

    def _let_go(self) -> None:
        assert self._process.stdin is not None
        with self._closing:
            self._process.stdin.close()

    def _insist(self) -> None:
        for harder in (signal.SIGTERM, signal.SIGKILL):
            if self._ended.wait(PATIENCE_S):
                return
            self._signal(harder)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter: macOS, a group of zombies
            os.killpg(self.pid, number)


class Spawner:
    """Starts children from one thread that lives as long as they may: PDEATHSIG follows threads, not processes."""

    def __init__(self) -> None:
        self._orders: queue.SimpleQueue[tuple[Launch, Callable[[], None], Future[Child]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="spawner", daemon=True)
        self._thread.start()

    def spawn(self, launch: Launch, on_end: Callable[[], None]) -> Child:
        """`on_end` is called by another thread as soon as the child is gone. Raises OSError."""
        order: Future[Child] = Future()
        self._orders.put((launch, on_end, order))
        return order.result()

    def close(self) -> None:
        """On Linux this kills what still runs."""
        self._orders.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (order := self._orders.get()) is not None:
            launch, on_end, answer = order
            try:
                answer.set_result(_spawn(launch, on_end))
            except OSError as error:
                answer.set_exception(error)


def _spawn(launch: Launch, on_end: Callable[[], None]) -> Child:
    launch.log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if launch.log.exists():
        launch.log.replace(launch.log.with_suffix(".previous"))
    log = os.open(launch.log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(  # noqa: S603 - argv is ours
            [sys.executable, "-P", "-m", launch.module],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**launch.env, "PYTHONPATH": str(PACKAGE_ROOT)},
            start_new_session=True,  # a group to kill as a whole, and no Ctrl-C from our terminal
        )
    finally:
        os.close(log)
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it ended at once; the watching thread tells
        process.stdin.write(json.dumps(launch.config).encode() + b"\n")
    return Child(process, launch.log, on_end)


def _reap_group(group: int) -> None:
    """What a child leaves behind is ours to reap where we are process 1, as in a container."""
    with contextlib.suppress(ChildProcessError):  # none of it is our child, or none any more
        while True:
            os.waitpid(-group, 0)


def _tail(path: Path, size_bytes: int) -> bytes:
    try:
        with path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - size_bytes))
            return log.read()
    except FileNotFoundError:
        return b""
