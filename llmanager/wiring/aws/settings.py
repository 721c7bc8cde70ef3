"""What only the functions on AWS are told: where their tables, queues, blobs and vectors are.

Addresses of AWS's services are no settings: boto3's own AWS_ENDPOINT_URL_* lead to an emulator.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self, TypeVar

from llmanager.wiring import values
from llmanager.wiring.settings import Settings, environment
from llmanager.wiring.values import Setting, SettingsError

T = TypeVar("T")
TABLE_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}", re.ASCII)
OPENSEARCH_KINDS = ("serverless", "domain", "open")


@dataclass(frozen=True)
class OpenSearch:
    url: str
    kind: str  # serverless: signed for aoss; domain: signed for es; open: not signed


def tables(raw: str) -> Mapping[str, str]:
    """Raises ValueError."""
    wanted = 'must be a JSON object such as {"registry": "lm-dev-registry"}. Deploy again to have it written.'
    found = _object(raw or "{}", wanted)
    if not all(isinstance(name, str) and TABLE_NAME.fullmatch(name) for name in found.values()):
        raise ValueError(wanted)
    return found


def opensearch(raw: str) -> OpenSearch:
    """Raises ValueError."""
    kinds = " or ".join(OPENSEARCH_KINDS)
    wanted = f'must be {{"url": "https://…", "kind": "…"}} with a kind of {kinds}. Deploy again to have it written.'
    found = _object(raw, wanted)
    if found.keys() != {"url", "kind"} or found["kind"] not in OPENSEARCH_KINDS or not isinstance(found["url"], str):
        raise ValueError(wanted)
    return OpenSearch(values.web_address(found["url"]), found["kind"])


def _object(raw: str, wanted: str) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except ValueError:
        raise ValueError(wanted) from None
    if not isinstance(found, dict):
        raise ValueError(wanted)
    return found


@dataclass(frozen=True)
class AwsSettings:
    """Each function is given only what it needs (functions.py); `there` tells of what it lacks."""

    common: Settings  # those that it shares with every platform
    tables: Annotated[
        Mapping[str, str],
        Setting(
            "LLMANAGER_TABLES",
            "",
            tables,
            'the DynamoDB tables, as JSON: {"registry": "lm-dev-registry", …}.',
        ),
    ]
    bucket: Annotated[
        str | None,
        Setting(
            "LLMANAGER_BUCKET",
            "",
            values.optional(values.text),
            "the S3 bucket of files and segments.",
        ),
    ]
    reconcile_queue: Annotated[
        str | None,
        Setting(
            "LLMANAGER_RECONCILE_QUEUE_URL",
            "",
            values.optional(values.web_address),
            "the SQS queue of models to look at.",
        ),
    ]
    jobs_queue: Annotated[
        str | None,
        Setting(
            "LLMANAGER_JOBS_QUEUE_URL",
            "",
            values.optional(values.web_address),
            "the SQS queue of jobs.",
        ),
    ]
    opensearch: Annotated[
        OpenSearch | None,
        Setting(
            "LLMANAGER_OPENSEARCH",
            "",
            values.optional(opensearch),
            'where vectors are searched, as JSON: {"url": "https://…", "kind": "serverless"}; kind domain is a '
            "cluster that asks for signatures, open one that asks for none.",
        ),
    ]
    admin_secret: Annotated[
        str | None,
        Setting(
            "LLMANAGER_ADMIN_SECRET",
            "",
            values.optional(values.text),
            "the name of the secret in Secrets Manager that keeps the first API key.",
        ),
    ]
    answer_within_s: Annotated[
        float,
        Setting(
            "LLMANAGER_ANSWER_WITHIN_S",
            "27",
            values.seconds,
            "how long a request may take in all, in seconds: less than API Gateway's 29, or than 900 where it streams.",
        ),
    ]

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Raises SettingsError for the first that is wrong. LLMANAGER_AUTH is not asked: every function wants keys."""
        return cls(common=Settings.from_env(env), **values.parsed(declared(), env))

    @classmethod
    def load(cls) -> Self:
        return cls.from_env(environment())

    def table_name(self, capability: str) -> str:
        """Raises SettingsError."""
        if capability not in self.tables:
            raise SettingsError("LLMANAGER_TABLES", f"names no table for {capability!r}. Deploy again.")
        return self.tables[capability]


def there(value: T | None, name: str) -> T:
    """The value of the setting `name`. Raises SettingsError where this function was not given it."""
    if value is None:
        raise SettingsError(name, "is needed by this function and was not given to it. Deploy again.")
    return value


def declared() -> dict[str, Setting]:
    """By the name of the field, in the order of the class."""
    return values.declared_in(AwsSettings)
