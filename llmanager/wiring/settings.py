"""Every setting of LLManager: read once, at the door, from the environment and an optional `.env` file.

`.env.template` is made from this file (`./run.sh lock`); a test keeps both equal.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Self

from llmanager.adapters.local.engines import EngineCommand
from llmanager.adapters.remote.openai_host import Remote
from llmanager.wiring import values
from llmanager.wiring.env_file import read_env_file
from llmanager.wiring.values import Setting

LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True)
class Settings:
    host: Annotated[
        str,
        Setting(
            "LLMANAGER_HOST",
            "127.0.0.1",
            values.text,
            "Address to listen on. Anything but this machine's own loopback needs LLMANAGER_AUTH=keys.",
        ),
    ]
    port: Annotated[int, Setting("LLMANAGER_PORT", "8080", values.whole(0, 65535), "TCP port. 0: any free one.")]
    home: Annotated[
        Path,
        Setting(
            "LLMANAGER_HOME", "~/.llmanager", values.folder, "Folder of everything that is kept: rows, weights, logs."
        ),
    ]
    auth: Annotated[
        str,
        Setting(
            "LLMANAGER_AUTH",
            "off",
            values.one_of("off", "keys"),
            "off: no keys, loopback only. keys: every route but /health and /ready needs an API key "
            "(./run.sh key create NAME).",
        ),
    ]
    stage: Annotated[
        str,
        Setting(
            "LLMANAGER_STAGE",
            "dev",
            values.stage,
            "Name of this installation, part of resource names and a tolerated path prefix (/dev). "
            "1 to 7 lower-case letters or digits, a letter first.",
        ),
    ]
    allowed_hosts: Annotated[
        tuple[str, ...],
        Setting(
            "LLMANAGER_ALLOWED_HOSTS",
            "",
            values.host_names,
            "Host names, comma-separated, that requests may carry besides this machine's own; "
            "others are refused (DNS rebinding). Empty: none.",
        ),
    ]
    models_dir: Annotated[
        Path | None,
        Setting(
            "LLMANAGER_MODELS_DIR",
            "",
            values.optional(values.folder),
            "Folder under which a model may be given as a GGUF path. Empty: models-own in LLMANAGER_HOME.",
        ),
    ]
    docs_dir: Annotated[
        Path | None,
        Setting(
            "LLMANAGER_DOCS_DIR",
            "",
            values.optional(values.folder),
            "Folder whose documents every key that writes to a vector database may ingest, as folder:PATH. "
            "Empty: docs-own in LLMANAGER_HOME.",
        ),
    ]
    memory_mib: Annotated[
        int | None,
        Setting(
            "LLMANAGER_MEMORY_MIB",
            "",
            values.optional(values.whole(64)),
            "Memory of all model workers together, in MiB. Empty: 70 % of this machine's.",
        ),
    ]
    sleep_after_s: Annotated[
        int,
        Setting(
            "LLMANAGER_SLEEP_AFTER_S",
            "900",
            values.whole(0),
            "Idle time after which a new model sleeps, in seconds, unless its creation says otherwise. 0: never.",
        ),
    ]
    max_models: Annotated[
        int,
        Setting(
            "LLMANAGER_MAX_MODELS",
            "200",
            values.whole(1, 10_000),
            "Models there may be at once, of all tenants, sleeping ones too; no request can lift it.",
        ),
    ]
    max_instances: Annotated[
        int,
        Setting(
            "LLMANAGER_MAX_INSTANCES",
            "4",
            values.whole(0, 10_000),
            "Billed instances that all models together may run at worst, counted when one is created or changed; no "
            "request can lift it. What runs on this machine or at a remote is not counted. 0: none.",
        ),
    ]
    max_usd_per_hour: Annotated[
        Decimal,
        Setting(
            "LLMANAGER_MAX_USD_PER_HOUR",
            "5",
            values.usd,
            "What all models together may cost at worst, in USD an hour, counted when one is created or changed; no "
            "request can lift it. 0: nothing that costs money.",
        ),
    ]
    instance_types: Annotated[
        frozenset[str] | None,
        Setting(
            "LLMANAGER_INSTANCE_TYPES",
            "",
            values.optional(values.instance_types),
            "Instance types that may be billed, comma-separated; one whose price is not known here must be among "
            "them. Empty: every type whose price is known.",
        ),
    ]
    wake_timeout_s: Annotated[
        float,
        Setting(
            "LLMANAGER_WAKE_TIMEOUT_S",
            "120",
            values.seconds,
            "How long a request waits for its model to wake, in seconds.",
        ),
    ]
    hold_silent_s: Annotated[
        float,
        Setting(
            "LLMANAGER_HOLD_SILENT_S",
            "20",
            values.seconds,
            "How much of that wait is silent, in seconds; then a streaming request gets comments that tell the stage.",
        ),
    ]
    max_waiters: Annotated[
        int,
        Setting(
            "LLMANAGER_MAX_WAITERS",
            "256",
            values.whole(1),
            "Requests that may wait for one model at once; one more gets 503 with Retry-After.",
        ),
    ]
    max_body_mib: Annotated[
        int, Setting("LLMANAGER_MAX_BODY_MIB", "10", values.whole(1, 1024), "Largest request body, in MiB.")
    ]
    max_file_mib: Annotated[
        int, Setting("LLMANAGER_MAX_FILE_MIB", "2048", values.whole(1, 1_048_576), "Largest uploaded file, in MiB.")
    ]
    first_byte_s: Annotated[
        float,
        Setting(
            "LLMANAGER_FIRST_BYTE_S",
            "60",
            values.seconds,
            "How long a model's server may take to begin its answer, in seconds.",
        ),
    ]
    gap_s: Annotated[
        float, Setting("LLMANAGER_GAP_S", "30", values.seconds, "Longest silence within a streamed answer, in seconds.")
    ]
    liveness_s: Annotated[
        float,
        Setting(
            "LLMANAGER_LIVENESS_S",
            "30",
            values.seconds,
            "How often an idle replica is asked for one token, to see that it is alive, and how long it may take to "
            "answer, in seconds. One that is silent twice is started again.",
        ),
    ]
    engines: Annotated[
        Mapping[str, EngineCommand],
        Setting(
            "LLMANAGER_ENGINES",
            "",
            values.engines,
            'External servers that may run a model, as JSON: {"NAME": {"argv": ["CMD", …], "key_env": "VARIABLE"}}. '
            "In argv {model}, {port}, {context_tokens}, {slots}, {total_context_tokens} and {threads} are replaced. "
            "Optional: `key_env` names the variable in which the command expects its API key, `env` is all of its "
            "environment besides PATH, `health_path` (/health), `served_name`. Empty: none.",
        ),
    ]
    remotes: Annotated[
        Mapping[str, Remote],
        Setting(
            "LLMANAGER_REMOTES",
            "",
            values.remotes,
            'OpenAI-compatible servers elsewhere, as JSON: {"NAME": {"base_url": "https://…", "key": "…", '
            '"served_name": "…", "kind": "chat"}}. `key` and `served_name` are optional; `kind` is chat (default) or '
            "embedding. base_url without /v1. Empty: none.",
        ),
    ]
    sagemaker: Annotated[
        values.SageMaker | None,
        Setting(
            "LLMANAGER_SAGEMAKER",
            "",
            values.optional(values.sagemaker),
            'Where backend "sagemaker" runs models, as JSON: {"region": "us-east-1", "role_arn": "arn:aws:iam::…"}. '
            "SageMaker takes that role on. Credentials: where boto3 finds them. Empty: nowhere.",
        ),
    ]
    log_level: Annotated[
        str, Setting("LLMANAGER_LOG_LEVEL", "info", values.one_of(*LOG_LEVELS), "How much the log tells.")
    ]
    api_key: Annotated[
        str | None,
        Setting(
            "LLMANAGER_API_KEY",
            "",
            values.optional(values.text),
            "API key that commands such as ./run.sh fleet show to the server. Empty: none, for one without keys.",
        ),
    ] = field(repr=False)
    hf_endpoint: Annotated[
        str | None,
        Setting(
            "HF_ENDPOINT",
            "",
            values.optional(values.web_address),
            "Address of the model hub. Empty: the public one.",
        ),
    ]
    hf_token: Annotated[
        str | None,
        Setting(
            "HF_TOKEN",
            "",
            values.optional(values.text),
            "Token for the hub's private and gated models. Empty: none.",
        ),
    ] = field(repr=False)

    def __post_init__(self) -> None:
        if self.auth == "off":
            values.refuse_open_door(self.host)

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Absent and empty variables take their defaults. Raises SettingsError for the first that is wrong."""
        return cls(**values.parsed(declared(), env))

    @classmethod
    def load(cls, env_file: Path, **overrides: str) -> Self:
        """From this process's environment, which wins over the file; `overrides` (by variable) win over both."""
        return cls.from_env({**read_env_file(env_file, names()), **os.environ, **overrides})

    @property
    def own_models(self) -> Path:
        return self.models_dir or self.home / "models-own"

    @property
    def own_docs(self) -> Path:
        return self.docs_dir or self.home / "docs-own"


def declared() -> dict[str, Setting]:
    """Every setting by the name of its field, in the order of the class."""
    return values.declared_in(Settings)


def names() -> frozenset[str]:
    return frozenset(setting.name for setting in declared().values())


def environment() -> Mapping[str, str]:
    """This process's, for the settings that only one platform has."""
    return os.environ
