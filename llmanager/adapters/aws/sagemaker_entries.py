"""The catalog for SageMaker as those read it who create models: each by its short name."""

from llmanager.adapters.aws.sagemaker_catalog import Catalog, Known, catalog
from llmanager.models.catalog import CatalogEntry
from llmanager.models.entities import Backend

GATED = "Gated on the hub: needs weights of your own, or a hub token of someone who was let in."


def entries(known: Catalog | None = None) -> tuple[CatalogEntry, ...]:
    """By name."""
    return tuple(_entry(model) for _, model in sorted((known or catalog()).models.items()))


def _entry(model: Known) -> CatalogEntry:
    names = "" if model.jumpstart_id is None else f"Also by JumpStart's name, {model.jumpstart_id}."
    return CatalogEntry(
        alias=model.alias,
        kind=model.kind,
        title=model.hub_id,
        source=model.hub_id,
        size_mib=model.weights_mib,
        parameters=model.parameters_m * 1_000_000,
        licence=model.licence,
        context_tokens=model.context_tokens,
        note=" ".join(note for note in (GATED if model.is_gated else "", names) if note),
        dimensions=model.dimensions,
        backend=Backend.SAGEMAKER,
    )
