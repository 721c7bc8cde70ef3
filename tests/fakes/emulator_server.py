"""The emulator's HTTP face on a thread of a test's process, and real boto3 clients for it."""

import asyncio
import json
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from emulator.cloud import Cloud
from emulator.conditions import Timing
from emulator.http.engines import Engine
from emulator.http.fleet import Fleet
from emulator.http.runtime import Limits
from emulator.http.server import serving
from llmanager.adapters.local.processes import PACKAGE_ROOT

REGION = "us-east-1"
AT_ONCE = Timing(
    endpoint_create_s=0,
    endpoint_update_s=0,
    endpoint_delete_s=0,
    instance_start_s=0,
    component_create_s=0,
    component_update_s=0,
    component_delete_s=0,
    copy_start_s=0,
    copy_stop_s=0,
    release_after_s=1,
    capacity_wait_s=1,
    health_check_s=30,
    metrics_lag_s=0,
    scale_out_s=0,
)


@contextmanager
def emulator_server(cloud: Cloud, fleet: Fleet | None = None, limits: Limits | None = None) -> Iterator[str]:
    """Its URL. While it runs the cloud is the server's."""
    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    urls: list[str] = []

    async def serve() -> None:
        async with serving(cloud, fleet, limits=limits) as (url, keeping):
            urls.append(url)
            ready.set()
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({stopping, keeping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            assert not keeping.done(), keeping.result()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, name="emulator", daemon=True)
    thread.start()
    try:
        assert ready.wait(10)
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        assert not thread.is_alive()


def stand_in(*arguments: str) -> Engine:
    """tests/fakes/openai_engine.py as what runs in containers."""
    argv = ("{python}", "-m", "tests.fakes.openai_engine", "--port", "{port}", *arguments)
    return Engine(argv, {"PYTHONPATH": str(PACKAGE_ROOT), "PATH": "/usr/bin:/bin"})


@cache
def session() -> boto3.Session:
    return boto3.Session(region_name=REGION, aws_access_key_id="000000000000", aws_secret_access_key="test")


def client(service: str, url: str, **config: Any) -> Any:
    settings: Mapping[str, Any] = {"retries": {"total_max_attempts": 1}, "read_timeout": 30, **config}
    return session().client(service, endpoint_url=url, config=Config(**settings))


def act(url: str, hook: str, **arguments: Any) -> None:
    """One of Cloud's hooks, by name."""
    request = urllib.request.Request(f"{url}/_emulator/{hook}", json.dumps(arguments).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
