"""How a replica's process is started: our worker around llama.cpp, or a command that an admin configured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmanager.adapters.local.processes import Launch
from llmanager.models.entities import Kind

BUILTIN = "llama.cpp"

# OpenMP threads that spin while they wait make two engines on two cores a hundred times slower than one.
QUIET_OPENMP = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}


@dataclass(frozen=True)
class EngineCommand:
    """An OpenAI-compatible server as a program, e.g. llama-server or vllm.

    In `argv` these are replaced: {model} (the weights' path), {port}, {context_tokens} (of one request), {slots},
    {total_context_tokens}, {threads}. It must listen on 127.0.0.1 and stay in its process group.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict, repr=False)  # all it gets: PATH, HOME, CUDA_VISIBLE_DEVICES
    key_env: str | None = None  # the variable its key is put into (LLAMA_API_KEY, VLLM_API_KEY); None: it takes none
    health_path: str = "/health"
    served_name: str | None = None  # what it insists on as "model"; None: anything


@dataclass(frozen=True)
class Assignment:
    """What one replica is to run."""

    weights: Path
    kind: Kind
    context_tokens: int  # per slot
    slots: int
    threads: int
    key: str = field(repr=False)


def launch(assignment: Assignment, command: EngineCommand | None, log: Path) -> Launch:
    """`command` None: our own worker."""
    if command is None:
        config: dict[str, Any] = {
            "path": str(assignment.weights),
            "context_tokens": assignment.context_tokens,
            "slots": assignment.slots,
            "threads": assignment.threads,
            "is_embedding": assignment.kind is Kind.EMBEDDING,
            "api_key": assignment.key,
        }
        return Launch("llmanager.adapters.local.worker", config, QUIET_OPENMP, log)
    key = {} if command.key_env is None else {command.key_env: assignment.key}
    config = {
        "argv": _filled_in(command.argv, assignment),
        "env": {**QUIET_OPENMP, **command.env, **key},
        "health_path": command.health_path,
    }
    return Launch("llmanager.adapters.local.guard", config, {}, log)


def _filled_in(argv: tuple[str, ...], assignment: Assignment) -> list[str]:
    values = {
        "{context_tokens}": str(assignment.context_tokens),
        "{total_context_tokens}": str(assignment.context_tokens * assignment.slots),
        "{slots}": str(assignment.slots),
        "{threads}": str(assignment.threads),
        "{model}": str(assignment.weights),  # last: a path may contain anything
    }
    filled = list(argv)
    for placeholder, value in values.items():
        filled = [argument.replace(placeholder, value) for argument in filled]
    return filled
