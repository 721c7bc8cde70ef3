"""Real workers for the account's copies: started when a copy's instance is there, ended when the copy is gone.

The state machine decides; the fleet follows. All of it happens on one event loop.
"""

import asyncio
import logging
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from emulator.http.engines import Engine
from emulator.http.payloads import SERVED_NAME, kind_of
from emulator.http.process import end, free_port, spawn
from emulator.sagemaker.containers import Container
from emulator.sagemaker.entities import Copy

AGAIN_AFTER_S = 1.0  # as AWS does with a container that ended
HEALTH_TIMEOUT_S = 2.0

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Worker:
    """`process` None: it could not be started, or ended; it is started again at `again_s`."""

    container: Container
    process: "subprocess.Popen[bytes] | None" = None
    url: str = ""
    health_url: str = ""
    again_s: float = 0.0
    was_healthy: bool = False
    requests: int = 0  # that it answers now

    @property
    def is_healthy(self) -> bool:
        return self.was_healthy and self.process is not None and self.process.poll() is None


class Fleet:
    """Implements Containers. Without an engine for its kind a container never gets healthy."""

    def __init__(self, engines: Mapping[str, Engine], cache: Path) -> None:
        self._engines, self._cache = engines, cache
        self._workers: dict[Copy, Worker] = {}
        self._endings: set[asyncio.Task[None]] = set()

    def is_healthy(self, copy: Copy) -> bool:
        worker = self._workers.get(copy)
        return worker is not None and worker.is_healthy

    def workers(self) -> list[Worker]:
        return list(self._workers.values())

    def pick(self, region: str, component: str) -> Worker | None:
        """The one with the fewest requests, of those whose copies serve."""
        up = [
            worker
            for worker in self._workers.values()
            if (worker.container.region, worker.container.component) == (region, component)
            and worker.container.copy.is_up
            and worker.is_healthy
        ]
        return min(up, key=lambda worker: (worker.container.copy.is_stopping, worker.requests), default=None)

    def follow(self, containers: Iterable[Container]) -> None:
        """Start what is missing, again what ended by itself, and end what is not wanted any more."""
        wanted = {container.copy: container for container in containers}
        for copy in [copy for copy in self._workers if copy not in wanted]:
            self._end(self._workers.pop(copy))
        for copy, container in wanted.items():
            worker = self._workers.setdefault(copy, Worker(container))
            if worker.process is not None and worker.process.poll() is not None:
                log.warning("a worker of %s ended with %s", container.component, worker.process.returncode)
                self._end(worker)
                worker.was_healthy, worker.again_s = False, time.monotonic() + AGAIN_AFTER_S
            if worker.process is None and time.monotonic() >= worker.again_s:
                self._start(worker)

    def _start(self, worker: Worker) -> None:
        container, port = worker.container, free_port()
        worker.again_s = time.monotonic() + AGAIN_AFTER_S
        engine = self._engines.get(kind_of(container.image, container.environment))
        if engine is None:
            return
        served_name = container.environment.get(SERVED_NAME, container.component)
        argv, env = engine.command(port, self._cache, served_name)
        try:
            worker.process = spawn(argv, env)
        except OSError as error:
            log.error("the engine of %s cannot be started: %s", container.component, error)
            return
        worker.url = f"http://127.0.0.1:{port}"
        worker.health_url = worker.url + engine.health_path

    def _end(self, worker: Worker) -> None:
        if worker.process is not None:
            task = asyncio.create_task(end(worker.process))
            self._endings.add(task)
            task.add_done_callback(self._endings.discard)
        worker.process = None

    async def look(self, session: aiohttp.ClientSession) -> None:
        """Ask those that were not healthy yet whether they are."""
        for worker in self.workers():
            if worker.process is not None and not worker.was_healthy:
                worker.was_healthy = await is_answering(session, worker.health_url)

    async def close(self) -> None:
        self.follow(())
        await asyncio.gather(*self._endings)


async def is_answering(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        timeout = aiohttp.ClientTimeout(total=HEALTH_TIMEOUT_S)
        async with session.get(url, timeout=timeout) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False
