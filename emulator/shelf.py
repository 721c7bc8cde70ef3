"""Named resources of one kind, and what readers saw of them a while ago."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from emulator.errors import Params, seal_of
from emulator.instants import NEVER


@dataclass(slots=True, kw_only=True)
class Resource:
    """Anything that has a name, an ARN, tags and an answer to Describe. `request` is what created it."""

    name: str
    arn: str
    request: Params
    tags: dict[str, str]
    created_us: int
    modified_us: int
    seal: str = ""
    view: Params | None = None

    def __post_init__(self) -> None:
        self.seal = seal_of(self.request)

    def describe(self) -> Params:
        raise NotImplementedError

    def state(self, at_us: int) -> object:
        """What its future depends on, as plain data; times are relative to `at_us`."""
        return self.seal, tuple(sorted(self.tags.items())), self.created_us - at_us, self.modified_us - at_us


R = TypeVar("R", bound=Resource)


class Shown(NamedTuple):
    """What readers saw from `since_us` on; `view` is None when it was gone."""

    since_us: int
    name: str
    arn: str
    created_us: int
    view: Params | None
    tags: dict[str, str]


@dataclass(slots=True)
class Shelf(Generic[R]):
    """`keep_us` is how far back readers may look; with 0 no past is kept."""

    keep_us: int = 0
    live: dict[str, R] = field(default_factory=dict)
    past: dict[str, list[Shown]] = field(default_factory=dict)

    def put(self, resource: R, at_us: int) -> None:
        self.live[resource.name] = resource
        self.changed(resource, at_us)

    def changed(self, resource: R, at_us: int) -> None:
        """Its answer to Describe, or its tags, are not what they were."""
        resource.view = None
        if self.keep_us:
            self._record(shown(resource, at_us), at_us)

    def remove(self, resource: R, at_us: int) -> None:
        del self.live[resource.name]
        if self.keep_us:
            self._record(Shown(at_us, resource.name, resource.arn, resource.created_us, None, {}), at_us)

    def _record(self, entry: Shown, at_us: int) -> None:
        entries = self.past.setdefault(entry.name, [])
        if entries and entries[-1].since_us == at_us:
            entries.pop()
        entries.append(entry)
        while len(entries) > 1 and entries[1].since_us <= at_us - self.keep_us:
            del entries[0]

    def seen(self, name: str, at_us: int, lag_us: int) -> Shown | None:
        """The resource as a reader sees it: as it was `lag_us` ago."""
        if not lag_us:
            resource = self.live.get(name)
            return shown(resource, at_us) if resource else None
        for entry in reversed(self.past.get(name, ())):
            if entry.since_us <= at_us - lag_us:
                return entry if entry.view is not None else None
        return None

    def all_seen(self, at_us: int, lag_us: int) -> Iterator[Shown]:
        names = list(self.past) if lag_us else list(self.live)
        for name in names:
            if entry := self.seen(name, at_us, lag_us):
                yield entry

    def state(self, at_us: int, is_sorted: bool = False) -> object:
        """The live ones, in their order unless it does not matter, and the past that a reader may still see."""
        resources = sorted(self.live.items()) if is_sorted else self.live.items()
        live = [(name, resource.state(at_us)) for name, resource in resources]
        return live, self._past_state(at_us) if self.past else []

    def _past_state(self, at_us: int) -> object:
        for name in [n for n, e in self.past.items() if e[-1].view is None and e[-1].since_us <= at_us - self.keep_us]:
            del self.past[name]
        horizon = at_us - self.keep_us
        return [
            (max(e.since_us, horizon) - at_us, e.arn, repr(e.view), repr(e.tags))
            for _, entries in sorted(self.past.items())
            for e, end_us in zip(entries, [*(later.since_us for later in entries[1:]), NEVER], strict=True)
            if end_us > horizon
        ]


def shown(resource: Resource, at_us: int) -> Shown:
    if resource.view is None:
        resource.view = resource.describe()
    return Shown(at_us, resource.name, resource.arn, resource.created_us, resource.view, resource.tags)
