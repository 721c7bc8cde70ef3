"""Physical names, all with the stage in them, so that several stages live in one account."""

from typing import Final

TABLES: Final = ("registry", "auth", "history", "vdb", "files", "jobs", "ingested", "idempotency")
STAGE_TAG: Final = "llmanager:stage"
METRICS: Final = "LLManager"


def prefixed(stage: str, name: str) -> str:
    return f"lm-{stage}-{name}"


def stack(stage: str, name: str) -> str:
    return prefixed(stage, name)


def alarm(stage: str, name: str) -> str:
    """Not as models' wake alarms are named: the reaper may delete those, and none of these."""
    return f"llmanager-{stage}-{name}"


def table(stage: str, name: str) -> str:
    return prefixed(stage, name)


def bucket(stage: str, account: str, region: str) -> str:
    return f"lm-{stage}-blobs-{account}-{region}"


def admin_secret(stage: str) -> str:
    return prefixed(stage, "admin-key")


def collection(stage: str) -> str:
    return prefixed(stage, "vectors")
