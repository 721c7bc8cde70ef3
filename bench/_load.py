"""Clients that remember what they were promised: what was acknowledged must be there when all is over.

A request without an answer may have been carried out or not; either is fine. What breaks a promise is put into words.
"""

import contextlib
import http.client
import itertools
import json
import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, Protocol

from bench._server import JSON, Server

CUT_OFF = (OSError, http.client.HTTPException, ValueError)  # the last: half an answer is no JSON
LONG = {  # holds demo-tiny to digits, so that it goes on for all of `max_tokens`
    "max_tokens": 700,
    "response_format": {
        "type": "json_schema",
        "json_schema": {
            "name": "digits",
            "schema": {"type": "array", "items": {"type": "integer", "minimum": 100000}, "minItems": 400},
        },
    },
}


@dataclass
class Arena:
    """Where the server is now."""

    server: Server
    is_over: threading.Event = field(default_factory=threading.Event)


class Client(Protocol):
    broken: list[str]  # promises, in words

    def step(self, server: Server) -> None:
        """One thing that a user does. Raises one of CUT_OFF."""


def drive(client: Client, arena: Arena, pause_s: float) -> None:
    """A thread's whole life: use the server until all is over, whatever becomes of it."""
    while not arena.is_over.is_set():
        with contextlib.suppress(*CUT_OFF):
            client.step(arena.server)
        arena.is_over.wait(pause_s)


class Writer:
    """Appends numbered turns to a chat of its own and to one that it shares with others."""

    def __init__(self, name: str, shared_chat: str) -> None:
        self.broken: list[str] = []
        self.acknowledged: list[tuple[str, int]] = []  # chat, number of the turn
        self.name = name
        self._shared = shared_chat
        self._own: str | None = None
        self._numbers = itertools.count()

    def step(self, server: Server) -> None:
        number = next(self._numbers)
        turn = {"q": f"{self.name} {number}", "a": f"answer to {self.name} {number}"}
        if self._own is None or number % 200 == 0:
            self._own = None  # a chat that nobody acknowledged is not used
            status, answer = server.ask("/history/new", turn)
            chat = self._own = answer.get("id")
        else:
            chat = self._own if number % 3 else self._shared
            status, answer = server.ask("/history/append", {"id": chat, **turn})
        if status == 200:
            self.acknowledged.append((chat, number))
        else:
            self.broken.append(f"a turn was refused: {status} {answer}")

    def check(self, turns: dict[str, list[dict[str, str]]]) -> list[str]:
        """`turns` of every chat, in order. Each of ours must be there once, and in the order in which it was sent."""
        lost = []
        mine = {chat: [n for t in said if (n := self._number(t)) is not None] for chat, said in turns.items()}
        for chat, number in self.acknowledged:
            if number not in mine[chat]:
                lost.append(f"{self.name} {number} is not in {chat}")
        for chat, numbers in mine.items():
            if numbers != sorted(set(numbers)):
                lost.append(f"the turns of {self.name} in {chat} are repeated or out of order")
        return lost

    def _number(self, turn: dict[str, str]) -> int | None:
        name, _, number = turn["q"].partition(" ")
        if name != self.name:
            return None
        if turn["a"] != f"answer to {turn['q']}":
            self.broken.append(f"half a turn: {turn}")
        return int(number)


@dataclass
class Fate:
    """What is known of a model: "?" where an answer did not come."""

    exists: Literal["yes", "no", "?"] = "?"
    wish: Literal["ready", "asleep", "?"] = "?"
    is_doomed: bool = False  # a delete was asked for, and is until it is answered


class Keeper:
    """Makes models, puts them to sleep, wakes and deletes them."""

    def __init__(self, name: str, seed: int) -> None:
        self.broken: list[str] = []
        self.fates: dict[str, Fate] = {}
        self.acknowledged = Counter[str]()
        self._name = name
        self._random = random.Random(seed)

    def step(self, server: Server) -> None:
        living = [name for name, fate in self.fates.items() if fate.exists != "no"]
        doomed = [name for name in living if self.fates[name].is_doomed]
        if doomed:
            self._delete(server, doomed[0])
        elif len(living) < 2:
            self._create(server, f"{self._name}-{len(self.fates)}")
        else:
            act = self._random.choice([self._sleep, self._wake, self._delete])
            act(server, self._random.choice(living))

    def _create(self, server: Server, name: str) -> None:
        fate = self.fates[name] = Fate(is_doomed=True)  # unless it is answered
        status, _ = server.ask("/model/create", {"name": name, "model": "demo-tiny"})
        if self._is_answered("create", name, status):
            self.fates[name] = Fate("yes", "ready")
        else:
            fate.exists = "no"

    def _delete(self, server: Server, name: str) -> None:
        fate = self.fates[name]
        was_asked, fate.is_doomed = fate.is_doomed, True
        status, _ = server.ask("/model/delete", {"name": name})
        if (status == 404 and was_asked) or self._is_answered("delete", name, status):
            fate.exists = "no"

    def _sleep(self, server: Server, name: str) -> None:
        self._wish(server, name, "sleep", "asleep")

    def _wake(self, server: Server, name: str) -> None:
        self._wish(server, name, "wake", "ready")

    def _wish(self, server: Server, name: str, verb: str, wish: Literal["ready", "asleep"]) -> None:
        fate = self.fates[name]
        fate.wish = "?"
        status, _ = server.ask(f"/model/{verb}", {"name": name})
        if self._is_answered(verb, name, status):
            fate.wish = wish

    def _is_answered(self, verb: str, name: str, status: int) -> bool:
        if status == 202:
            self.acknowledged[verb] += 1
        else:
            self.broken.append(f"{verb} of {name} was answered {status}")
        return status == 202

    def check(self, statuses: dict[str, str]) -> list[str]:
        """`statuses` of every model there is, once nothing moves any more."""
        lost = []
        for name, fate in self.fates.items():
            found = statuses.get(name)
            if fate.exists == "yes" and not fate.is_doomed:
                wished = ("ready", "asleep") if fate.wish == "?" else (fate.wish,)
                if found not in wished:
                    lost.append(f"model {name} is {found}, wished was {fate.wish}")
            if fate.exists == "no" and found is not None:
                lost.append(f"model {name} was deleted and is {found}")
        return lost


class Reader:
    """Streams long answers of one model and looks at how each ends."""

    def __init__(self, model: str) -> None:
        self.broken: list[str] = []
        self.ends = Counter[str]()
        self._model = model

    def step(self, server: Server) -> None:
        body = {"model": self._model, "messages": [{"role": "user", "content": "Count."}], "stream": True, **LONG}
        connection = server.connect()
        connection.connect()
        try:
            with contextlib.closing(connection):
                connection.request("POST", "/v1/chat/completions", json.dumps(body), JSON)
                response = connection.getresponse()
                text = response.read().decode()
        except CUT_OFF:
            self.ends["connection broken by the server's death"] += 1
            if not server.was_killed:
                self.broken.append("a stream's connection broke although the server lived")
            raise
        end = end_of(response.status, text)
        self.ends[end] += 1
        if end not in ("complete", "error event", "refused before the first byte"):
            self.broken.append(f"a stream ended so: {end}: {text[-300:]}")


def end_of(status: int, text: str) -> str:
    """How a stream ended that was closed in good order."""
    if status != 200:
        error = json.loads(text)["error"]
        return "refused before the first byte" if status in (502, 503, 504) else f"{status} {error}"
    events = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    is_done, rest = events[-1:] == ["[DONE]"], [json.loads(event) for event in events if event != "[DONE]"]
    is_finished = any(choice["finish_reason"] for event in rest for choice in event.get("choices", ()))
    has_error = any("error" in event for event in rest)
    match (is_done, is_finished, has_error):
        case (True, True, False):
            return "complete"
        case (False, False, True):
            return "error event"
    return f"done {is_done}, finished {is_finished}, error {has_error}"
