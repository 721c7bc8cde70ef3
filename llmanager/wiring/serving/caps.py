"""The fleet's caps as an operator sets them."""

from llmanager.models.caps import Caps
from llmanager.wiring.settings import Settings


def caps_of(settings: Settings) -> Caps:
    return Caps(
        max_models=settings.max_models,
        max_instances=settings.max_instances,
        max_usd_per_hour=settings.max_usd_per_hour,
        instance_types=settings.instance_types,
    )
