"""What JumpStart's public hub says of the catalog's models, from ListHubContents and DescribeHubContent. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

HUB: Final = "SageMakerPublicHub"
KIND: Final = "Model"


@dataclass(frozen=True)
class HubModel:
    id: str
    version: str
    instance_types: tuple[str, ...]  # AWS's own choice first
    has_licence_to_accept: bool


def ids_of(models: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(model["jumpstart"]["id"] for model in models.values() if "jumpstart" in model)


def hub_model(described: Mapping[str, Any]) -> HubModel:
    """`described`: the answer of DescribeHubContent, whose document is JSON of its own."""
    document = json.loads(described["HubContentDocument"])
    first = document.get("DefaultInferenceInstanceType")
    supported = document.get("SupportedInferenceInstanceTypes") or []
    return HubModel(
        id=described["HubContentName"],
        version=described["HubContentVersion"],
        instance_types=tuple(dict.fromkeys([first, *supported] if first else supported)),
        has_licence_to_accept=bool(document.get("HostingEulaUri")),
    )


def with_hub_models(models: Mapping[str, Mapping[str, Any]], found: Iterable[HubModel]) -> dict[str, dict[str, Any]]:
    by_id = {model.id: model for model in found}
    told = {}
    for alias, model in models.items():
        entry = dict(model)
        hub = by_id.get(entry.get("jumpstart", {}).get("id", ""))
        if hub is not None:
            entry["jumpstart"] = {"id": hub.id, "version": hub.version, "instance_types": list(hub.instance_types)}
        told[alias] = entry
    return told


def remarks(models: Mapping[str, Mapping[str, Any]], listed: Iterable[str], found: Iterable[HubModel]) -> list[str]:
    """What a person should look at: ids that the hub does not list, licences that the catalog does not know."""
    there, by_id = set(listed), {model.id: model for model in found}
    told = [f"{id_} is not in {HUB} (any more)" for id_ in ids_of(models) if id_ not in there]
    for alias, model in models.items():
        hub = by_id.get(model.get("jumpstart", {}).get("id", ""))
        if hub is not None and hub.has_licence_to_accept and not model["is_gated"]:
            told.append(f"{alias}: JumpStart wants its licence accepted, the catalog says it is not gated")
    return told
