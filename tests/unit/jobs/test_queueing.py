"""The pure decisions of a queue."""

from dataclasses import replace
from datetime import timedelta

import pytest

from llmanager.jobs import queueing
from llmanager.jobs.entities import (
    LEASE_S,
    MAX_ATTEMPTS,
    MAX_DEATHS,
    MAX_MESSAGE_CHARS,
    MAX_PAYLOAD_BYTES,
    MAX_RESULT_BYTES,
    MAX_STAGE_CHARS,
    Failure,
    Job,
    JobState,
    Progress,
)
from llmanager.jobs.errors import PayloadTooLarge, ResultTooLarge
from tests.fakes.clock import NOON

LATER = NOON + timedelta(seconds=10)
WAITING = Job("acme", "1", "test", "key-1", {}, JobState.QUEUED, NOON, NOON)
RUNNING = queueing.claimed(WAITING, "me", NOON)
BUSY = Failure("unavailable", "The model is busy.")


def test_a_claim_holds_the_job_for_a_lease_and_counts():
    assert (RUNNING.state, RUNNING.holder, RUNNING.attempts, RUNNING.started_at) == (JobState.RUNNING, "me", 1, NOON)
    assert queueing.due_at(RUNNING) == RUNNING.held_until == NOON + timedelta(seconds=LEASE_S)


def test_the_start_is_that_of_the_first_attempt():
    again = queueing.claimed(queueing.put_off(RUNNING, BUSY, 0, NOON), "you", LATER)
    assert (again.started_at, again.attempts, again.failure) == (NOON, 2, None)


def test_the_pauses_between_attempts_double_up_to_five_minutes():
    pauses = []
    for attempts in range(1, MAX_ATTEMPTS):
        put_off = queueing.put_off(replace(RUNNING, attempts=attempts), BUSY, 1, NOON)
        assert (put_off.state, put_off.holder, put_off.failure) == (JobState.QUEUED, "", BUSY)
        pauses.append((put_off.due_at - NOON).total_seconds())
    assert pauses == [5, 10, 20, 40, 80, 160, 300]


@pytest.mark.parametrize(("wished_s", "pause_s"), [(1, 5), (60, 60), (10_000, 300)])
def test_who_asks_for_a_longer_pause_gets_it_within_bounds(wished_s, pause_s):
    assert queueing.put_off(RUNNING, BUSY, wished_s, NOON).due_at == NOON + timedelta(seconds=pause_s)


def test_after_the_last_attempt_the_job_has_failed_for_the_reason_of_that_attempt():
    over = queueing.put_off(replace(RUNNING, attempts=MAX_ATTEMPTS), BUSY, 1, LATER)
    assert (over.state, over.ended_at) == (JobState.FAILED, LATER)
    assert over.failure == Failure("unavailable", f"The model is busy. (Tried {MAX_ATTEMPTS} times.)")


def test_a_job_whose_worker_died_is_claimed_anew_until_it_has_killed_too_many():
    job = RUNNING
    for death in range(1, MAX_DEATHS):
        job = queueing.claimed(job, f"worker {death}", LATER)
        assert (job.state, job.deaths, job.attempts) == (JobState.RUNNING, death, death + 1)
    over = queueing.claimed(job, "one more", LATER)
    assert (over.state, over.holder, over.failure) == (JobState.FAILED, "", queueing.DIED)
    assert "Submit it in smaller parts" in over.failure.message


def test_an_attempt_that_is_given_back_does_not_count():
    back = queueing.given_back(RUNNING, LATER)
    assert (back.state, back.attempts, back.deaths, back.due_at) == (JobState.QUEUED, 0, 0, LATER)


@pytest.mark.parametrize(
    "ends",
    [
        lambda job: queueing.put_off(job, BUSY, 1, LATER),
        lambda job: queueing.given_back(job, LATER),
        lambda job: queueing.after_death(job, LATER),
        lambda job: queueing.claimed(job, "you", LATER),
    ],
)
def test_what_was_to_be_cancelled_is_not_tried_again(ends):
    over = ends(queueing.cancel_asked(RUNNING, NOON))
    assert (over.state, over.ended_at, over.holder) == (JobState.CANCELLED, LATER, "")


def test_cancelling_ends_what_waits_and_asks_what_runs_and_leaves_what_is_over():
    assert queueing.cancel_asked(WAITING, LATER).state is JobState.CANCELLED
    asked = queueing.cancel_asked(RUNNING, LATER)
    assert (asked.state, asked.is_cancel_asked) == (JobState.RUNNING, True)
    done = queueing.finished(RUNNING, {}, Progress(), LATER)
    assert queueing.cancel_asked(done, LATER + timedelta(days=1)) == done


def test_a_job_that_is_done_keeps_its_last_progress():
    done = queueing.finished(RUNNING, {"chunks": 3}, Progress(3, 3, "chunks"), LATER)
    assert (done.state, done.result, done.progress) == (JobState.DONE, {"chunks": 3}, Progress(3, 3, "chunks"))


def test_texts_of_handlers_are_cut():
    assert queueing.cut(Progress(1, 2, "u" * 300, "s" * 300)) == Progress(1, 2, "u" * MAX_STAGE_CHARS, "s" * 200)
    over = queueing.failed(RUNNING, Failure("x", "y" * 9999), NOON)
    assert over.failure == Failure("x", "y" * MAX_MESSAGE_CHARS)


@pytest.mark.parametrize(
    ("check", "limit", "error"),
    [
        (queueing.check_payload, MAX_PAYLOAD_BYTES, PayloadTooLarge),
        (queueing.check_result, MAX_RESULT_BYTES, ResultTooLarge),
    ],
)
def test_payload_and_result_have_a_limit_in_bytes(check, limit, error):
    fits = {"x": "é" * (limit // 2 - 5)}  # {"x": "…"} has 9 bytes of its own
    check(fits)
    with pytest.raises(error, match=f"at most {limit}"):
        check({"x": fits["x"] + "é"})
