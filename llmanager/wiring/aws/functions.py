"""What runs on AWS: each function with its handler, its dependencies, and the settings and tables that it reads.

The one truth of it. infra/ imports nothing of the product and says the same in its own words; a test compares both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Group(StrEnum):
    """Of dependencies: one package each (tools/lambda_packages.py)."""

    API = "api"
    INGEST = "ingest"
    CHAT = "chat"


@dataclass(frozen=True)
class Function:
    handler: str
    group: Group
    tables: frozenset[str] = frozenset()  # of capabilities; LLMANAGER_TABLES is to name these and no others
    settings: frozenset[str] = frozenset()  # read besides EVERYWHERE and LLMANAGER_TABLES
    optional: frozenset[str] = frozenset()  # read too, with a default that may do


EVERYWHERE = frozenset({"LLMANAGER_STAGE"})
EVERYWHERE_OPTIONAL = frozenset({"LLMANAGER_LOG_LEVEL"})

_HTTP_TABLES = frozenset({"auth", "idempotency"})
_HTTP = frozenset({"LLMANAGER_MAX_BODY_MIB", "LLMANAGER_ALLOWED_HOSTS", "LLMANAGER_ANSWER_WITHIN_S"})
_HOSTS = frozenset({"LLMANAGER_SAGEMAKER"})
_HOSTS_OPTIONAL = frozenset({"LLMANAGER_REMOTES", "HF_TOKEN"})
_CAPS = frozenset(
    {
        "LLMANAGER_MAX_MODELS",
        "LLMANAGER_MAX_INSTANCES",
        "LLMANAGER_MAX_USD_PER_HOUR",
        "LLMANAGER_INSTANCE_TYPES",
    }
)
_CALLS = frozenset(  # of models' servers, by the gateway that also embeds
    {
        "LLMANAGER_WAKE_TIMEOUT_S",
        "LLMANAGER_HOLD_SILENT_S",
        "LLMANAGER_MAX_WAITERS",
        "LLMANAGER_FIRST_BYTE_S",
        "LLMANAGER_GAP_S",
    }
)
_VECTORS = frozenset({"LLMANAGER_BUCKET", "LLMANAGER_OPENSEARCH"})
_RECONCILE = frozenset({"LLMANAGER_RECONCILE_QUEUE_URL"})
_JOBS = frozenset({"LLMANAGER_JOBS_QUEUE_URL"})

FUNCTIONS: Mapping[str, Function] = {
    "authorizer": Function("lambdas.auth.authorizer.handler", Group.API, frozenset({"auth"})),
    "auth": Function(
        "lambdas.auth.handler.handler",
        Group.API,
        _HTTP_TABLES,
        frozenset({"LLMANAGER_ADMIN_SECRET"}),
        _HTTP,
    ),
    "models": Function(
        "lambdas.models.handler.handler",
        Group.API,
        _HTTP_TABLES | {"registry", "vdb"},  # vdb: /admin/fleet lists them
        _RECONCILE | _HOSTS,
        _HTTP | _HOSTS_OPTIONAL | _CAPS | {"LLMANAGER_SLEEP_AFTER_S"},
    ),
    "reconciler": Function(
        "lambdas.models.reconciler.handler",
        Group.API,
        frozenset({"registry"}),
        _RECONCILE | _HOSTS,
        _HOSTS_OPTIONAL,
    ),
    "reaper": Function(
        "lambdas.reaper.handler.handler",
        Group.INGEST,
        frozenset({"registry", "history", "vdb", "files", "ingested", "jobs"}),
        _RECONCILE | _HOSTS | _VECTORS | _JOBS,
        _HOSTS_OPTIONAL,
    ),
    "watchdog": Function("lambdas.watchdog.handler.handler", Group.API, settings=_HOSTS),
    "history": Function("lambdas.history.handler.handler", Group.API, _HTTP_TABLES | {"history"}, optional=_HTTP),
    "vdb": Function(
        "lambdas.vdb.handler.handler",
        Group.INGEST,
        _HTTP_TABLES | {"registry", "vdb", "files", "jobs", "ingested"},
        _RECONCILE | _JOBS | _HOSTS | _VECTORS,
        _HTTP | _HOSTS_OPTIONAL | _CALLS | {"LLMANAGER_MAX_FILE_MIB"},
    ),
    "jobs": Function("lambdas.jobs.handler.handler", Group.API, _HTTP_TABLES | {"jobs"}, _JOBS, _HTTP),
    "worker": Function(
        "lambdas.jobs.worker.handler",
        Group.INGEST,
        frozenset({"registry", "vdb", "files", "jobs", "ingested"}),
        _RECONCILE | _JOBS | _HOSTS | _VECTORS,
        _HOSTS_OPTIONAL | _CALLS | {"LLMANAGER_MAX_FILE_MIB"},
    ),
    "chat": Function(
        "lambdas.chat.handler.handler",
        Group.CHAT,
        _HTTP_TABLES | {"registry", "vdb", "history"},
        _RECONCILE | _HOSTS | _VECTORS,
        _HTTP | _HOSTS_OPTIONAL | _CALLS,
    ),
}


def settings_of(name: str) -> frozenset[str]:
    """All that the function reads, of which `Function.settings` and EVERYWHERE must be given."""
    function = FUNCTIONS[name]
    tables = {"LLMANAGER_TABLES"} if function.tables else set()
    return EVERYWHERE | EVERYWHERE_OPTIONAL | function.settings | function.optional | tables
