"""What a model on SageMaker will take, from the catalog alone: price, fit and wait. Pure."""

from decimal import Decimal
from typing import Final

from llmanager.adapters.aws.sagemaker_catalog import Choice
from llmanager.kernel.errors import InvalidInput
from llmanager.models.entities import ModelSpec, Quote

HOURS_A_DAY: Final = 8
DAYS_A_MONTH: Final = 30
# Measured for an 8B model on ml.g6.2xlarge: 258 s with the image cached on the machine, 525 s without.
START_S: Final = 180
START_S_PER_GIB: Final = 10
OVERHEAD: Final = Decimal("1.2")  # activations and the key-value cache of a few requests, beside the weights
OVERHEAD_MIB: Final = 1024
MAX_ENV, MAX_ENV_CHARS = 80, 1024  # SageMaker takes 100; some are the catalog's
ENV_TOKEN: Final = "HF_TOKEN"  # noqa: S105 - the variable's name


def quoted(spec: ModelSpec, choice: Choice, priced_on: str) -> Quote:
    awake = spec.scaling.awake
    need_mib = int(choice.model.weights_mib * OVERHEAD) + OVERHEAD_MIB
    have_mib = choice.machine.weights_gib * 1024
    gib = Decimal(choice.model.weights_mib) / 1024
    hourly = None if choice.usd_per_hour is None else choice.usd_per_hour * awake
    needs_gpu = choice.engine != "tei-cpu" and choice.machine.gpus == 0
    return Quote(
        instance_type=choice.instance_type,
        usd_per_hour=hourly,
        usd_per_month=None if hourly is None else hourly * HOURS_A_DAY * DAYS_A_MONTH,
        memory_mib=need_mib * awake,
        download_mib=choice.model.weights_mib,
        cold_start_ms=int((START_S + START_S_PER_GIB * gib) * 1000),
        context_tokens=min(spec.context_tokens or choice.model.context_tokens, choice.model.context_tokens),
        fits=not needs_gpu and need_mib <= have_mib,
        fit_reason=_reason(choice, need_mib, have_mib, needs_gpu=needs_gpu),
        assumption=_assumption(awake, priced_on, is_known=hourly is not None),
        dimensions=choice.model.dimensions,
        usd_per_instance_hour=choice.usd_per_hour,
        kind=choice.model.kind,
    )


def check(spec: ModelSpec, choice: Choice, *, has_hub_token: bool) -> None:
    """Raises InvalidInput for what would fail only after a machine was paid for."""
    if choice.model.is_gated and spec.weights is None and not has_hub_token and not spec.env.get(ENV_TOKEN):
        raise InvalidInput(
            f"{choice.model.hub_id} is given out only to those who accepted its licence ({choice.model.licence}). Put "
            f"its weights into a bucket and name it with 'weights', or give a hub token with env {ENV_TOKEN}.",
            param="weights",
        )
    if len(spec.env) > MAX_ENV or any(len(value) > MAX_ENV_CHARS for value in spec.env.values()):
        raise InvalidInput(
            f"'env' may have {MAX_ENV} entries of {MAX_ENV_CHARS} characters. Put longer settings beside the weights.",
            param="env",
        )


def _reason(choice: Choice, need_mib: int, have_mib: int, *, needs_gpu: bool) -> str:
    machine = choice.machine
    if needs_gpu:
        return f"{choice.engine} needs a GPU, and {choice.instance_type} has none. Choose a GPU instance type."
    room = f"{machine.gpus} x {machine.gpu} of {machine.gpu_memory_gib} GiB" if machine.gpus else "main memory"
    told = (
        f"weights of {choice.model.weights_mib} MiB need about {need_mib} MiB with room to work; "
        f"{choice.instance_type} has {have_mib} MiB ({room})"
    )
    return told if need_mib <= have_mib else f"{told}. Choose a larger instance type."


def _assumption(awake: int, priced_on: str, *, is_known: bool) -> str:
    if not is_known:
        return "the price of this instance type in this region is not known here"
    count = "one instance" if awake == 1 else f"{awake} instances"
    return (
        f"{count} awake {HOURS_A_DAY} h a day, {DAYS_A_MONTH} days a month, asleep otherwise; list price of {priced_on}"
    )
