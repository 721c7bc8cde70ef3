import asyncio
import threading
from contextvars import ContextVar

import pytest

from llmanager.wiring.serving.threads import Threads

REQUEST = ContextVar("request", default="")


@pytest.fixture
def threads():
    made = Threads("test", 2)
    yield made
    made.close()


def test_work_runs_in_a_thread_of_the_pool_within_the_callers_context(threads):
    async def ask():
        REQUEST.set("r1")
        return await threads(lambda: (threading.current_thread().name, REQUEST.get()))

    name, request = asyncio.run(ask())
    assert name.startswith("test")
    assert request == "r1"


def test_what_it_raises_reaches_the_caller(threads):
    async def ask():
        await threads(lambda: {}["absent"])

    with pytest.raises(KeyError, match="absent"):
        asyncio.run(ask())


def test_slow_work_leaves_the_event_loop_free(threads):
    async def ask():
        release = threading.Event()
        slow = threads(release.wait)
        await asyncio.sleep(0)
        release.set()
        return await slow

    assert asyncio.run(ask()) is True
