"""What AWS answered, kept for the contract suite: each call once a moment, without anything of the account in it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from llmanager.adapters.aws.sagemaker_catalog import catalog

ACCOUNT: Final = "123456789012"  # the one of AWS's own documentation
TWELVE_DIGITS: Final = re.compile(r"(?<!\d)\d{12}(?!\d)")
BUCKET: Final = re.compile(r"s3://[^/\s\"]+")
ROLE: Final = re.compile(r"(:(?:role|user|assumed-role)/)[^\s\"',]+")
IDS: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
NO_ID: Final = "00000000-0000-0000-0000-000000000000"
SECRET: Final = re.compile(r"token|secret|password|credential", re.IGNORECASE)
DROPPED: Final = frozenset({"ResponseMetadata", "NextToken", "PaginationToken"})


@cache
def public_accounts() -> frozenset[str]:
    """Those of AWS's image registries, which are no secret and which readers compare."""
    return frozenset(account for image in catalog().images.values() for account in image.accounts.values())


def scrubbed(value: Any) -> Any:
    """JSON of it without account numbers, roles, buckets, request ids and secrets."""
    match value:
        case datetime() | date():
            return value.isoformat()
        case Mapping():
            return {
                key: "…" if SECRET.search(key) and isinstance(item, str) else scrubbed(item)
                for key, item in value.items()
                if key not in DROPPED
            }
        case list() | tuple():
            return [scrubbed(item) for item in value]
        case str():
            return scrubbed_text(value)
        case None | bool() | int() | float():
            return value
    return f"<{type(value).__name__}>"  # a stream, which is not read here


def scrubbed_text(text: str) -> str:
    known = public_accounts()
    told = TWELVE_DIGITS.sub(lambda found: found[0] if found[0] in known else ACCOUNT, text)
    return IDS.sub(NO_ID, BUCKET.sub("s3://bucket", ROLE.sub(r"\1hosting", told)))


@dataclass
class Recorder:
    """Attached to boto3 clients; `moment` is what the walk is at."""

    source: str  # "aws" or "emulator"
    moment: str = ""
    calls: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)

    def attach(self, client: Any) -> None:
        client.meta.events.register("after-call", self._keep)

    def _keep(self, model: Any, parsed: Mapping[str, Any], **_: Any) -> None:
        key = (self.moment, model.service_model.service_name, model.name)
        if not self.moment or key in self.calls:
            return
        error = parsed.get("Error")
        told = {"error": scrubbed(error)} if error else {"response": scrubbed(parsed)}
        status = parsed.get("ResponseMetadata", {}).get("HTTPStatusCode")
        self.calls[key] = {"service": key[1], "operation": key[2], "status": status, **told}

    def write(self, folder: Path, on: date) -> list[Path]:
        """A file a moment, with all its calls."""
        written = []
        for moment in dict.fromkeys(moment for moment, _, _ in self.calls):
            calls = [call for (at, _, _), call in self.calls.items() if at == moment]
            content = {"moment": moment, "recorded_from": self.source, "as_of": on.isoformat(), "calls": calls}
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / f"{moment.replace(' ', '-')}.json"
            file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
            written.append(file)
        return written
