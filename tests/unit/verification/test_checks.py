"""From evidence to verdicts: what holds, what does not, and what was not seen."""

import pytest

from tools.verification import report
from tools.verification.assumptions import TABLE
from tools.verification.checks import Outcome
from tools.verification.evidence import Evidence, Probe, View

HOLDS, FAILS, UNKNOWN = Outcome.HOLDS, Outcome.FAILS, Outcome.UNKNOWN
BY_ID = {assumption.id: assumption for assumption in TABLE}


def verdict(id_: str, evidence: Evidence) -> Outcome:
    return BY_ID[id_].check(evidence).outcome


def with_probe(name: str, *probe) -> Evidence:
    return Evidence(is_emulated=False, probes={name: Probe(*probe)})


def view(at_s, *, copies=0, wanted=0, instances=0, status="InService", target=True, **more) -> View:
    return View(
        at_s,
        "ready",
        endpoint={"ProductionVariants": [{"CurrentInstanceCount": instances}]},
        component={
            "InferenceComponentStatus": status,
            "RuntimeConfig": {"CurrentCopyCount": copies, "DesiredCopyCount": wanted},
        },
        target={} if target else None,
        **more,
    )


def seen(marks, *views, **more) -> Evidence:
    return Evidence(is_emulated=False, views=list(views), marks=marks, **more)


def test_of_a_walk_that_saw_nothing_nothing_is_known():
    assert {found.outcome for _, found in report.verdicts(Evidence(is_emulated=True))} == {UNKNOWN}


def test_each_assumption_is_named_once_and_says_everything():
    assert len(BY_ID) == len(TABLE)
    assert all(a.assumed and a.how and a.if_wrong for a in TABLE)


@pytest.mark.parametrize(
    ("id_", "probe", "holds", "fails"),
    [
        ("no-capacity", "invoke at zero", (400, "has no capacity"), (400, "try later")),
        ("openai-at-zero", "openai path at zero", (400, ""), (200, "")),
        ("openai-chat", "openai chat awake", (200, ""), (404, "")),
        ("openai-embeddings", "openai embeddings awake", (404, ""), (200, "")),
        ("order", "delete the endpoint with its component", (400, ""), (200, "")),
        ("nextgen-engine", "index with an engine", (400, ""), (200, "")),
        ("hibernation", "query after hibernation", (200, ""), (503, "")),
        ("too-large", "body over the limit", (413, "", "body_too_large"), (413, "")),
        ("strangers", "no key", (401, "", "unauthenticated"), (401, "")),
    ],
)
def test_probes_decide(id_, probe, holds, fails):
    assert verdict(id_, with_probe(probe, *holds)) is HOLDS
    assert verdict(id_, with_probe(probe, *fails)) is FAILS
    assert verdict(id_, with_probe(probe, 0, "no network")) is UNKNOWN


@pytest.mark.parametrize(
    ("id_", "name", "holds", "fails"),
    [
        ("openai-counts", "no-capacity failures after the openai path", 1.0, 0.0),
        ("gpu-metric", "gpu datapoints", 3.0, 0.0),
        ("refresh", "seconds until an added text was found", 12.0, 61.0),
    ],
)
def test_numbers_decide(id_, name, holds, fails):
    assert verdict(id_, Evidence(is_emulated=False, numbers={name: holds})) is HOLDS
    assert verdict(id_, Evidence(is_emulated=False, numbers={name: fails})) is FAILS


@pytest.mark.parametrize(
    ("spread_s", "whole_s", "outcome"), [(0.4, 0.6, HOLDS), (0.0, 0.6, FAILS), (0.0, 0.1, UNKNOWN)]
)
def test_a_stream_that_comes_at_once_is_none_unless_it_was_short(spread_s, whole_s, outcome):
    numbers = {"seconds between first and last event": spread_s, "seconds of the stream": whole_s}
    assert verdict("streaming", Evidence(is_emulated=False, numbers=numbers)) is outcome


@pytest.mark.parametrize(("wanted", "outcome"), [(1, HOLDS), (0, FAILS)])
def test_the_alarm_wakes_if_a_copy_is_wanted_before_anybody_asks(wanted, outcome):
    marks = {"probed at zero": 10.0, "asked to wake": 50.0, "woken": 90.0}
    evidence = seen(marks, view(20.0, wanted=wanted), view(60.0, wanted=1))
    evidence.probes["openai path at zero"] = Probe(400)
    assert verdict("alarm-wakes", evidence) is outcome


@pytest.mark.parametrize(("after_s", "outcome"), [(700.0, HOLDS), (1300.0, FAILS)])
def test_an_instance_is_released_in_time_or_too_late(after_s, outcome):
    marks = {"asked to sleep": 0.0, "probed at zero": 2000.0}
    evidence = seen(marks, view(50.0, instances=1), view(after_s, instances=0))
    assert verdict("release", evidence) is outcome


def test_an_instance_that_stays_is_told():
    evidence = seen({"asked to sleep": 0.0, "probed at zero": 1500.0}, view(50.0, instances=1), view(1400, instances=1))
    assert verdict("release", evidence) is FAILS


@pytest.mark.parametrize("id_", ["lists", "tags"])
def test_lags_are_measured_from_when_it_was_first_seen(id_):
    marks = {"asked to create": 0.0, "asked to delete": 1000.0}
    late = {"is_listed": True, "is_tagged": True}
    assert verdict(id_, seen(marks, view(10.0), view(200.0, **late))) is HOLDS
    assert verdict(id_, seen(marks, view(10.0), view(400.0, **late))) is FAILS
    assert verdict(id_, seen(marks, view(10.0), view(400.0))) is FAILS


def test_gone_means_that_the_target_is_gone_too():
    marks = {"asked to delete": 0.0, "gone": 60.0}
    assert verdict("all-goes", seen(marks, View(60.0, ""))) is HOLDS
    assert verdict("all-goes", seen(marks, View(60.0, "", target={}))) is FAILS
    assert verdict("all-goes", seen({"asked to delete": 0.0}, View(60.0, ""))) is UNKNOWN


@pytest.mark.parametrize(
    ("id_", "marks"),
    [
        ("start", {"asked to create": 0.0, "ready": 300.0}),
        ("wake", {"asked to wake": 0.0, "woken": 300.0}),
    ],
)
def test_waits_have_limits(id_, marks):
    assert verdict(id_, seen(marks)) is HOLDS
    assert verdict(id_, seen({name: at_s * 10 for name, at_s in marks.items()})) is FAILS


def test_the_report_counts_and_says_what_follows():
    said: list[str] = []
    assert report.show(with_probe("openai chat awake", 404, "no such route"), said.append) == 1
    assert "then: adapter: use InvokeEndpointWithResponseStream" in "\n".join(said)
    assert said[-1] == f"\n0 hold, 1 fail, {len(TABLE) - 1} not seen"
