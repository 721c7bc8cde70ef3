"""An object that is made when it is first used: what takes seconds and a hundred MB to import waits until then."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

T = TypeVar("T")


class _Lazy:
    def __init__(self, make: Callable[[], object], known: Mapping[str, Any]) -> None:
        self.__dict__.update(known)
        self._make = make
        self._making = threading.Lock()

    def __getattr__(self, name: str) -> Any:  # only for what is not there yet: every attribute, the first time
        with self._making:
            if "made" not in self.__dict__:
                self.made = self._make()
        method = getattr(self.made, name)
        setattr(self, name, method)
        return method


def lazily(make: Callable[[], T], **known: Any) -> T:
    """Something with the methods of what `make` returns. If making raises, the next use tries again.

    `known`: methods that need not be waited for.
    """
    return cast(T, _Lazy(make, known))


def is_made(lazy: object) -> bool:
    """Whether what `lazily` returned was used."""
    return "made" in vars(lazy)
