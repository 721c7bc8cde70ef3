"""What can run on SageMaker, on which machine, in which container and at what price. Pure, from the JSON in data/.

Prices and sizes were read on the dates that the files name. A region whose prices are not listed has none: unknown.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any, Final

from llmanager.kernel.errors import InvalidInput
from llmanager.models.entities import Kind, ModelSpec

ENGINES: Final = ("vllm", "lmi", "tei", "tei-cpu")
_OTHER_SIDE: Final = {"tei": "tei-cpu", "tei-cpu": "tei"}  # one engine, an image for GPUs and one without


@dataclass(frozen=True)
class Machine:
    """An instance type."""

    gpu: str | None
    gpus: int
    gpu_memory_gib: int  # of each
    vcpus: int
    memory_gib: int

    @property
    def weights_gib(self) -> int:
        """Memory that a model's weights may take, all GPUs together."""
        return self.gpus * self.gpu_memory_gib if self.gpus else self.memory_gib


@dataclass(frozen=True)
class Image:
    repository: str
    tag: str
    ami: str | None  # InferenceAmiVersion that its CUDA needs; None: any
    accounts: Mapping[str, str]  # region -> the registry's account


@dataclass(frozen=True)
class Known:
    """A model of the catalog."""

    alias: str
    kind: Kind
    hub_id: str
    parameters_m: int
    bytes_per_parameter: Decimal
    instance_type: str
    engine: str
    context_tokens: int
    licence: str
    is_gated: bool
    dimensions: int | None
    jumpstart_id: str | None  # its name in SageMaker JumpStart, by which it may be asked for too

    @property
    def weights_mib(self) -> int:
        return int(self.parameters_m * 1_000_000 * self.bytes_per_parameter / 2**20)


@dataclass(frozen=True)
class Catalog:
    models: Mapping[str, Known]
    machines: Mapping[str, Machine]
    images: Mapping[str, Image]
    usd_per_hour: Mapping[str, Mapping[str, Decimal]]  # region -> instance type -> price
    priced_on: str


@dataclass(frozen=True)
class Choice:
    """What a spec comes to."""

    model: Known
    instance_type: str
    machine: Machine
    engine: str
    image: str
    ami: str | None
    usd_per_hour: Decimal | None  # of one instance; None: unknown


@cache
def catalog() -> Catalog:
    prices = _read("prices.json")
    return Catalog(
        models={alias: _known(alias, entry) for alias, entry in _read("models.json")["models"].items()},
        machines={name: Machine(**entry) for name, entry in _read("instances.json")["instances"].items()},
        images={name: Image(**entry) for name, entry in _read("images.json")["engines"].items()},
        usd_per_hour={
            region: {name: Decimal(usd) for name, usd in listed.items()} for region, listed in prices["regions"].items()
        },
        priced_on=prices["as_of"],
    )


def _known(alias: str, entry: Mapping[str, Any]) -> Known:
    plain = {key: value for key, value in entry.items() if key != "jumpstart"}
    read = {
        "kind": Kind(entry["kind"]),
        "bytes_per_parameter": Decimal(entry["bytes_per_parameter"]),
        "dimensions": entry.get("dimensions"),
        "jumpstart_id": entry.get("jumpstart", {}).get("id"),
    }
    return Known(alias=alias, **{**plain, **read})


def choose(known: Catalog, spec: ModelSpec, region: str) -> Choice:
    """Raises InvalidInput naming what is known."""
    model = _model(known, spec.model)
    instance_type = spec.instance_type or model.instance_type
    machine = known.machines.get(instance_type)
    if machine is None:
        raise InvalidInput(
            f"Instance type {instance_type!r} is not in the catalog. Known are: {', '.join(sorted(known.machines))}.",
            param="instance_type",
        )
    engine = spec.engine if spec.engine in ENGINES else model.engine
    if engine in _OTHER_SIDE and (engine == "tei-cpu") != (machine.gpus == 0):
        engine = _OTHER_SIDE[engine]
    image = known.images[engine]
    return Choice(
        model=model,
        instance_type=instance_type,
        machine=machine,
        engine=engine,
        image=spec.image or _uri(image, region, engine),
        ami=image.ami if machine.gpus else None,
        usd_per_hour=known.usd_per_hour.get(region, {}).get(instance_type),
    )


def _model(known: Catalog, name: str) -> Known:
    found = known.models.get(name) or next(
        (model for model in known.models.values() if name in (model.hub_id, model.jumpstart_id)), None
    )
    if found is None:
        raise InvalidInput(
            f"Model {name!r} is not in the catalog for SageMaker. Known are: {', '.join(sorted(known.models))}.",
            param="model",
        )
    return found


def _uri(image: Image, region: str, engine: str) -> str:
    account = image.accounts.get(region)
    if account is None:
        raise InvalidInput(
            f"The catalog has no {engine} image for region {region!r}, only for {', '.join(sorted(image.accounts))}. "
            "Name one with 'image'.",
            param="image",
        )
    return f"{account}.dkr.ecr.{region}.amazonaws.com/{image.repository}:{image.tag}"


def _read(name: str) -> dict[str, Any]:
    text = resources.files("llmanager.adapters.aws.data").joinpath(name).read_text("utf-8")
    read: dict[str, Any] = json.loads(text)
    return read
