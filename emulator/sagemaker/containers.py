"""What runs inside copies. Nothing does, unless the account is given somebody who runs real containers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from emulator.instants import NEVER
from emulator.sagemaker.entities import Component, Copy, Model
from emulator.shelf import Shelf


class Containers(Protocol):
    """Whoever runs them. A copy comes into service only once its container is healthy."""

    def is_healthy(self, copy: Copy) -> bool: ...


@dataclass(frozen=True, slots=True)
class Container:
    """What has to run for one copy, from when its instance is there until the copy is gone."""

    copy: Copy
    region: str
    endpoint: str
    variant: str
    component: str
    image: str
    environment: Mapping[str, str]


def containers(region: str, components: Shelf[Component], models: Shelf[Model]) -> Iterator[Container]:
    for component in components.live.values():
        for copy in component.copies:
            if has_begun(copy):
                told = told_to(component, copy, models)
                image, environment = told.get("Image", ""), told.get("Environment", {})
                at = (component.endpoint_name, component.variant_name, component.name)
                yield Container(copy, region, *at, image, environment)


def has_begun(copy: Copy) -> bool:
    """A container that a test broke has no moment at which it would be up, and is not started."""
    return copy.is_up or (copy.instance is not None and copy.instance.is_ready and copy.up_us != NEVER)


def told_to(component: Component, copy: Copy, models: Shelf[Model]) -> Mapping[str, Any]:
    """The container of the copy's own revision: during a roll the old copies go on with the former one."""
    is_former = copy.revision != component.revision and component.former is not None
    specification = (component.former if is_former else None) or component.specification
    model = models.live.get(specification.get("ModelName", ""))
    container: Mapping[str, Any] = specification.get("Container") or (
        model.request["PrimaryContainer"] if model else {}
    )
    return container
