"""Models reconciled by messages and rounds, where no process stays."""

import json
from datetime import timedelta

import pytest

from llmanager.kernel.deadline import check_deadline
from llmanager.kernel.errors import Throttled, Unavailable
from llmanager.kernel.table import Row
from llmanager.models import rows
from llmanager.models.entities import Status
from llmanager.models.usecases import change
from llmanager.wiring.aws.queues import Wish, poking
from llmanager.wiring.aws.reconciling import AT_ONCE, FENCE_S, ROUND_S, STOP_S, Reconciler
from tests.fakes.queue import FakeQueue
from tests.unit.models.usecases.world import GREETER, World

LEFT_S = 60.0


class Site(World):
    """Whoever writes tells the queue; `deliver` gives the reconciler what is due, as AWS does."""

    def __post_init__(self):
        super().__post_init__()
        self.queue = FakeQueue()
        self.reconciler = Reconciler(self.registry, self.queue)
        self.waiting, self.taken = [], 0

    def poke(self, key=GREETER):
        poking(self.queue)(key)

    def due(self):
        """Takes what may be received by now. `sent` goes on telling of all that ever came."""
        now_s = self.clock.monotonic_s()
        new = self.queue.sent[self.taken :]
        self.taken = len(self.queue.sent)
        self.waiting += [(now_s + delay_s, json.dumps(message)) for message, delay_s in new]
        due = [Wish.of(text) for at_s, text in self.waiting if at_s <= now_s]
        self.waiting = [(at_s, text) for at_s, text in self.waiting if at_s > now_s]
        return due

    def deliver(self):
        """How many messages there were."""
        due = self.due()
        assert self.reconciler.records(due, LEFT_S) == ()
        return len(due)

    def run(self, seconds):
        """Messages in a while, and how many."""
        count = self.deliver()
        for _ in range(seconds):
            self.clock.advance(1)
            count += self.deliver()
        return count


@pytest.fixture
def site():
    return Site()


def test_a_message_brings_a_model_to_where_there_is_nothing_to_do_at_once(site):
    site.create()
    site.poke()
    assert site.deliver() == 1
    assert site.status() is Status.READY


def test_what_a_user_asks_for_is_done_by_the_message_that_it_sends(site):
    site.up()
    change.delete(site.registry, GREETER)
    site.poke()
    site.run(5)
    assert site.registry.find(GREETER) is None
    assert site.host.resources() == ()


def test_a_model_that_takes_long_is_looked_at_again_by_delayed_messages(site):
    site.host.starts_at_once = False
    site.create()
    site.poke()
    site.run(10)
    assert site.status() is Status.CREATING
    site.host.become_ready(site.model().resource)
    site.run(20)
    assert site.status() is Status.READY


def test_a_chain_of_messages_ends_when_the_round_comes_anyway(site):
    site.host.raises = {"start": Throttled("busy")}
    site.host.starts_at_once = False
    site.create()
    site.poke()
    site.run(int(ROUND_S) + 5)
    assert site.run(600) == 0


def test_rounds_do_not_pile_chains_up(site):
    site.host.starts_at_once = False
    site.create()
    counts = []
    for _ in range(5):
        site.reconciler.round(LEFT_S)
        counts.append(site.run(int(ROUND_S)))
    assert max(counts) <= ROUND_S, "more than one chain at a time: a look takes a second at least"


def test_a_round_looks_at_every_model(site):
    for name in ("a", "b", "c", "d", "e", "f"):
        site.create(name)
    site.reconciler.round(LEFT_S)
    assert {site.status(("acme", name)) for name in "abcdef"} == {Status.READY}


def test_a_round_without_time_leaves_models_to_the_queue(site):
    for name in ("a", "b"):
        site.create(name)
    site.reconciler.round(STOP_S)
    assert site.host.calls == []
    assert {wish.key for wish in site.due()} == {("acme", "a"), ("acme", "b")}


def test_messages_without_time_come_again(site):
    site.create()
    wish = Wish(GREETER)
    assert site.reconciler.records([wish], STOP_S) == (wish,)
    assert site.host.calls == []


def test_nothing_is_changed_in_a_functions_last_seconds(site):
    """It was begun in time; the host took too long before it was asked to change anything."""
    site.create()
    ask, start = site.host.observe, site.host.start

    def slow(resource):
        site.clock.advance((LEFT_S - FENCE_S) / 2)
        return ask(resource)

    def fenced(order, replica):
        check_deadline(site.clock.monotonic_s())
        start(order, replica)

    site.host.observe, site.host.start = slow, fenced
    site.reconciler.records([Wish(GREETER, site.clock.now() + timedelta(minutes=9))], LEFT_S)
    assert site.host.calls == []
    assert len(site.queue.sent) == 1, "it is looked at later"


def test_one_model_that_breaks_holds_up_no_other(site):
    site.create("a")
    site.create("b")
    site.host.raises = {"observe": ZeroDivisionError()}
    wishes = (Wish(("acme", "a")), Wish(("acme", "b")))
    assert site.reconciler.records(wishes, LEFT_S) == wishes[:1]
    assert site.status(("acme", "b")) is Status.READY


def test_a_host_that_does_not_answer_is_asked_again_soon_and_its_message_is_done(site):
    site.create()
    site.poke()
    site.host.raises = {"observe": Unavailable("no answer", retry_after_s=7)}
    assert site.deliver() == 1
    assert [delay for _, delay in site.queue.sent][-1] == 7
    site.run(8)
    assert site.status() is Status.READY


def test_without_a_queue_a_message_comes_again_by_itself(site):
    site.host.starts_at_once = False
    site.create()
    site.queue.down = Throttled("busy")
    wish = Wish(GREETER)
    site.host.raises = {"observe": Unavailable("no answer")}
    assert site.reconciler.records([wish], LEFT_S) == (wish,)


def test_a_model_that_another_function_is_at_is_looked_at_a_second_later(site):
    site.create()
    until = site.clock.now().replace(year=2030)
    lease = site.table.put(rows.lease_row(GREETER, "another", until))
    site.poke()
    assert site.deliver() == 1
    assert (site.host.calls, site.queue.sent[-1][1]) == ([], 1)
    site.table.delete(lease.partition, lease.sort)
    site.run(2)
    assert site.status() is Status.READY


def test_a_model_that_is_never_done_does_not_keep_a_function(site):
    """Somebody else writes its row before every pass can: each has to decide anew."""
    site.create()
    writes = []

    def interfere(actions):
        writes.append(actions)
        site.table.before_write = interfere
        if any(isinstance(getattr(action, "row", None), Row) and rows.is_model(action.row) for action in actions):
            site.table.before_write = None
            change.update(site.registry, GREETER, lambda spec: spec, accept_unknown_price=True)
            site.table.put(rows.model_row(site.model()))
            site.table.before_write = interfere

    site.table.before_write = interfere
    site.reconciler.records([Wish(GREETER)], LEFT_S)
    assert len(writes) <= 4 * AT_ONCE


def test_what_is_no_wish_is_refused():
    for text in (
        "",
        "[]",
        "{",
        '{"tenant": "a"}',
        '{"tenant": "a", "name": 1}',
        '{"tenant":"a","name":"b","until":"x"}',
    ):
        with pytest.raises(Exception, match="not"):
            Wish.of(text)


def test_a_poke_that_fails_fails_nobody(site):
    site.queue.down = Unavailable("no answer")
    site.poke()
