"""Every function of the API: what runs it, what it reads, and which settings it is given.

What a function may do follows from this table; a test compares it with what the product says that it needs.
"""

from dataclasses import dataclass
from typing import Final

ALL_SETTINGS: Final = ("LLMANAGER_STAGE", "LLMANAGER_LOG_LEVEL")
GATEWAY_TIMEOUT_S: Final = 29  # of API Gateway, for what does not stream
LONGEST_S: Final = 900  # of Lambda, and of a streamed answer through API Gateway

# Settings that a deployment may choose (`-c max_instances=2`); without that the product's own defaults count.
CAPS: Final = (
    "LLMANAGER_MAX_MODELS",
    "LLMANAGER_MAX_INSTANCES",
    "LLMANAGER_MAX_USD_PER_HOUR",
    "LLMANAGER_INSTANCE_TYPES",
)
HTTP: Final = ("LLMANAGER_TABLES", "LLMANAGER_MAX_BODY_MIB")
HOSTS: Final = ("LLMANAGER_SAGEMAKER", "LLMANAGER_RECONCILE_QUEUE_URL")
VECTORS: Final = ("LLMANAGER_BUCKET", "LLMANAGER_OPENSEARCH")
CALLS: Final = ("LLMANAGER_WAKE_TIMEOUT_S",)


@dataclass(frozen=True)
class Shape:
    name: str
    handler: str
    group: str
    timeout_s: int = GATEWAY_TIMEOUT_S
    memory_mib: int = 512
    disk_mib: int = 512
    reads: tuple[str, ...] = ()  # tables it reads
    uses: tuple[str, ...] = ()  # tables it reads and writes
    settings: tuple[str, ...] = ()
    asks_itself: bool = False  # by messages to its own queue, whose number the product bounds

    @property
    def tables(self) -> tuple[str, ...]:
        return (*self.reads, *self.uses)


AUTHORIZER: Final = Shape(
    "authorizer",
    "lambdas.auth.authorizer.handler",
    "api",
    timeout_s=10,
    reads=("auth",),
    settings=("LLMANAGER_TABLES",),
)
AUTH: Final = Shape(
    "auth",
    "lambdas.auth.handler.handler",
    "api",
    uses=("auth", "idempotency"),
    settings=(*HTTP, "LLMANAGER_ADMIN_SECRET"),
)
MODELS: Final = Shape(
    "models",
    "lambdas.models.handler.handler",
    "api",
    reads=("auth", "vdb"),
    uses=("registry", "idempotency"),
    settings=(*HTTP, *HOSTS, *CAPS, "LLMANAGER_SLEEP_AFTER_S"),
)
RECONCILER: Final = Shape(
    "reconciler",
    "lambdas.models.reconciler.handler",
    "api",
    timeout_s=120,
    uses=("registry",),
    settings=("LLMANAGER_TABLES", *HOSTS),
    asks_itself=True,
)
REAPER: Final = Shape(
    "reaper",
    "lambdas.reaper.handler.handler",
    "ingest",
    timeout_s=900,  # it restores what a request had no time for, from the first segment each time
    uses=("registry", "history", "vdb", "files", "ingested", "jobs"),
    settings=("LLMANAGER_TABLES", *HOSTS, *VECTORS, "LLMANAGER_JOBS_QUEUE_URL"),
)
WATCHDOG: Final = Shape(
    "watchdog", "lambdas.watchdog.handler.handler", "api", timeout_s=240, settings=("LLMANAGER_SAGEMAKER",)
)
HISTORY: Final = Shape(
    "history", "lambdas.history.handler.handler", "api", reads=("auth",), uses=("history", "idempotency"), settings=HTTP
)
VDB: Final = Shape(
    "vdb",
    "lambdas.vdb.handler.handler",
    "ingest",
    memory_mib=1024,
    reads=("auth",),
    uses=("registry", "vdb", "files", "jobs", "ingested", "idempotency"),
    settings=(*HTTP, *HOSTS, *VECTORS, *CALLS, "LLMANAGER_JOBS_QUEUE_URL", "LLMANAGER_MAX_FILE_MIB"),
)
JOBS: Final = Shape(
    "jobs",
    "lambdas.jobs.handler.handler",
    "api",
    reads=("auth",),
    uses=("jobs", "idempotency"),
    settings=(*HTTP, "LLMANAGER_JOBS_QUEUE_URL"),
)
WORKER: Final = Shape(
    "worker",
    "lambdas.jobs.worker.handler",
    "ingest",
    timeout_s=LONGEST_S,
    memory_mib=3008,
    disk_mib=4096,
    uses=("registry", "vdb", "files", "jobs", "ingested"),
    settings=("LLMANAGER_TABLES", *HOSTS, *VECTORS, *CALLS, "LLMANAGER_JOBS_QUEUE_URL", "LLMANAGER_MAX_FILE_MIB"),
    asks_itself=True,
)
CHAT: Final = Shape(
    "chat",
    "lambdas.chat.handler.handler",
    "chat",
    timeout_s=LONGEST_S,
    reads=("auth",),
    uses=("registry", "history", "vdb", "idempotency"),
    settings=(*HTTP, *HOSTS, *VECTORS, *CALLS),
)
FUNCTIONS: Final = {
    shape.name: shape
    for shape in (
        AUTHORIZER,
        AUTH,
        MODELS,
        RECONCILER,
        REAPER,
        WATCHDOG,
        HISTORY,
        VDB,
        JOBS,
        WORKER,
        CHAT,
    )
}
STREAMING_HANDLER: Final = "lambdas/chat/serve.sh"
