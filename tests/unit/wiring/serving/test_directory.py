"""Routes as the gateway sees them."""

import asyncio
import threading
from dataclasses import replace

import pytest

from llmanager.gateway.ports import Reading, Upstream
from llmanager.kernel.errors import Unavailable
from llmanager.models.catalog import ENTRIES
from llmanager.models.entities import Desired, Observation, Replica, ReplicaState, Scaling
from llmanager.models.usecases import change
from llmanager.wiring.serving.directory import RegistryDirectory, route_of
from llmanager.wiring.serving.routes import reading_of, route_from
from tests.unit.models.samples import FAILED, NOON, READY, STARTING, STOPPING, model
from tests.unit.models.usecases.world import GREETER, World

FAST = 0.01  # s


class Registered(World):
    """A world with its directory, which hears of every change as wiring would tell it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.poked: list[tuple[str, str]] = []
        self.registry = replace(self.registry, changed=self.tell)
        self.directory = RegistryDirectory(self.registry, self.clock, "gateway", self.poked.append)

    def tell(self, key) -> None:
        self.changed.append(key)
        self.directory.refresh(key)

    @property
    def route(self):
        return self.directory.find(*GREETER)


def test_a_route_tells_how_its_model_reads_what_was_retrieved():
    def reading(**spec):
        return reading_of(replace(model().spec, **spec), ENTRIES)

    assert reading(model="demo-tiny") == Reading("sentences", 160, 3, 0.95, 512, quotes_only=True)
    assert reading(model="qwen3-0.6b") == Reading("sentences")
    assert reading(model="somebody/else") == Reading() == Reading("chunks")
    assert not reading(model="demo-tiny", engine="mine").quotes_only, "only llama.cpp is known to take grammars"


def test_a_route_tells_whether_its_embedders_cosines_are_known():
    def is_wide(**spec):
        row = model()
        return route_from(replace(row, spec=replace(row.spec, **spec)), ()).has_wide_cosines

    assert is_wide(model="minilm")
    assert not is_wide(model="nomic-embed-text")
    assert not is_wide(model="somebody/else")


@pytest.mark.parametrize(
    ("row", "state"),
    [
        pytest.param(model(), "waking", id="creating"),
        pytest.param(model(was_ready=True), "waking", id="waking"),
        pytest.param(model(observed=READY, ready_at=NOON, running_revision=1), "waking", id="ready, says the row only"),
        pytest.param(model(observed=READY, ready_at=NOON, revision=2), "waking", id="updating"),
        pytest.param(model(desired=Desired.ASLEEP), "asleep", id="asleep"),
        pytest.param(model(failure="it broke", observed=FAILED), "failed", id="failed"),
        pytest.param(model(desired=Desired.DELETED), "deleting", id="deleting"),
    ],
)
def test_without_a_replica_the_state_is_the_status(row, state):
    assert route_of(row, World().registry).state == state


def test_a_replica_that_is_ready_makes_the_route_ready_before_the_row_says_so():
    world = World()
    row = model()
    world.host.become_ready(row.resource)
    route = route_of(row, world.registry)
    assert (route.state, route.upstreams) == (
        "ready",
        (Upstream(f"{row.resource}/0", "http://127.0.0.1:9000", authorization="Bearer fake"),),
    )


@pytest.mark.parametrize("desired", [Desired.ASLEEP, Desired.DELETED])
def test_a_model_that_shall_not_run_offers_no_replica(desired):
    world = World()
    world.host.become_ready(model().resource)
    assert route_of(model(desired=desired), world.registry).upstreams == ()


def test_a_replica_that_is_told_to_stop_is_not_offered():
    world = World()
    two = model(replicas=2)
    for index in range(2):
        world.host.become_ready(two.resource, index)
    assert [u.id[-1] for u in route_of(two, world.registry).upstreams] == ["0", "1"]
    stopping = replace(two, observed=STOPPING)
    assert [u.id[-1] for u in route_of(stopping, world.registry).upstreams] == ["1"]


def test_the_detail_is_the_failure_or_what_a_start_is_at():
    registry = World().registry
    loading = Observation(True, (Replica(0, ReplicaState.STARTING), Replica(1, ReplicaState.STARTING, "loading")))
    assert route_of(model(), registry).detail == ""
    assert route_of(model(observed=STARTING), registry).detail == ""
    assert route_of(model(observed=loading), registry).detail == "loading"
    assert route_of(model(observed=loading, failure="it broke"), registry).detail == "it broke"


def test_a_route_carries_what_requests_are_checked_by():
    route = route_of(model(), World().registry)
    assert (route.key, route.tenant, route.name, route.kind) == ("lm-dev-greeter-x", "acme", "greeter", "chat")
    assert (route.context_tokens, route.created) == (4096, int(NOON.timestamp()))


# the table of routes


def test_routes_follow_the_rows_of_their_tenant():
    world = Registered()
    world.up("b")
    world.up("a")
    directory = world.directory
    assert [r.name for r in directory.list("acme")] == ["a", "b"]
    assert directory.list("rival") == ()
    assert directory.find("rival", "a") is None
    assert directory.count_by_state() == {"ready": 2}
    assert directory.key_of(world.model(("acme", "a")).resource) == ("acme", "a")
    assert directory.key_of("unknown") is None


def test_a_model_being_deleted_is_no_model():
    world = Registered()
    world.up()
    change.delete(world.registry, GREETER)
    assert world.route is None
    assert world.directory.list("acme") == ()
    world.settle()
    assert world.directory.count_by_state() == {}


def test_a_reload_finds_every_row_and_forgets_routes_without_one():
    world = Registered()
    row = world.up()
    other = RegistryDirectory(world.registry, world.clock, "another", lambda key: None)
    other.reload()
    assert other.find(*GREETER) == world.route
    world.table.delete("model#acme", "greeter", row.version)
    other.reload()
    assert other.find(*GREETER) is None


def test_the_list_may_be_read_while_other_threads_change_it():
    world = Registered()
    world.create()
    stop = threading.Event()
    broken: list[Exception] = []

    def read() -> None:
        try:
            while not stop.is_set():
                world.directory.list("acme")
        except RuntimeError as error:
            broken.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    row = world.model()
    for n in range(200):
        world.directory._routes["acme", f"m{n}"] = route_of(replace(row, name=f"m{n}"), world.registry)
    stop.set()
    reader.join()
    assert broken == []


# waiting for a change


def test_who_waits_is_told_from_another_thread():
    world = Registered()
    world.create()
    asleep = world.route

    async def wait():
        waiting = asyncio.create_task(world.directory.changed(asleep, timeout_s=10))
        await asyncio.sleep(0)
        passing = asyncio.create_task(asyncio.to_thread(world.settle))
        route = await waiting
        while route.state != "ready":
            route = await world.directory.changed(route, timeout_s=10)
        await passing

    asyncio.run(asyncio.wait_for(wait(), 10))
    assert not world.directory._waiters._events, "nobody waits any more"
    world.directory.refresh(GREETER)  # and telling nobody, on a loop that is closed, is no error


def test_a_change_that_came_before_is_not_waited_for():
    world = Registered()
    world.create()
    old = world.route
    world.settle()
    assert asyncio.run(world.directory.changed(old, timeout_s=0)) == world.route != old


def test_without_a_change_the_same_route_is_given_after_the_time():
    world = Registered()
    world.create()
    assert asyncio.run(world.directory.changed(world.route, timeout_s=FAST)) == world.route


def test_a_model_that_is_gone_or_made_anew_under_its_name_is_gone():
    world = Registered()
    world.up()
    old = world.route
    change.delete(world.registry, GREETER)
    assert asyncio.run(world.directory.changed(old, timeout_s=FAST)) is None
    world.settle()
    world.up()
    assert asyncio.run(world.directory.changed(old, timeout_s=FAST)) is None


# the rest


def test_a_wake_is_written_and_has_the_model_looked_at():
    world = Registered()
    world.up()
    change.sleep(world.registry, GREETER)
    asyncio.run(world.directory.wake(world.route))
    assert world.model().desired is Desired.RUNNING
    assert world.model().events[-1].why == "a request"
    assert world.poked == [GREETER]


def test_a_suspicion_reaches_the_host():
    world = Registered()
    world.up()
    (upstream,) = world.route.upstreams
    world.directory.suspect(upstream)
    assert world.host.suspected == [(world.model().resource, 0)]


def test_a_route_that_cannot_be_read_anew_stays():
    world = Registered()
    world.up()
    before = world.route

    class Down(type(world.registry)):
        def find(self, key):
            raise Unavailable("The table is down.")

    world.directory._registry = Down(**vars(world.registry))
    with pytest.raises(Unavailable):
        world.directory.refresh(GREETER)
    assert world.route == before


def test_the_replicas_offered_are_those_of_the_wished_number():
    world = Registered()
    world.create(replicas=2)
    world.settle()
    assert len(world.route.upstreams) == 2
    change.update(world.registry, GREETER, lambda s: replace(s, scaling=Scaling(min=1)), accept_unknown_price=False)
    world.reconcile()
    assert len(world.route.upstreams) == 1
