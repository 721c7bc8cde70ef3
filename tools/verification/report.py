"""What is said before and after a walk: the price, the verdicts, the bill."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tools.verification.api import Api, StepFailed, post
from tools.verification.assumptions import TABLE
from tools.verification.checks import Outcome, Verdict, unknown
from tools.verification.evidence import Evidence

WALK_HOURS = Decimal("1.25")  # start, sleep, release, wake, delete, at AWS's own speed
VECTOR_USD_PER_HOUR = Decimal("0.72")  # 3 OCU of OpenSearch Serverless at 0.24, while it is awake
LABELS = {Outcome.HOLDS: "holds", Outcome.FAILS: "FAILS", Outcome.UNKNOWN: "?"}


def price(api: Api, sources: dict[str, dict[str, Any]]) -> Decimal:
    """At most, in USD. Raises StepFailed where a plan has no price or would be refused."""
    total = VECTOR_USD_PER_HOUR * WALK_HOURS
    for source, more in sources.items():
        plan = post(api, "/model/plan", name="verify", model=source, backend="sagemaker", **more)["plan"]
        if plan["usd_per_hour"] is None or plan["refusal"] is not None:
            raise StepFailed(f"{source}: {plan['refusal'] or 'its price is not known in this region'}")
        total += Decimal(plan["usd_per_hour"]) * WALK_HOURS
    return total.quantize(Decimal("0.01"))


def spent(api: Api, names: set[str]) -> Decimal:
    """By the installation's own ledger."""
    members = post(api, "/admin/fleet")["models"]
    return sum((Decimal(m["usd_spent"] or 0) for m in members if m["name"] in names), Decimal(0))


def verdicts(evidence: Evidence) -> list[tuple[str, Verdict]]:
    return [(assumption.id, assumption.check(evidence)) for assumption in TABLE]


def show(evidence: Evidence, say: Callable[[str], None]) -> int:
    """How many assumptions do not hold."""
    found = dict(verdicts(evidence))
    say(f"\nAssumptions, on {'an emulated account' if evidence.is_emulated else 'AWS'}:")
    for assumption in TABLE:
        verdict = found[assumption.id]
        if verdict == unknown():
            continue  # counted below: what a short walk did not come to would be all there is to read
        say(f"  {LABELS[verdict.outcome]:5}  {assumption.assumed} ({verdict.why})")
        if verdict.outcome is Outcome.FAILS:
            say(f"         then: {assumption.if_wrong}")
    counts = {outcome: sum(verdict.outcome is outcome for verdict in found.values()) for outcome in Outcome}
    say(f"\n{counts[Outcome.HOLDS]} hold, {counts[Outcome.FAILS]} fail, {counts[Outcome.UNKNOWN]} not seen")
    return counts[Outcome.FAILS]
