"""Whatever is interrupted, wherever: repeated passes lead to what was wanted, and nothing is forgotten or stuck.

Each story is told once for every write of the table and every changing call of the host, and for each of two ways to
fail there: before it took effect, and after, with the answer lost. Nobody repeats what a user asked for; the passes
are repeated, as the loop does.
"""

import contextlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from llmanager.kernel.errors import Conflict, LLManagerError, Throttled
from llmanager.models.entities import Desired, Status
from llmanager.models.usecases import change
from llmanager.models.usecases.reconcile import LEASE_S, reconcile_once
from llmanager.models.usecases.sweep import sweep
from llmanager.models.usecases.use import hold
from tests.fakes.model_host import FakeModelHost
from tests.fakes.orders import held_by
from tests.unit.models.usecases.world import GREETER, World

WAYS = ("before it took effect", "after it took effect")
CALLS = ("start", "stop", "remove")
Story = Callable[[World], object]


class Interrupted(World):
    """The `fail_at`-th step (a write, or a changing call of the host) fails; `steps` counts them."""

    def arm(self, fail_at: int | None, way: str) -> None:
        self.steps, self.fail_at, self.way = 0, fail_at, way
        self.table.transact = self.failing(self.table.transact)
        for name in CALLS:
            setattr(self.host, name, self.failing(getattr(self.host, name)))

    def failing(self, step):
        def stepped(*arguments):
            self.steps += 1
            if self.steps != self.fail_at:
                return step(*arguments)
            if self.way == WAYS[1]:
                step(*arguments)
            raise Throttled("interrupted")

        return stepped

    def converge(self, owner: str = "tester") -> None:
        """As the loop would: passes over every row, and sweeps, whatever they raise, until nothing moves."""
        for _ in range(40):
            before = (self.steps, len(self.host.calls))
            keys = [model.key for model in self.registry.every()]
            for step in [*(lambda key=key: reconcile_once(self.registry, key, owner) for key in keys), self.sweep]:
                try:
                    step()
                except LLManagerError:
                    continue
            if (self.steps, len(self.host.calls)) == before:
                return
            self.clock.advance(1)
        raise AssertionError("it never settles")

    def sweep(self) -> None:
        sweep(self.registry)

    def assert_sound(self) -> None:
        rows = {model.resource: model for model in self.registry.every()}
        assert set(held_by(self.host)) <= set(rows), "a resource without a row"
        for resource, model in rows.items():
            wanted = model.spec.scaling.awake if model.desired is Desired.RUNNING else 0
            assert len(self.host.endpoints(resource)) == wanted
            assert model.desired is not Desired.DELETED, "a row that stays for ever"
            assert len(model.observed.replicas) == wanted
            assert not wanted or model.running_revision == model.revision
        self.clock.advance(LEASE_S)  # one that was cut off may have left its lease
        for row in self.table.scan().rows:
            kind, _, tenant = row.partition.partition("#")
            if kind == "gone":
                continue
            assert kind in ("model", "use"), "a lease for ever"
            assert self.registry.find((tenant, row.sort)) is not None, "a use without a model"


def asleep(world: World) -> None:
    world.up()
    change.sleep(world.registry, GREETER)
    world.settle()


def up_with_use(world: World) -> None:
    world.up()
    hold(world.registry, GREETER, "gateway", lease_s=1)
    world.clock.advance(2)


def update(world: World) -> None:
    def revise(spec):
        return replace(spec, context_tokens=512, scaling=replace(spec.scaling, min=2))

    change.update(world.registry, GREETER, revise, accept_unknown_price=False)


def grow_old(world: World) -> None:
    world.clock.advance(1000)


def delete(world: World) -> None:
    change.delete(world.registry, GREETER)


STORIES: dict[str, tuple[Story, Story, Callable[[World], bool]]] = {
    "create": (lambda w: None, lambda w: w.create(), lambda w: w.status() is Status.READY),
    "create two": (lambda w: None, lambda w: w.create(replicas=2), lambda w: w.status() is Status.READY),
    "sleep": (World.up, lambda w: change.sleep(w.registry, GREETER), lambda w: w.status() is Status.ASLEEP),
    "idle": (up_with_use, grow_old, lambda w: w.status() is Status.ASLEEP),
    "wake": (asleep, lambda w: change.wake(w.registry, GREETER), lambda w: w.status() is Status.READY),
    "update": (World.up, update, lambda w: w.model().spec.context_tokens == 512 and w.status() is Status.READY),
    "update while asleep": (asleep, update, lambda w: w.model().spec.context_tokens == 512),
    "delete": (up_with_use, delete, lambda w: w.registry.find(GREETER) is None),
    "delete while creating": (lambda w: w.create(), delete, lambda w: w.registry.find(GREETER) is None),
    "delete while asleep": (asleep, delete, lambda w: w.registry.find(GREETER) is None),
}


def told(name: str, fail_at: int | None, way: str, *, at_once: bool) -> tuple[Interrupted, bool]:
    """The world after a story, and whether its user was answered."""
    prepare, ask, _ = STORIES[name]
    world = Interrupted(host=FakeModelHost())
    world.host.starts_at_once = world.host.stops_at_once = True
    prepare(world)
    world.host.stops_at_once = at_once
    world.arm(fail_at, way)
    try:
        ask(world)
        is_answered = True
    except Throttled:
        is_answered = False
    for _ in range(6):
        world.converge()
        for resource in held_by(world.host):
            for replica in world.host.observe(resource).replicas:
                if replica.state == "stopping":
                    world.host.finish_stop(resource, replica.index)
    world.converge()
    return world, is_answered


@pytest.mark.parametrize("at_once", [True, False], ids=["stops at once", "stops slowly"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", STORIES)
def test_a_story_that_is_interrupted_anywhere_comes_to_its_end(name, way, at_once):
    whole, _ = told(name, None, way, at_once=at_once)
    is_reached = STORIES[name][2]
    assert is_reached(whole)
    for fail_at in range(1, whole.steps + 1):
        world, is_answered = told(name, fail_at, way, at_once=at_once)
        world.assert_sound()
        if is_answered or way == WAYS[1]:
            assert is_reached(world), f"interrupted at step {fail_at}"


@pytest.mark.parametrize("way", WAYS)
def test_a_pass_that_is_cut_off_for_good_is_finished_by_another_after_its_lease(way):
    """As after the end of a machine: the one that was cut off never comes back."""
    for fail_at in range(2, 5):
        world = Interrupted()
        world.create()
        world.arm(fail_at, way)
        with pytest.raises(Throttled):
            reconcile_once(world.registry, GREETER, "dead")
        world.clock.advance(61)
        world.converge(owner="alive")
        assert world.status() is Status.READY


# creates, deletes and passes at every write of each other


def interleaved(at_write: int, other: Story, story: Story) -> World:
    """`other` happens just before the `at_write`-th write of `story`."""
    world = Interrupted()
    left = at_write

    def count_down(_):
        nonlocal left
        left -= 1
        if left:
            world.table.before_write = count_down
            return
        try:
            other(world)
        except LLManagerError:
            return

    world.table.before_write = count_down
    with contextlib.suppress(LLManagerError):
        story(world)
    world.table.before_write = lambda _: None
    world.arm(None, WAYS[0])
    world.converge()
    return world


def create_and_pass(world: World) -> None:
    world.create()
    world.reconcile()
    world.reconcile()


def create_delete_and_pass(world: World) -> None:
    create_and_pass(world)
    delete(world)
    world.reconcile()
    world.reconcile()


@pytest.mark.parametrize(
    "other",
    [lambda w: w.create(), delete, lambda w: w.reconcile(), lambda w: change.sleep(w.registry, GREETER), update],
    ids=["create", "delete", "a pass", "sleep", "update"],
)
@pytest.mark.parametrize("at_write", range(1, 13))
def test_whoever_comes_between_leaves_a_sound_world(at_write, other):
    world = interleaved(at_write, other, create_delete_and_pass)
    world.assert_sound()


@pytest.mark.parametrize("at_write", range(1, 7))
def test_delete_wins_over_create_wherever_it_comes(at_write):
    world = interleaved(at_write, delete, create_and_pass)
    world.assert_sound()
    if at_write > 1:
        assert world.registry.find(GREETER) is None


def test_of_two_creates_at_every_moment_one_succeeds():
    answers: list[str] = []

    def create(world: World) -> None:
        try:
            answers.append(world.create().generation)
        except Conflict as refused:
            answers.append(refused.code)

    world = interleaved(1, create, create)
    assert sorted(answers)[1] == "model_exists"
    assert world.model().generation in answers
    assert len(held_by(world.host)) == 1
