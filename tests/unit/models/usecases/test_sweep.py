from dataclasses import replace
from datetime import timedelta

import pytest

from llmanager.kernel.errors import Throttled, Unavailable
from llmanager.kernel.orphans import OrphansInDoubt
from llmanager.kernel.table import Row
from llmanager.models import rows
from llmanager.models.entities import Backend, Tags
from llmanager.models.ports import HostTraits
from llmanager.models.usecases.admit import admission
from llmanager.models.usecases.registry import Registry
from llmanager.models.usecases.sweep import GRACE_S, sweep
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.table import FakeTable
from tests.unit.models.samples import model
from tests.unit.models.usecases.holding_host import HoldingHost

LONG_AGO = NOON - timedelta(days=3)


class World:
    """Two hosts, of which the cloud is billed, and a registry that has admitted something once."""

    def __init__(self):
        self.cloud, self.local = HoldingHost(), HoldingHost(traits=HostTraits())
        self.clock = FakeClock()
        self.table = FakeTable(self.clock)
        hosts = {Backend.LOCAL: self.local, Backend.SAGEMAKER: self.cloud}
        self.registry = Registry(self.table, hosts, self.clock, new_id=str)
        self.table.put(Row(rows.fleet_partition(), rows.fleet_sort()))

    def keep(self, *names, host=None):
        """With a row and, at the host, a resource."""
        for name in names:
            self.registry.save(model(name=name, resource=name), "absent")
            (host or self.cloud).hold(name, created_at=LONG_AGO)

    def drop(self, name):
        self.registry.drop(self.registry.require(("acme", name)))

    def lose_rows(self):
        for row in self.table.scan().rows:
            self.table.delete(row.partition, row.sort)


@pytest.fixture
def world():
    return World()


def test_what_has_a_row_stays(world):
    world.keep("lm-a", "lm-b")
    world.keep("lm-c", host=world.local)
    report = sweep(world.registry)
    assert report.removed == ()
    report.check()
    assert world.cloud.calls + world.local.calls == []


def test_what_shows_up_after_its_model_was_dropped_goes_though_it_is_all_there_is(world):
    world.keep("lm-a")
    world.drop("lm-a")
    report = sweep(world.registry)
    assert world.cloud.calls == [("remove", "lm-a")]
    assert report.removed == ("lm-a",)
    report.check()


def test_a_tombstone_lasts_thirty_days(world):
    world.keep("lm-a")
    world.drop("lm-a")
    world.clock.advance(30 * 24 * 3600 - 1)
    assert not sweep(world.registry).hosts[1].is_stopped
    world.clock.advance(1)
    assert sweep(world.registry).hosts[1].is_stopped


def test_a_tombstone_tells_whose_it_was(world):
    world.keep("lm-a")
    world.drop("lm-a")
    row = world.table.get("gone#", "lm-a")
    assert row.body == {"tenant": "acme", "name": "lm-a", "generation": "g1"}


def test_a_model_that_was_created_anew_under_the_same_name_is_another_one(world):
    world.keep("lm-a")
    world.drop("lm-a")
    world.registry.save(model(name="lm-a", resource="lm-a2", generation="g2"), "absent")
    world.cloud.hold("lm-a2")
    assert sweep(world.registry).removed == ("lm-a",)


def test_one_in_five_of_unknown_origin_goes_once_it_is_old(world):
    world.keep("lm-a", "lm-b", "lm-c", "lm-d")
    world.cloud.hold("lm-x", created_at=NOON)
    world.clock.advance(GRACE_S - 1)
    report = sweep(world.registry)
    assert (report.removed, report.hosts[1].suspicious) == ((), ("lm-x",))
    report.check()
    world.clock.advance(1)
    assert sweep(world.registry).removed == ("lm-x",)


def test_a_lost_registry_stops_it_and_is_told(world):
    world.keep("lm-a", "lm-b", "lm-c")
    world.lose_rows()
    report = sweep(world.registry)
    assert world.cloud.calls == []
    assert report.hosts[1].suspicious == ("lm-a", "lm-b", "lm-c")
    with pytest.raises(OrphansInDoubt, match=r"^sagemaker: 3 of 3 resources .* no marker row"):
        report.check()


def test_lost_rows_stop_it_also_where_the_marker_is_left(world):
    world.keep("lm-a", "lm-b", "lm-c", "lm-d")
    for name in ("lm-c", "lm-d"):
        world.table.delete(rows.model_partition("acme"), name)
    report = sweep(world.registry)
    assert (report.removed, world.cloud.calls) == ((), [])
    with pytest.raises(OrphansInDoubt, match="one in five"):
        report.check()


def test_what_costs_nothing_goes_without_a_tombstone(world):
    """Workers of this server: they cannot be older than its registry."""
    world.local.hold("lm-x")
    world.lose_rows()
    report = sweep(world.registry)
    assert (report.removed, world.local.calls) == (("lm-x",), [("remove", "lm-x")])
    report.check()


def test_a_dry_run_tells_the_same_and_does_nothing(world):
    world.local.hold("lm-x")
    world.keep("lm-a")
    world.drop("lm-a")
    dry = sweep(world.registry, dry_run=True)
    assert world.cloud.calls + world.local.calls == []
    assert dry == replace(sweep(world.registry), is_dry_run=True)
    assert dry.removed == ("lm-x", "lm-a")


def test_a_host_that_fails_holds_up_no_other(world):
    world.local.broken["resources", ""] = Unavailable("away")
    world.keep("lm-a")
    world.drop("lm-a")
    report = sweep(world.registry)
    assert world.cloud.calls == [("remove", "lm-a")]
    assert [(host.backend, len(host.errors)) for host in report.hosts] == [(Backend.LOCAL, 1), (Backend.SAGEMAKER, 0)]
    with pytest.raises(Unavailable, match="away"):
        report.check()


def test_a_removal_that_fails_holds_up_no_other_and_comes_again(world):
    world.keep("lm-a", "lm-b")
    world.drop("lm-a")
    world.drop("lm-b")
    world.cloud.broken["remove", "lm-a"] = Throttled("slow down")
    report = sweep(world.registry)
    assert world.cloud.calls == [("remove", "lm-b")]
    with pytest.raises(Throttled):
        report.check()
    world.cloud.broken.clear()
    sweep(world.registry).check()
    assert world.cloud.calls[1:] == [("remove", "lm-a"), ("remove", "lm-b")]


def test_a_doubt_is_told_before_any_error(world):
    world.local.broken["resources", ""] = Unavailable("away")
    world.cloud.hold("lm-x")
    with pytest.raises(OrphansInDoubt):
        sweep(world.registry).check()


def test_what_is_made_while_the_sweep_looks_is_no_orphan(world):
    listed = world.cloud.resources

    def then_created():
        seen = listed()
        world.keep("lm-new")
        return seen

    world.cloud.resources = then_created
    assert sweep(world.registry).hosts[1].suspicious == ()
    assert sweep(world.registry).hosts[1].suspicious == ()


def test_what_another_installation_of_the_same_account_and_stage_holds_is_left_alone_and_told(world):
    world.table.put(rows.fleet_row("ours"))
    world.keep("lm-a", "lm-b", "lm-c", "lm-d")
    theirs = Tags("dev", "acme", "x", "g1", installation="theirs")
    world.cloud.hold("lm-x", created_at=LONG_AGO, tags=theirs)
    (_, cloud) = sweep(world.registry).hosts
    assert (cloud.removed, cloud.suspicious, cloud.elsewhere) == ((), (), ("lm-x",))
    world.cloud.hold("lm-y", created_at=LONG_AGO, tags=replace(theirs, installation="ours"))
    (_, cloud) = sweep(world.registry).hosts
    assert cloud.removed == ("lm-y",), "one in five of ours, and nobody else's"


def test_the_first_admission_names_the_installation_and_later_ones_keep_its_name(world):
    registry = replace(world.registry, new_id=lambda: "first")
    assert admission(registry, model()).row.body == {"installation": "first"}
    world.table.put(rows.fleet_row("first"))
    assert admission(replace(registry, new_id=lambda: "other"), model()).row.body == {"installation": "first"}
