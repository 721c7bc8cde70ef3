"""A resource that no row tells of goes where that is certain, or harmless and old; a lost registry stops everything."""

from datetime import timedelta

import pytest

from llmanager.kernel.orphans import Resource, Verdict, judge
from tests.fakes.clock import NOON

GRACE_S = 600


def held(count, created_at=None):
    return [Resource(f"lm-{n:02}", created_at) for n in range(count)]


def names(*numbers):
    return tuple(f"lm-{n:02}" for n in numbers)


def judged(resources, *, alive=(), dead=(), is_registry_known=True):
    return judge(resources, alive=alive, dead=dead, is_registry_known=is_registry_known, now=NOON, grace_s=GRACE_S)


def test_what_has_a_row_is_never_touched():
    assert judged(held(5), alive=names(0, 1, 2, 3, 4)) == Verdict()
    assert judged(held(1), alive=names(0), dead=names(0)) == Verdict()


@pytest.mark.parametrize("is_registry_known", [True, False])
def test_what_is_known_dead_goes_however_many(is_registry_known):
    assert judged(held(3), dead=names(0, 1, 2), is_registry_known=is_registry_known) == Verdict(names(0, 1, 2))


def test_the_dead_go_also_while_others_stop_the_sweep():
    verdict = judged(held(3), dead=names(1))
    assert (verdict.remove, verdict.suspicious, verdict.is_stopped) == (names(1), names(0, 2), True)


def test_one_in_five_without_proof_may_go():
    verdict = judged(held(5), alive=names(0, 1, 2, 3))
    assert (verdict.remove, verdict.suspicious, verdict.is_stopped) == (names(4), names(4), False)


@pytest.mark.parametrize(("count", "rows"), [(4, 3), (9, 7), (1, 0)])
def test_more_than_one_in_five_stops(count, rows):
    verdict = judged(held(count), alive=names(*range(rows)))
    assert (verdict.remove, verdict.is_stopped) == ((), True)
    assert verdict.suspicious == names(*range(rows, count))


@pytest.mark.parametrize(
    ("count", "names_told"),
    [(3, "lm-00, lm-01, lm-02."), (4, "lm-00, lm-01, lm-02 and 1 more."), (9, "lm-00, lm-01, lm-02 and 6 more.")],
)
def test_those_in_doubt_are_named_and_many_are_counted(count, names_told):
    assert names_told in judged(held(count)).why


def test_the_dead_count_as_held():
    verdict = judged(held(5), alive=names(0), dead=names(1, 2, 3))
    assert (verdict.remove, verdict.is_stopped) == (names(1, 2, 3, 4), False)


def test_a_resource_that_is_named_twice_is_one():
    assert judged([*held(4), *held(1)], alive=names(0, 1, 2)).is_stopped


def test_without_the_registrys_marker_nothing_in_doubt_goes():
    verdict = judged(held(10), alive=names(*range(9)), is_registry_known=False)
    assert (verdict.remove, verdict.suspicious, verdict.is_stopped) == ((), names(9), True)


@pytest.mark.parametrize(("age_s", "removed"), [(GRACE_S - 1, ()), (GRACE_S, names(5))])
def test_the_young_wait_and_stop_nothing(age_s, removed):
    resources = [*held(5), Resource("lm-05", NOON - timedelta(seconds=age_s))]
    verdict = judged(resources, alive=names(0, 1, 2, 3, 4))
    assert (verdict.remove, verdict.suspicious, verdict.is_stopped) == (removed, names(5), False)


def test_the_young_count_against_the_share():
    assert judged(held(9, NOON), alive=names(*range(7))).is_stopped


def test_it_says_what_happened_and_what_to_do_next():
    why = judged(held(7)).why
    assert "7 of 7 resources have neither a row nor a tombstone: lm-00, lm-01, lm-02 and 4 more." in why
    assert "one in five" in why
    assert "backup" in why
    assert "no marker row" in judged(held(7), is_registry_known=False).why
    assert "lm-04. 1 are removed, 0 are younger" in judged(held(5), alive=names(0, 1, 2, 3)).why
    assert judged(held(7), dead=names(*range(7))).why == ""
