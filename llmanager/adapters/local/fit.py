"""How much memory a replica takes, how soon it answers and how many threads it gets: estimates, pure.

Measured with xllamacpp 2026.10.11549 on two x86-64 cores (resident set after four parallel requests; from the spawn to
the first token with the file in the page cache):

    weights                          context       resident   beyond file, keys and values   first token
    chat, 42 KB                      2 x 512        33 MiB     33 MiB                         0.07 s
    chat, 541 MiB, 24 layers         2 x 512       632 MiB     43 MiB                         1.25 s
    chat, 21 MiB, 150 000 tokens     4 x 4096       93 MiB     70 MiB                         0.47 s
    embedding, 24 MiB (MiniLM)       4 x 512       126 MiB    102 MiB                         0.14 s
"""

import math
from dataclasses import dataclass
from decimal import Decimal

from llmanager.adapters.local.weights_port import WeightsFacts
from llmanager.models.entities import Kind, ModelSpec, Quote

MIB = 1024 * 1024
OVERHEAD_MIB = {Kind.CHAT: 96, Kind.EMBEDDING: 128}
CONTEXT_CAP = {Kind.CHAT: 4096, Kind.EMBEDDING: 512}  # where the user names none

# Keys and values per token, where the header is not here yet, from the size of the file: 12 KiB at 0.4 GiB (Qwen2.5
# 0.5B), 32 KiB at 0.8 (Llama 3.2 1B), 128 KiB at 4.1 (Mistral 7B); 40 KiB per GiB is above all of these.
GUESSED_KV_BYTES_PER_MIB = 40
LEAST_KV_BYTES = 12 * 1024

START_S = 0.1
LOAD_MIB_PER_S = 500


@dataclass(frozen=True)
class Fit:
    """What one replica takes."""

    memory_mib: int
    context_tokens: int  # per slot
    cold_start_ms: int


def fit(spec: ModelSpec, facts: WeightsFacts) -> Fit:
    context = context_tokens(spec, facts)
    per_token = facts.kv_bytes_per_token
    if per_token is None:
        per_token = max(LEAST_KV_BYTES, facts.size_mib * GUESSED_KV_BYTES_PER_MIB)
    kv_mib = math.ceil(per_token * context * spec.scaling.target_concurrency / MIB)
    return Fit(
        memory_mib=facts.size_mib + kv_mib + OVERHEAD_MIB[spec.kind],
        context_tokens=context,
        cold_start_ms=round(1000 * (START_S + facts.size_mib / LOAD_MIB_PER_S)),
    )


def context_tokens(spec: ModelSpec, facts: WeightsFacts) -> int:
    """Per slot: what the user asked for, or else a modest part; never more than what the weights were trained for."""
    trained = facts.context_tokens
    wanted = spec.context_tokens or CONTEXT_CAP[spec.kind]
    return wanted if trained is None else min(wanted, trained)


def threads(cores: int, active_replicas: int) -> int:
    """Two engines that wait for each other's cores lose two orders of magnitude; a core to each is never wrong."""
    return max(1, cores // max(1, active_replicas))


def quote(spec: ModelSpec, facts: WeightsFacts, budget_mib: int) -> Quote:
    one = fit(spec, facts)
    replicas = spec.scaling.awake
    memory_mib = one.memory_mib * replicas
    return Quote(
        instance_type="local",
        usd_per_hour=Decimal(0),
        usd_per_month=Decimal(0),
        memory_mib=memory_mib,
        download_mib=facts.download_mib,
        cold_start_ms=one.cold_start_ms,
        context_tokens=one.context_tokens,
        fits=memory_mib <= budget_mib,
        fit_reason=_reason(spec, one, memory_mib, budget_mib, is_guess=facts.kv_bytes_per_token is None),
        dimensions=facts.dimensions,
        assumption="It runs on hardware you already have; electricity is not counted.",
    )


def _reason(spec: ModelSpec, one: Fit, memory_mib: int, budget_mib: int, *, is_guess: bool) -> str:
    slots = spec.scaling.target_concurrency
    need = (
        f"{spec.scaling.awake} x {one.memory_mib} MiB ({slots} requests at once, {one.context_tokens} tokens each"
        f"{', estimated' if is_guess else ''}) = {memory_mib} MiB of this host's {budget_mib} MiB"
    )
    if memory_mib <= budget_mib:
        return f"It fits: {need}."
    return f"It does not fit: {need}. Choose a smaller model, 'context_tokens' or 'target_concurrency'."
