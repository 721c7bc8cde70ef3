"""What is due without anybody's asking: schedules, the platform's own sleep, GPUs, the dead man's switch, wakes."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from llmanager.models.actions import HoldRange, RemoveResource, Retag, StartReplica, StopReplica
from llmanager.models.entities import Desired, Observation, Replica, ReplicaState, Scaling, Sizing, Tagged, Use, Window
from llmanager.models.limits import asks_gpus, sleeps_at
from llmanager.models.ports import HostTraits
from llmanager.models.reconcile import DEAD_MAN_S, RENEWED_AFTER_S, wishing
from llmanager.models.sight import GpuLoad, Sight
from tests.unit.models.samples import NOON, NOTHING, READY, STARTING, UNUSED, at, decide, held, model, running, seeing

PARKED = Observation(True, is_parked=True)
ONE_TO_TWO = Window("13:00", "14:00")  # noon is the samples' time zero


def scheduled(**changes):
    m = running(**changes)
    return replace(m, spec=replace(m.spec, scaling=Scaling(schedule=(ONE_TO_TWO,))))


# schedules


def test_a_schedule_wakes_a_model_when_its_window_begins():
    asleep = wishing(scheduled(), Desired.ASLEEP, at(10), "idle")
    before = decide(asleep, NOTHING, seconds=3599)
    assert (before.actions, before.again_at) == ((), at(3600))
    woken = decide(asleep, NOTHING, seconds=3600)
    assert woken.model.desired is Desired.RUNNING
    assert woken.actions == (StartReplica(0),)


def test_within_its_window_an_unused_model_stays_up_and_sleeps_when_it_is_over():
    assert decide(scheduled(), READY, seconds=3600).model.desired is Desired.RUNNING
    up = scheduled()
    assert decide(replace(up, ready_at=at(3600)), READY, seconds=7199).model.desired is Desired.RUNNING
    assert decide(replace(up, ready_at=at(3600)), READY, seconds=7200).model.desired is Desired.ASLEEP


def test_who_puts_a_model_to_sleep_within_its_window_is_obeyed_until_the_next_one():
    asleep = wishing(scheduled(), Desired.ASLEEP, at(3700), "asked for")
    assert decide(asleep, NOTHING, seconds=3800).model.desired is Desired.ASLEEP
    assert decide(asleep, NOTHING, seconds=3600 + 86400).model.desired is Desired.RUNNING


def test_a_window_says_how_many_replicas_run_in_it():
    m = scheduled()
    m = replace(m, spec=replace(m.spec, scaling=Scaling(schedule=(replace(ONE_TO_TWO, min=2),))))
    assert decide(m, READY, seconds=3700).actions == (StartReplica(1),)
    assert decide(m, READY, seconds=100).actions == ()


def test_a_sleep_that_is_due_within_a_window_is_told_for_its_end():
    m = replace(scheduled(), ready_at=at(3600))
    assert sleeps_at(m, Sight(READY), at(3700)) == at(7200)


# scaling


def demand(requests: int) -> Use:
    return replace(held(until_s=99_999), demand={"gateway": requests})


def test_replicas_follow_the_requests_that_are_open_or_wait():
    m = replace(running(), spec=replace(running().spec, scaling=Scaling(max=3, target_concurrency=2)))
    assert decide(m, READY, demand(2), seconds=1).actions == ()
    more = decide(m, READY, demand(5), seconds=1)
    assert more.actions == (StartReplica(1), StartReplica(2))
    assert more.model.sizing == Sizing(3)
    three = seeing(*[ReplicaState.READY] * 3)
    fewer = decide(more.model, three, demand(2), seconds=100)
    assert fewer.actions == ()
    assert fewer.again_at == at(160)
    later = decide(fewer.model, three, demand(2), seconds=160)
    assert [r.leaving_at is not None for r in later.model.observed.replicas] == [False, True, True]


def test_a_model_that_sleeps_forgets_how_many_it_was():
    many = replace(running(), sizing=Sizing(3))
    assert decide(wishing(many, Desired.ASLEEP, at(1), "asked for"), NOTHING, seconds=2).model.sizing == Sizing()


# the platform


def test_what_its_platform_put_to_sleep_is_not_woken_again():
    slept = decide(running(), PARKED, seconds=100, scales_itself=True)
    assert slept.model.desired is Desired.ASLEEP
    assert slept.needs_no_use
    assert slept.model.events[-1].why == "put to sleep by its platform"


def test_what_we_put_to_sleep_and_somebody_woke_at_once_is_not_the_platforms_doing():
    slept = decide(wishing(running(), Desired.ASLEEP, at(100), "asked for"), READY, seconds=100, scales_itself=True)
    woken = wishing(slept.model, Desired.RUNNING, at(101), "asked for")  # before a pass saw it stop
    again = decide(woken, PARKED, seconds=102, scales_itself=True)
    assert again.model.desired is Desired.RUNNING
    assert StartReplica(0) in again.actions


@pytest.mark.parametrize(
    ("m", "use", "scales_itself"),
    [
        pytest.param(running(), held(until_s=999), True, id="somebody uses it"),
        pytest.param(model(), UNUSED, True, id="it was not up yet"),
        pytest.param(running(sleep_after_s=None), UNUSED, True, id="it never sleeps by itself"),
        pytest.param(running(), UNUSED, False, id="nobody but us stops anything there"),
        pytest.param(replace(scheduled(), created_at=NOON - timedelta(hours=1)), UNUSED, False, id="no window"),
    ],
)
def test_else_it_is_started(m, use, scales_itself):
    decision = decide(m, PARKED, use, seconds=100, scales_itself=scales_itself)
    assert StartReplica(0) in decision.actions
    assert decision.model.desired is Desired.RUNNING


def test_within_its_window_what_its_platform_put_to_sleep_is_started_again():
    slept = decide(scheduled(), PARKED, seconds=3700, scales_itself=True)
    assert slept.model.desired is Desired.RUNNING
    assert StartReplica(0) in slept.actions


def test_within_its_window_the_platform_keeps_what_it_else_may_end():
    m = scheduled(sleep_after_s=300)
    up = replace(READY, floor=1, ceiling=1)
    assert decide(m, up, seconds=3700, scales_itself=True).actions == ()
    assert decide(m, up, seconds=7200, scales_itself=True).model.desired is Desired.ASLEEP
    assert decide(m, up, seconds=10, scales_itself=True).actions == (HoldRange(0, 1),)


def test_within_its_window_no_gpu_is_asked_whether_it_may_sleep():
    m = scheduled(sleep_after_s=60)
    picky = replace(m, spec=replace(m.spec, gpu_idle_below_percent=Decimal(5)))
    cloud = HostTraits(measures_gpus=True)
    assert asks_gpus(picky, Sight(READY, traits=cloud), at(3599))
    assert not asks_gpus(picky, Sight(READY, traits=cloud), at(3600))
    assert asks_gpus(picky, Sight(READY, traits=cloud), at(7200))


def test_a_sleeping_model_gives_its_floor_up_before_it_stops():
    asleep = wishing(running(), Desired.ASLEEP, at(10), "asked for")
    decision = decide(asleep, replace(READY, floor=1, ceiling=2), seconds=11, scales_itself=True)
    assert decision.actions == (HoldRange(0, 2), StopReplica(0))


def test_a_sleeping_model_that_is_half_made_is_ended_for_what_is_paid_runs_for_nobody():
    half = Observation(True)
    asleep = wishing(running(), Desired.ASLEEP, at(10), "asked for")
    assert decide(asleep, half, seconds=11, scales_itself=True).actions == (StopReplica(0),)
    assert decide(asleep, PARKED, seconds=11, scales_itself=True).actions == ()


# clocks


def test_a_lease_counts_until_it_has_run_out_by_everybodys_clock():
    fast_s = 600
    assert decide(running(), READY, held(until_s=900), seconds=1499, clock_skew_s=fast_s).actions == ()
    assert decide(running(), READY, held(until_s=900), seconds=1500, clock_skew_s=fast_s).actions == (StopReplica(0),)


def test_requests_that_this_process_serves_count_whatever_the_clocks_say():
    assert decide(running(), READY, seconds=10**6, busy=frozenset({0})).model.desired is Desired.RUNNING


# GPUs


def picky(**changes):
    m = running(**changes)
    return replace(m, spec=replace(m.spec, gpu_idle_below_percent=Decimal(5)))


def test_gpus_are_asked_only_about_what_nobody_used_for_long_enough():
    def asked(m, seconds, use=UNUSED, measures_gpus=True):
        sight = Sight(READY, use, HostTraits(measures_gpus=measures_gpus))
        return asks_gpus(m, sight, at(seconds))

    assert asked(picky(), 900)
    assert not asked(picky(), 899)
    assert not asked(picky(), 900, held(until_s=9999))
    assert not asked(picky(), 900, measures_gpus=False)
    assert not asked(running(), 900)


@pytest.mark.parametrize(
    ("percent", "sleeps"), [(Decimal("4.9"), True), (Decimal(5), False), (Decimal(80), False), (None, False)]
)
def test_no_data_is_not_idle_and_neither_are_busy_gpus(percent, sleeps):
    decision = decide(picky(), READY, seconds=900, measures_gpus=True, gpu=GpuLoad(percent))
    assert (decision.model.desired is Desired.ASLEEP) == sleeps
    if not sleeps:
        assert decision.again_at == at(960), "they are asked again, and not at once"


def test_its_hard_limit_ends_a_model_whose_gpus_tell_nothing():
    decision = decide(picky(ttl_s=1000), READY, seconds=1000, measures_gpus=True, gpu=GpuLoad(None))
    assert decision.actions == (RemoveResource(),)


# the dead man's switch


def test_the_row_knows_the_end_before_anything_is_created():
    first = decide(model(ttl_s=7200), NOTHING, is_billed=True)
    assert first.model.tagged == Tagged(at(DEAD_MAN_S), at(7200))
    assert first.actions == (StartReplica(0),)


def test_a_running_model_is_renewed_each_hour_on_its_tags_first():
    m = replace(running(sleep_after_s=None), tagged=Tagged(at(DEAD_MAN_S)))
    assert decide(m, READY, seconds=RENEWED_AFTER_S - 1, is_billed=True).actions == ()
    due = decide(m, READY, seconds=RENEWED_AFTER_S, is_billed=True)
    assert due.actions == (Retag(Tagged(at(DEAD_MAN_S + RENEWED_AFTER_S))),)
    assert due.model.tagged == m.tagged, "the row says it only when the tags do"


def test_a_sleeping_one_is_not_renewed_and_a_woken_one_is_before_it_starts():
    asleep = wishing(replace(running(), tagged=Tagged(at(100))), Desired.ASLEEP, at(10), "idle")
    assert decide(asleep, PARKED, seconds=5000, is_billed=True).actions == ()
    woken = wishing(asleep, Desired.RUNNING, at(6000), "a request")
    assert decide(woken, PARKED, seconds=6000, is_billed=True).actions == (
        Retag(Tagged(at(6000 + DEAD_MAN_S))),
        StartReplica(0),
    )


def test_a_changed_time_to_live_is_told_to_the_tags_also_of_what_sleeps():
    asleep = wishing(running(ttl_s=9000), Desired.ASLEEP, at(10), "idle")
    assert decide(asleep, PARKED, seconds=20).actions == (Retag(Tagged(None, at(9000))),)
    told = replace(asleep, tagged=Tagged(None, at(9000)))
    assert decide(told, PARKED, seconds=20).actions == ()


def test_tags_that_cannot_be_written_hold_up_neither_floors_nor_for_half_a_day_starts():
    cloud = {"is_billed": True, "scales_itself": True}
    renewed = Tagged(at(DEAD_MAN_S))
    m = replace(running(), tagged=renewed, spec=replace(running().spec, scaling=Scaling(min=2, max=2)))
    loose, use = replace(READY, ceiling=2), held(until_s=99_999)
    kinds = [type(action) for action in decide(m, loose, use, seconds=RENEWED_AFTER_S, **cloud).actions]
    assert kinds == [HoldRange, StartReplica, Retag]
    kinds = [type(action) for action in decide(m, loose, use, seconds=DEAD_MAN_S / 2, **cloud).actions]
    assert kinds == [HoldRange, Retag, StartReplica], "nothing starts on tags that are old"


def test_what_is_deleted_is_not_renewed():
    doomed = wishing(running(), Desired.DELETED, at(5), "asked for")
    told = Retag(Tagged(None, ttl_at=at(5)))
    first = decide(doomed, READY, seconds=5, is_billed=True)
    assert first.actions == (RemoveResource(), told), "its end is written on it, for whoever knows no rows"
    again = decide(replace(first.model, tagged=told.tagged), READY, seconds=65, is_billed=True)
    assert again.actions == (RemoveResource(),)


# money


def test_instances_are_counted_from_when_they_are_seen_until_they_are_seen_to_be_gone():
    m = model()
    m = replace(m, quote=replace(m.quote, usd_per_instance_hour=Decimal(3)))
    m = decide(m, replace(STARTING, instances=1), seconds=0).model
    m = decide(m, replace(READY, instances=1), seconds=600).model
    gone = decide(m, Observation(True, (Replica(0, ReplicaState.FAILED, revision=1),)), seconds=1200).model
    assert gone.ledger.settled_usd == Decimal(1)
    assert gone.ledger.instances == 0
