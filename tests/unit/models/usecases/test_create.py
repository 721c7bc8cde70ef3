import threading
from dataclasses import replace

import pytest

from llmanager.kernel.errors import InvalidInput
from llmanager.kernel.ids import resource_name
from llmanager.models.caps import Caps
from llmanager.models.entities import Backend, ModelSpec, Scaling, Status, Window
from llmanager.models.errors import DoesNotFit, ModelBeingDeleted, ModelExists, PriceUnknown, TooManyModels
from llmanager.models.usecases import change
from llmanager.models.usecases.create import Creation, create, propose
from tests.fakes.model_host import FakeModelHost
from tests.unit.models.usecases.world import GREETER, World

SPEC = ModelSpec("demo-tiny")


class UnpricedHost(FakeModelHost):
    def quote(self, spec):
        return replace(super().quote(spec), usd_per_hour=None)


def test_the_intent_is_written_before_the_host_is_asked_to_do_anything():
    world = World()
    world.create()
    assert world.status() is Status.CREATING
    assert world.host.calls == []
    assert world.changed == [GREETER]


def test_a_proposal_writes_nothing():
    world = World()
    assert propose(world.registry, Creation("acme", "greeter", SPEC)).quote.fits
    assert world.registry.find(GREETER) is None


def test_a_name_is_taken_once():
    world = World()
    first = world.create()
    with pytest.raises(ModelExists, match="'greeter' exists already"):
        world.create()
    assert world.model() == first


def test_of_64_creates_at_once_exactly_one_wins():
    world, made, refused = World(), [], []

    def attempt():
        try:
            made.append(world.create())
        except ModelExists as error:
            refused.append(error)

    threads = [threading.Thread(target=attempt) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(refused)) == (1, 63)
    assert world.model() == made[0]


def test_one_that_is_taken_between_look_and_write_is_refused():
    world = World()
    world.table.before_write = lambda _: world.create()
    with pytest.raises(ModelExists):
        world.create()


def test_a_name_is_free_again_once_its_model_is_gone():
    world = World()
    first = world.up()
    change.delete(world.registry, GREETER)
    with pytest.raises(ModelBeingDeleted):
        world.create()
    world.settle()
    again = world.create()
    assert (again.generation, again.resource) != (first.generation, first.resource)


def test_tenants_have_names_of_their_own():
    world = World()
    mine = world.create()
    theirs = create(world.registry, Creation("rival", "greeter", SPEC))
    assert mine.resource != theirs.resource


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "-a", "a-", "a\0b", "ä", "a" * 64, "a b", "a\n"])
def test_names_that_could_mean_something_else_are_refused(name):
    with pytest.raises(InvalidInput):
        World().create(name)


def test_what_does_not_fit_is_not_created():
    world = World(host=FakeModelHost(budget_mib=50, memory_mib=100))
    with pytest.raises(DoesNotFit, match="needs 100 MiB"):
        world.create()
    assert world.registry.find(GREETER) is None


def test_an_unknown_price_must_be_accepted():
    world = World(host=UnpricedHost())
    with pytest.raises(PriceUnknown, match="accept_unknown_price"):
        world.create()
    assert create(world.registry, Creation("acme", "greeter", SPEC, accept_unknown_price=True)).name == "greeter"


def test_a_backend_that_is_not_set_up_is_refused():
    spec = ModelSpec("gpt", backend=Backend.REMOTE)
    with pytest.raises(InvalidInput, match="not set up"):
        create(World().registry, Creation("acme", "greeter", spec))


def test_a_schedule_that_cannot_be_kept_is_refused():
    world = World()
    scaling = Scaling(schedule=(Window("08:00", "18:00"), Window("8:00", "18:00")))
    with pytest.raises(InvalidInput, match="'8:00'") as refused:
        create(world.registry, Creation("acme", "greeter", ModelSpec("m", scaling=scaling, sleep_after_s=60)))
    assert refused.value.param == "scaling.schedule.1"
    kept = Scaling(schedule=(Window("08:00", "18:00"),))
    with pytest.raises(InvalidInput, match="never does") as refused:
        create(world.registry, Creation("acme", "greeter", ModelSpec("m", scaling=kept)))
    assert refused.value.param == "sleep_after_s"
    world.create()
    with pytest.raises(InvalidInput, match="never does"):
        change.update(
            world.registry,
            GREETER,
            lambda s: replace(s, scaling=kept, sleep_after_s=None),
            accept_unknown_price=False,
        )
    change.update(world.registry, GREETER, lambda s: replace(s, scaling=kept), accept_unknown_price=False)
    assert world.model().spec.scaling == kept


def test_a_name_in_use_is_named_whoever_finds_it_out():
    world = World()
    world.table.before_write = lambda _: world.create()
    with pytest.raises(ModelExists, match="'greeter'"):
        world.create()
    change.delete(world.registry, GREETER)
    with pytest.raises(ModelBeingDeleted, match="'greeter'"):
        world.create()


def test_there_may_be_as_many_models_as_the_cap_says_and_not_one_more():
    world = World()
    world.registry = replace(world.registry, caps=Caps(max_models=2))
    world.create("first")
    world.create("second")
    with pytest.raises(TooManyModels, match="2 models"):
        world.create("third")


def test_the_resource_tells_tenants_and_generations_apart():
    first = World().create()
    assert first.resource == resource_name(stage="dev", tenant="acme", name="greeter", generation=first.generation)


@pytest.mark.parametrize(
    ("world", "spec", "param"),
    [
        (World(), ModelSpec("gpt", backend=Backend.REMOTE), "backend"),
        (World(host=FakeModelHost(budget_mib=50, memory_mib=100)), SPEC, "model"),
        (World(host=UnpricedHost()), SPEC, "accept_unknown_price"),
    ],
    ids=["backend", "size", "price"],
)
def test_a_refusal_says_which_parameter_is_to_change(world, spec, param):
    with pytest.raises(InvalidInput) as refused:
        create(world.registry, Creation("acme", "greeter", spec))
    assert refused.value.param == param


def test_a_price_that_is_not_known_is_refused_by_the_model_s_name():
    with pytest.raises(PriceUnknown, match="'greeter'"):
        World(host=UnpricedHost()).create()
