"""What a walk makes is written down before it is made, and removed at the end, whatever happened in between."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tools.verification.account import Account
from tools.verification.api import Api
from tools.verification.pace import Pace


@dataclass(frozen=True)
class Thing:
    what: str  # as a person calls it
    remove: tuple[str, dict[str, Any]]  # path and body
    model: str | None = None  # its name, where it is a model: removing takes minutes, and AWS is looked at after


@dataclass
class Made:
    things: list[Thing] = field(default_factory=list)

    def note(self, what: str, path: str, body: dict[str, Any], *, model: str | None = None) -> Thing:
        thing = Thing(what, (path, body), model)
        self.things.append(thing)
        return thing

    def forget(self, thing: Thing) -> None:
        self.things.remove(thing)


def remove_all(made: Made, api: Api, account: Account, pace: Pace, say: Callable[[str], None]) -> list[str]:
    """What is left, each with the call that would remove it. Nothing here raises but KeyboardInterrupt."""
    things = list(reversed(made.things))
    left = [
        f"{t.what}: POST {t.remove[0]} {t.remove[1]} answered {s}" for t in things if (s := _asked(api, t)) is not None
    ]
    for name in dict.fromkeys(thing.model for thing in things if thing.model is not None):
        say(f"  waiting until {name} is gone …")
        if not pace.until(lambda name=name: _is_gone(api, name), pace.gone_s):  # type: ignore[misc]
            left.append(f"model {name} is still being deleted; the installation goes on with it")
        left += [f"{one} (it may still be going)" for one in account.left_of(name)]
    return left


def _asked(api: Api, thing: Thing) -> int | None:
    path, body = thing.remove
    status = api.send("POST", path, body).status
    return None if 200 <= status < 300 or status == 404 else status


def _is_gone(api: Api, name: str) -> bool:
    return api.send("POST", "/model/status", {"name": name}).status == 404
