import asyncio

import pytest

from llmanager.wiring.serving.waiters import Waiters

KEY = ("acme", "greeter")


def test_waiting_ends_when_it_is_so():
    waiters, facts = Waiters(), []

    async def wait():
        waiting = asyncio.create_task(waiters.until(KEY, lambda: len(facts) == 2, 10))
        for n in range(2):
            await asyncio.sleep(0)
            facts.append(n)
            await asyncio.to_thread(waiters.tell, KEY)
        await asyncio.wait_for(waiting, 10)

    asyncio.run(wait())


def test_waiting_ends_when_the_time_is_over():
    asyncio.run(Waiters().until(KEY, lambda: False, 0.01))


def test_a_thousand_wait_on_no_thread_and_one_more_is_sent_on_at_once():
    waiters, is_so = Waiters(max_waiting=1000), []

    async def wait():
        waiting = [asyncio.create_task(waiters.until(KEY, lambda: bool(is_so), 30)) for _ in range(1000)]
        await asyncio.sleep(0)  # each has begun
        assert waiters._waiting == 1000
        await asyncio.wait_for(waiters.until(KEY, lambda: False, 30), 1)
        is_so.append(1)
        waiters.tell(KEY)
        await asyncio.gather(*waiting)

    asyncio.run(wait())
    assert (waiters._waiting, dict(waiters._events)) == (0, {})


def test_telling_reaches_only_those_who_wait_for_that():
    waiters = Waiters()

    async def wait():
        with waiters.news(KEY) as mine, waiters.news(("acme", "other")) as other:
            waiters.tell(KEY)
            waiters.tell(("acme", "nobody's"))
            await asyncio.wait_for(mine.wait(), 10)
            assert not other.is_set()

    asyncio.run(wait())


def test_what_the_question_raises_is_raised():
    def broken() -> bool:
        raise ZeroDivisionError

    waiters = Waiters()
    with pytest.raises(ZeroDivisionError):
        asyncio.run(waiters.until(KEY, broken, 10))
    assert waiters._waiting == 0
