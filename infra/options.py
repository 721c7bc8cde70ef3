"""What one synthesis is for, read from CDK's context (`-c key=value`) and checked before anything is built."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

ROOT: Final = Path(__file__).resolve().parent.parent
TARGETS: Final = ("aws", "emulated")
STAGE: Final = re.compile(r"[a-z][a-z0-9]{0,6}", re.ASCII)
# What the functions take off a path that begins with the stage would be a part of these routes.
ROUTED: Final = frozenset(
    {"admin", "auth", "chat", "files", "health", "history", "jobs", "model", "models", "openai", "ready", "v1", "vdb"}
)
REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]", re.ASCII)
CHOSEN: Final = (
    "max_models",
    "max_instances",
    "max_usd_per_hour",
    "instance_types",
    "sleep_after_s",
    "wake_timeout_s",
    "max_file_mib",
    "log_level",
)
PLACEHOLDER: Final = "placeholder"


class BadOption(ValueError):
    """A context value that nothing can be made of; says which, and what it takes."""


@dataclass(frozen=True)
class Options:
    stage: str
    target: str
    region: str
    alarm_email: str | None
    monthly_budget_usd: int
    opensearch_url: str | None
    code: str | None
    is_snap_started: bool
    is_traced: bool
    settings: Mapping[str, str] = field(default_factory=dict)  # of the product, by variable, as far as chosen here

    @classmethod
    def from_context(cls, context: Callable[[str], Any]) -> Self:
        def text(key: str, default: str) -> str:
            value = context(key)
            return default if value is None else str(value).strip()

        options = cls(
            stage=text("stage", "dev"),
            target=text("target", "aws"),
            region=text("region", "us-east-1"),
            alarm_email=text("alarm_email", "") or None,
            monthly_budget_usd=_whole("monthly_budget_usd", text("monthly_budget_usd", "100")),
            opensearch_url=text("opensearch_url", "") or None,
            code=text("code", "") or None,
            is_snap_started=_flag("snap_start", text("snap_start", "false")),
            is_traced=_flag("tracing", text("tracing", "false")),
            settings={f"LLMANAGER_{key.upper()}": chosen for key in CHOSEN if (chosen := text(key, ""))},
        )
        options.check()
        return options

    def check(self) -> None:
        if self.target not in TARGETS:
            raise BadOption(f"target is one of {', '.join(TARGETS)}.")
        if not STAGE.fullmatch(self.stage):
            raise BadOption("stage is 1 to 7 lower-case letters or digits, a letter first.")
        if self.stage in ROUTED:
            raise BadOption("stage is not the first part of a route: every path begins with the stage or the route.")
        if not REGION.fullmatch(self.region):
            raise BadOption("region is the code of an AWS region, such as us-east-1.")
        if self.alarm_email is not None and "@" not in self.alarm_email:
            raise BadOption("alarm_email is an e-mail address. Leave it out for none.")
        if self.is_snap_started and not self.is_aws:
            raise BadOption("snap_start needs the target aws.")

    @property
    def is_aws(self) -> bool:
        return self.target == "aws"

    def folder(self, group: str) -> Path:
        """Where the built code of a dependency group lies. `code=placeholder`: a folder that only lets one look."""
        if self.code == PLACEHOLDER:
            return ROOT / "infra" / PLACEHOLDER
        folder = (ROOT / self.code if self.code else ROOT / "build" / "lambda" / self.target) / group
        if not folder.is_dir():
            raise BadOption(
                f"The functions' code is not built: {folder.relative_to(ROOT)} is missing. Make it with "
                f"`.venv/bin/python -m tools.lambda_packages {self.target}`, or give code=placeholder to look at "
                "templates that nobody deploys."
            )
        return folder


def _whole(key: str, text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,6}", text):
        raise BadOption(f"{key} is a whole number above 0.")
    return int(text)


def _flag(key: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise BadOption(f"{key} is true or false.")
    return text.lower() == "true"
