"""The checks behind the assumptions: pure, from the evidence alone.

UNKNOWN is an answer: a walk that was cut short has not seen all.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from tools.verification.evidence import Evidence, Probe, View

RELEASE_S, LAG_S, START_S, WAKE_S, REFRESH_S = 1200.0, 300.0, 1800.0, 900.0, 60.0
TELLING_S = 0.5  # a shorter stream may well arrive at once


class Outcome(Enum):
    HOLDS = "holds"
    FAILS = "FAILS"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdict:
    outcome: Outcome
    why: str


def unknown(why: str = "the walk did not come that far") -> Verdict:
    return Verdict(Outcome.UNKNOWN, why)


def decided(is_so: bool, why: str) -> Verdict:
    return Verdict(Outcome.HOLDS if is_so else Outcome.FAILS, why)


def probed(evidence: Evidence, name: str, is_so: Callable[[Probe], bool]) -> Verdict:
    probe = evidence.probes.get(name)
    if probe is None:
        return unknown()
    if probe.status == 0:
        return unknown(f"no answer: {probe.said}")
    return decided(is_so(probe), f"{probe.status} {probe.code} {probe.said}"[:160].strip())


def first(views: Iterable[View], is_so: Callable[[View], bool]) -> View | None:
    return next((view for view in views if is_so(view)), None)


def says_no_capacity(evidence: Evidence) -> Verdict:
    return probed(evidence, "invoke at zero", lambda p: not p.is_ok and "capacity" in p.said.lower())


def openai_at_zero_is_refused(evidence: Evidence) -> Verdict:
    return probed(evidence, "openai path at zero", lambda p: 400 <= p.status < 600)


def openai_at_zero_is_counted(evidence: Evidence) -> Verdict:
    count = evidence.numbers.get("no-capacity failures after the openai path")
    if count is None:
        return unknown()
    return decided(count > 0, f"NoCapacityInvocationFailures: {count:g}")


def alarm_wakes(evidence: Evidence) -> Verdict:
    if "openai path at zero" not in evidence.probes or "woken" not in evidence.marks:
        return unknown()
    seen = first(evidence.between("probed at zero", "asked to wake"), lambda view: view.wanted_copies > 0)
    return decided(seen is not None, "a copy was wanted before anybody asked" if seen else "nothing happened by itself")


def chat_is_routed(evidence: Evidence) -> Verdict:
    return probed(evidence, "openai chat awake", lambda p: p.is_ok)


def embeddings_are_not_routed(evidence: Evidence) -> Verdict:
    return probed(evidence, "openai embeddings awake", lambda p: not p.is_ok)


def endpoint_waits_for_component(evidence: Evidence) -> Verdict:
    return probed(evidence, "delete the endpoint with its component", lambda p: not p.is_ok)


def all_goes(evidence: Evidence) -> Verdict:
    lag_s = evidence.lag_s("asked to delete", "gone")
    if lag_s is None:
        return unknown("it was not seen gone" if "asked to delete" in evidence.marks else "it was not deleted")
    last = evidence.views[-1]
    return decided(not last.is_there and last.target is None, f"gone after {lag_s:.0f} s")


def target_while_creating(evidence: Evidence) -> Verdict:
    seen = first(evidence.between("asked to create"), lambda v: v.component is not None)
    if seen is None:
        return unknown()
    early = first(evidence.between("asked to create"), lambda v: v.component_status == "Creating" and bool(v.target))
    return Verdict(
        Outcome.HOLDS, "registered while Creating" if early else "registered only later: the retry is needed"
    )


def copies_end(evidence: Evidence) -> Verdict:
    seen = first(evidence.between("asked to sleep"), lambda view: view.copies == 0 and view.component is not None)
    return (
        unknown() if seen is None else Verdict(Outcome.HOLDS, f"{seen.at_s - evidence.marks['asked to sleep']:.0f} s")
    )


def instances_are_released(evidence: Evidence) -> Verdict:
    views = list(evidence.between("asked to sleep", "probed at zero"))
    if first(views, lambda view: view.copies == 0) is None:
        return unknown()
    seen = first(views, lambda view: view.instances == 0 and view.endpoint is not None)
    if seen is None:
        return Verdict(Outcome.FAILS, "an instance was still there when the walk went on")
    after_s = seen.at_s - evidence.marks["asked to sleep"]
    return decided(evidence.is_emulated or after_s <= RELEASE_S, f"after {after_s:.0f} s")


def lists_lag(evidence: Evidence) -> Verdict:
    return lag(evidence, lambda view: view.is_listed, "listed")


def tags_lag(evidence: Evidence) -> Verdict:
    return lag(evidence, lambda view: view.is_tagged, "in the tagging index")


def lag(evidence: Evidence, is_so: Callable[[View], bool], what: str) -> Verdict:
    there = first(evidence.between("asked to create"), lambda view: view.is_there)
    if there is None:
        return unknown()
    seen = first(evidence.between("asked to create", "asked to delete"), is_so)
    if seen is None:
        return Verdict(Outcome.FAILS, f"never {what}")
    lag_s = max(0.0, seen.at_s - there.at_s)
    return decided(lag_s <= LAG_S, f"{what} {lag_s:.0f} s after it was seen")


def starts_within(evidence: Evidence) -> Verdict:
    return within(evidence, "asked to create", "ready", START_S)


def wakes_within(evidence: Evidence) -> Verdict:
    return within(evidence, "asked to wake", "woken", WAKE_S)


def within(evidence: Evidence, start: str, end: str, most_s: float) -> Verdict:
    lag_s = evidence.lag_s(start, end)
    return unknown() if lag_s is None else decided(lag_s <= most_s, f"{lag_s:.0f} s")


def bills_from_the_launch(evidence: Evidence) -> Verdict:
    spent = evidence.numbers.get("usd by the ledger")
    return unknown(
        "compare tomorrow: Cost Explorer, service SageMaker, usage type Host, with the ledger's "
        + ("sum" if spent is None else f"{spent:.2f} USD")
    )


def gpu_metric_comes(evidence: Evidence) -> Verdict:
    count = evidence.numbers.get("gpu datapoints")
    if count is None:
        return unknown()
    return decided(count > 0, f"{count:g} datapoints of GPUUtilizationNormalized")


def nextgen_refuses_engines(evidence: Evidence) -> Verdict:
    return probed(evidence, "index with an engine", lambda p: p.status == 400)


def refresh_is_short(evidence: Evidence) -> Verdict:
    seconds = evidence.numbers.get("seconds until an added text was found")
    return unknown() if seconds is None else decided(seconds <= REFRESH_S, f"{seconds:.1f} s")


def hibernation_returns(evidence: Evidence) -> Verdict:
    return probed(evidence, "query after hibernation", lambda p: p.is_ok)


def large_bodies_are_refused(evidence: Evidence) -> Verdict:
    return probed(evidence, "body over the limit", lambda p: p.status == 413 and p.code != "")


def strangers_are_refused(evidence: Evidence) -> Verdict:
    return probed(evidence, "no key", lambda p: p.status == 401 and p.code != "")


def streams_arrive_in_parts(evidence: Evidence) -> Verdict:
    spread_s = evidence.numbers.get("seconds between first and last event")
    whole_s = evidence.numbers.get("seconds of the stream", 0.0)
    if spread_s is None:
        return unknown()
    if whole_s < TELLING_S:
        return unknown(f"all of it took {whole_s:.2f} s: too quick to tell")
    return decided(spread_s > TELLING_S / 10, f"first and last event {spread_s:.2f} s apart, of {whole_s:.2f} s")
