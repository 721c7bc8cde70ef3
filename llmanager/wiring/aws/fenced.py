"""An adapter whose changes ask first whether whoever makes them may still do so."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

T = TypeVar("T")


class _Fenced:
    def __init__(self, target: object, changes: frozenset[str], check: Callable[[], None]) -> None:
        self._target, self._changes, self._check = target, changes, check

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, name)
        if name not in self._changes:
            return method

        def checked(*args: Any, **more: Any) -> Any:
            self._check()
            return method(*args, **more)

        return checked


def fenced(target: T, changes: Iterable[str], check: Callable[[], None]) -> T:
    """`target`, of whose methods those in `changes` begin with `check`."""
    return cast(T, _Fenced(target, frozenset(changes), check))
