"""All models together never take more than the operator's caps, however many are created at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from decimal import Decimal

import pytest

from llmanager.adapters.local.sqlite_table import SQLiteStore
from llmanager.kernel.errors import Throttled
from llmanager.models import rows
from llmanager.models.caps import Caps
from llmanager.models.entities import Backend, ModelSpec, Scaling
from llmanager.models.errors import FleetFull, InstanceTypeNotAllowed, ModelNotFound, TooManyModels
from llmanager.models.ports import HostTraits
from llmanager.models.usecases import change
from llmanager.models.usecases.create import ATTEMPTS, Creation, create
from tests.fakes.model_host import FakeModelHost
from tests.unit.models.usecases.world import World

ROOMY = Caps(max_models=100, max_instances=100, max_usd_per_hour=Decimal(10))


class Cloud(World):
    """Every replica is an instance of 2 USD an hour."""

    def __init__(self, caps=ROOMY):
        super().__init__(host=FakeModelHost(traits=HostTraits(is_billed=True)))
        self.host.usd_per_hour = Decimal(2)
        self.registry = replace(self.registry, caps=caps)

    def grow(self, name, most):
        return change.update(
            self.registry,
            ("acme", name),
            lambda spec: replace(spec, scaling=replace(spec.scaling, min=0, max=most)),
            accept_unknown_price=False,
        )

    def admitted_usd(self):
        return sum(self.registry.claim(model).usd_per_hour for model in self.registry.every())


def at_once(attempts):
    """Each in a thread of its own; what they answer or raise."""
    gate = threading.Barrier(len(attempts))

    def run(attempt):
        gate.wait()
        try:
            return attempt()
        except (FleetFull, TooManyModels, Throttled, ModelNotFound) as error:
            return error

    with ThreadPoolExecutor(len(attempts)) as pool:
        return list(pool.map(run, attempts))


def refusals(answers):
    return {type(answer) for answer in answers if isinstance(answer, Exception)}


def test_up_to_the_cap_and_not_beyond_it():
    cloud = Cloud()
    for number in range(5):
        cloud.create(f"m{number}")
    with pytest.raises(FleetFull, match="up to 12 USD an hour; this server's operator allows 10"):
        cloud.create("one-more")
    assert cloud.registry.find(("acme", "one-more")) is None


def test_the_worst_case_counts_and_a_sleeping_model_keeps_its_share():
    cloud = Cloud()
    create(cloud.registry, Creation("acme", "wide", ModelSpec("m", scaling=Scaling(max=4))))
    change.sleep(cloud.registry, ("acme", "wide"))
    cloud.create("narrow")
    with pytest.raises(FleetFull):
        create(cloud.registry, Creation("rival", "theirs", ModelSpec("m")))


def test_a_deleted_model_keeps_its_share_until_it_is_gone():
    cloud = Cloud(Caps(max_instances=1))
    cloud.up("first")
    change.delete(cloud.registry, ("acme", "first"))
    with pytest.raises(FleetFull):
        cloud.create("second")
    cloud.settle(("acme", "first"))
    cloud.create("second")


def test_only_types_that_the_operator_named():
    cloud = Cloud(replace(ROOMY, instance_types=frozenset({"other"})))
    with pytest.raises(InstanceTypeNotAllowed):
        cloud.create()


def test_nor_may_a_model_come_to_run_on_another_type_though_it_takes_no_more():
    cloud = Cloud()
    model = cloud.create()
    quote = cloud.host.quote
    cloud.host.quote = lambda spec: replace(quote(spec), instance_type="other")
    cloud.registry = replace(cloud.registry, caps=replace(ROOMY, instance_types=frozenset({"fake"})))
    with pytest.raises(InstanceTypeNotAllowed, match="'other' may not be used"):
        change.update(
            cloud.registry, model.key, lambda spec: replace(spec, context_tokens=512), accept_unknown_price=False
        )


def test_what_runs_on_a_host_that_bills_nothing_is_only_counted_as_a_model():
    world = World()
    world.host.usd_per_hour = None
    world.host.quote = lambda spec: replace(FakeModelHost().quote(spec), usd_per_instance_hour=None)
    world.registry = replace(world.registry, caps=Caps(max_models=2, max_instances=0, max_usd_per_hour=Decimal(0)))
    world.create("a")
    world.create("b")
    with pytest.raises(TooManyModels):
        world.create("c")


def test_a_model_of_a_backend_that_is_no_longer_set_up_still_counts():
    cloud = Cloud(Caps(max_instances=1))
    cloud.create("lost")
    cloud.registry = replace(cloud.registry, hosts={Backend.REMOTE: cloud.host})
    with pytest.raises(FleetFull):
        create(cloud.registry, Creation("acme", "second", ModelSpec("m", backend=Backend.REMOTE)))


def test_a_model_may_not_grow_beyond_the_cap_and_may_always_shrink():
    cloud = Cloud()
    cloud.create("a")
    cloud.create("b")
    cloud.grow("b", 4)
    with pytest.raises(FleetFull):
        cloud.grow("a", 2)
    assert cloud.admitted_usd() == 10
    cloud.registry = replace(cloud.registry, caps=Caps(max_models=1, max_instances=1))
    cloud.grow("b", 3)
    assert cloud.admitted_usd() == 8
    with pytest.raises((FleetFull, TooManyModels)):
        cloud.grow("b", 4)


def test_of_a_create_and_a_growth_at_once_one_is_refused():
    cloud = Cloud()
    cloud.create("a")
    cloud.grow("a", 4)
    cloud.table.before_write = lambda _: cloud.create("b")
    with pytest.raises(FleetFull):
        cloud.grow("a", 5)
    assert cloud.admitted_usd() == 10


def test_what_is_admitted_between_the_count_and_the_write_is_counted():
    cloud = Cloud(Caps(max_instances=1))
    cloud.table.before_write = lambda _: cloud.create("first")
    with pytest.raises(FleetFull):
        cloud.create("second")


def test_other_creates_are_waited_for_only_so_long():
    cloud, left = Cloud(replace(ROOMY, max_usd_per_hour=None)), iter(range(ATTEMPTS))

    def meanwhile(_):
        cloud.table.put(rows.fleet_row("other"))
        if next(left, None) is not None:
            cloud.table.before_write = meanwhile

    cloud.table.before_write = meanwhile
    with pytest.raises(Throttled, match="'greeter' is not"):
        cloud.create()


def test_the_first_admission_leaves_a_mark_that_stays():
    cloud = Cloud()
    assert not cloud.registry.is_known()
    cloud.up()
    change.delete(cloud.registry, ("acme", "greeter"))
    cloud.settle()
    assert cloud.registry.find(("acme", "greeter")) is None
    assert cloud.registry.is_known()


@pytest.mark.parametrize("where", ["memory", "sqlite"])
def test_of_200_creates_at_once_no_more_than_fit_are_admitted(where, tmp_path):
    cloud = Cloud()
    with closing(SQLiteStore(tmp_path / "rows.sqlite", cloud.clock)) as store:
        if where == "sqlite":
            cloud.registry = replace(cloud.registry, table=store.table("registry"))
        answers = at_once([lambda n=n: cloud.create(f"m{n}") for n in range(200)])
        assert cloud.admitted_usd() == 10
        assert sum(not isinstance(answer, Exception) for answer in answers) == 5
        assert refusals(answers) <= {FleetFull, Throttled}


def test_of_creates_growths_and_deletes_at_once_the_sum_is_never_over_the_cap():
    cloud = Cloud()
    for number in range(3):
        cloud.up(f"old{number}")
    seen = []

    def watched(attempt):
        def run():
            try:
                return attempt()
            finally:
                seen.append(cloud.admitted_usd())

        return run

    def gone(number):
        change.delete(cloud.registry, ("acme", f"old{number}"))
        for _ in range(3):
            cloud.reconcile(("acme", f"old{number}"))

    attempts = [lambda n=n: cloud.create(f"new{n}") for n in range(20)]
    attempts += [lambda n=n: cloud.grow(f"old{n % 2}", 2 + n % 3) for n in range(20)]
    attempts += [lambda: gone(2)]
    at_once([watched(attempt) for attempt in attempts])
    assert max(seen) <= 10


def test_what_still_runs_after_a_spec_shrank_is_room_for_nobody():
    cloud = Cloud(Caps(max_instances=4, max_usd_per_hour=None))
    cloud.up("large", replicas=4)
    cloud.grow("large", 1)  # its replicas are still there
    with pytest.raises(FleetFull):
        cloud.create("other")
    cloud.clock.advance(61)
    cloud.settle(("acme", "large"))
    cloud.create("other")
