"""What is due, as a table; tests/unit/vdb/usecases/test_sweep.py has it done."""

from dataclasses import replace
from datetime import timedelta

import pytest

from llmanager.vdb.entities import Collection, Index, IndexState, Use
from llmanager.vdb.lifecycle import Due, deletes_at, due, is_worth_noting, needs_tending, sleeps_at, status
from tests.fakes.clock import NOON

READY = Index(IndexState.READY, last_seq=3, applied_seq=3)
ASLEEP = Index(IndexState.ASLEEP, last_seq=3)
PLAIN = Collection("acme", "docs", "lm-docs", NOON, dim=2)


def at(seconds):
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("collection", "index", "has_index", "expected"),
    [
        ({}, READY, True, None),
        ({}, READY, False, Due.RESTORE),
        ({"dim": None}, READY, False, None),
        ({}, ASLEEP, False, None),
        ({}, ASLEEP, True, Due.HIBERNATE),
        ({}, Index(IndexState.RESTORING), True, Due.RESTORE),
        ({}, replace(READY, last_seq=4), True, Due.RESTORE),
        ({"sleep_after_s": 101}, READY, True, None),
        ({"sleep_after_s": 100}, READY, True, Due.HIBERNATE),
        ({"sleep_after_s": 100}, Index(IndexState.RESTORING), True, Due.HIBERNATE),
        ({"sleep_after_s": 100}, ASLEEP, False, None),
        ({"delete_after_s": 101, "ttl_s": 101}, READY, True, None),
        ({"delete_after_s": 100}, READY, True, Due.DELETE),
        ({"delete_after_s": 100, "sleep_after_s": 50}, ASLEEP, False, Due.DELETE),
        ({"ttl_s": 100}, ASLEEP, False, Due.DELETE),
        ({"is_deleting": True, "ttl_s": 100}, READY, True, Due.FINISH_DELETE),
    ],
)
def test_what_is_due_a_hundred_seconds_after_the_creation(collection, index, has_index, expected):
    assert due(replace(PLAIN, **collection), index, Use(), at(100), has_index=has_index) is expected


def test_use_delays_sleep_and_idle_deletion_and_not_the_end_of_life():
    collection, used = replace(PLAIN, sleep_after_s=10, delete_after_s=20, ttl_s=100), Use(at(90))
    assert sleeps_at(collection, READY, used) == at(100)
    assert deletes_at(collection, used) == at(100)
    assert deletes_at(replace(collection, ttl_s=None), used) == at(110)
    assert sleeps_at(collection, ASLEEP, used) is None
    assert deletes_at(PLAIN, used) is None


@pytest.mark.parametrize(
    ("limits", "every_s"), [({}, 30), ({"sleep_after_s": 900}, 30), ({"sleep_after_s": 40, "delete_after_s": 20}, 5)]
)
def test_use_is_noted_so_often_that_no_limit_is_missed(limits, every_s):
    collection = replace(PLAIN, **limits)
    assert is_worth_noting(collection, Use(), NOON)
    assert not is_worth_noting(collection, Use(NOON), at(every_s - 0.1))
    assert is_worth_noting(collection, Use(NOON), at(every_s))


@pytest.mark.parametrize(
    ("index", "idle_s", "expected"),
    [
        (replace(READY, last_seq=15), 0, False),
        (replace(READY, last_seq=16), 0, True),
        (replace(READY, last_seq=16, tended_seq=1), 0, False),
        (READY, 59, False),
        (READY, 60, True),
        (replace(READY, tended_seq=3), 60, False),
        (ASLEEP, 60, False),
    ],
)
def test_compaction_is_due_after_many_writes_or_after_few_and_silence(index, idle_s, expected):
    assert needs_tending(PLAIN, index, Use(NOON), at(idle_s)) is expected
    assert not needs_tending(replace(PLAIN, is_deleting=True), index, Use(NOON), at(idle_s))
    assert not needs_tending(replace(PLAIN, dim=None), index, Use(NOON), at(idle_s))


@pytest.mark.parametrize(
    ("index", "told"),
    [
        (Index(IndexState.RESTORING), "creating"),
        (Index(IndexState.RESTORING, last_seq=1), "restoring"),
        (READY, "ready"),
        (ASLEEP, "asleep"),
    ],
)
def test_the_status_is_a_word(index, told):
    assert status(index) == told
