"""Sleep, wake and swap under load, a thousand times: two models, memory for one, and no request may be lost.

`./run.sh bench cycles` does 1,000 cycles; `./run.sh bench cycles --cycles 100 --seed 7` as many as you like, otherwise.
A cycle is a model that became ready anew after its worker was stopped: counted from the events that /model/status
tells ("ready", without each model's first), which are read often enough that none is pushed out unseen.
"""

import argparse
import contextlib
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench._load import CUT_OFF, Arena, Client, drive, end_of
from bench._server import JSON, Server
from tests.fakes.survivors import survivors

Row = tuple[str, float | str, str]
CYCLES, SEED = 1000, 20_261_127
MODELS = ("one", "two")
SPEC = {"model": "demo-tiny", "sleep_after_s": 1}
CLIENTS = 6  # every other one streams
EVENTS_KEPT = 20  # by /model/status
LOOK_S = 0.1
STUCK_S = 150.0  # longer than any request waits: without a cycle in that time it will not come
SETTLE_S = 30.0
CALM_EVERY_S = 15.0
CALM_S = (3.2, 5.5)  # around the moment at which an idle model goes to sleep


@dataclass
class Report:
    seed: int
    cycles: int = 0
    took_s: float = 0.0
    whys: Counter[str] = field(default_factory=Counter)  # of the models' going to sleep
    requests: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)  # requests without a whole answer, each in words
    broken: list[str] = field(default_factory=list)  # any other promise
    workers_left: int = 0
    most_workers: int = 0
    first_token_s: list[float] = field(default_factory=list)  # of streams
    whole_s: list[float] = field(default_factory=list)  # of whole answers

    @property
    def problems(self) -> list[str]:
        left = [f"{self.workers_left} workers were left"] * bool(self.workers_left)
        return [*self.lost, *self.broken, *left]


class Tide:
    """Now and then nobody asks anything, for so long that an idle model just falls asleep, or just does not."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._calm_at_s = time.monotonic() + CALM_EVERY_S
        self._calm_until_s = 0.0
        self._lock = threading.Lock()

    def wait(self, arena: Arena) -> None:
        with self._lock:
            now_s = time.monotonic()
            if now_s >= self._calm_at_s:
                self._calm_until_s = now_s + self._random.uniform(*CALM_S)
                self._calm_at_s = self._calm_until_s + CALM_EVERY_S
        arena.is_over.wait(max(0.0, self._calm_until_s - now_s))


class Asker:
    """Asks one model a few times and then the other: once all have gone over, the models swap."""

    def __init__(self, arena: Arena, tide: Tide, seed: int, *, is_stream: bool) -> None:
        self.broken: list[str] = []
        self.times_s: list[float] = []  # to the first token of a stream; to the end of a whole answer
        self.answered = 0
        self._arena, self._tide, self.is_stream = arena, tide, is_stream
        self._random = random.Random(seed)
        self._model, self._left = MODELS[0], 1

    def step(self, server: Server) -> None:
        self._tide.wait(self._arena)
        if not self._left:
            self._model = MODELS[1 - MODELS.index(self._model)]
            self._left = self._random.choice((1, 1, 2, 3))
        self._left -= 1
        began_s = time.monotonic()
        try:
            problem = self._ask(server, began_s)
        except (*CUT_OFF, LookupError, TypeError) as error:  # the latter: an answer of another shape
            problem = f"{type(error).__name__}: {error}"
        if problem:
            kind = "stream" if self.is_stream else "whole answer"
            self.broken.append(f"{kind} of {self._model} after {time.monotonic() - began_s:.2f} s: {problem}")
        else:
            self.answered += 1

    def _ask(self, server: Server, began_s: float) -> str:
        """What was wrong with the answer; empty if nothing."""
        asked = {
            "model": self._model,
            "messages": [{"role": "user", "content": "Hello?"}],
            "max_tokens": self._random.choice((1, 8, 32)),
            "stream": self.is_stream,
        }
        with contextlib.closing(server.connect(STUCK_S)) as connection:
            connection.request("POST", "/v1/chat/completions", json.dumps(asked), JSON)
            response = connection.getresponse()
            text, first_s = "", None
            for line in response:
                text += line.decode()
                if first_s is None and (b'"content":"' in line or not self.is_stream):
                    first_s = time.monotonic() - began_s
        problem = (
            problem_of_stream(response.status, text) if self.is_stream else problem_of_whole(response.status, text)
        )
        if not problem and first_s is not None:
            self.times_s.append(first_s)
        return problem


def problem_of_stream(status: int, text: str) -> str:
    """What is wrong with a streamed answer; empty if nothing."""
    end = end_of(status, text)
    return "" if end == "complete" else f"{end}: {text[-300:]}"


def problem_of_whole(status: int, text: str) -> str:
    """What is wrong with a whole answer; empty if nothing."""
    if status != 200:
        return f"{status} {text[-300:]}"
    choice = json.loads(text)["choices"][0]
    is_whole = isinstance(choice["message"]["content"], str) and choice["finish_reason"] in ("stop", "length")
    return "" if is_whole else f"not whole: {text[-300:]}"


class Meddler:
    """Calls /model/sleep and /model/wake at any moment but a calm."""

    def __init__(self, arena: Arena, tide: Tide, seed: int) -> None:
        self._arena, self._tide = arena, tide
        self.broken: list[str] = []
        self.calls = Counter[str]()
        self._random = random.Random(seed)

    def step(self, server: Server) -> None:
        self._tide.wait(self._arena)
        verb, model = self._random.choice(("sleep", "wake")), self._random.choice(MODELS)
        self.calls[f"/model/{verb}"] += 1
        status, answer = server.ask(f"/model/{verb}", {"name": model})
        if status != 202:
            self.broken.append(f"{verb} of {model} was answered {status} {answer}")


class Watcher:
    """Counts what the models' events tell."""

    def __init__(self, server: Server, report: Report) -> None:
        self._server, self._report = server, report
        self._seen: dict[str, set[tuple[str, str, str]]] = {name: self._events(name) for name in MODELS}

    def look(self) -> None:
        for name, seen in self._seen.items():
            found = self._events(name)
            if len(found) >= EVENTS_KEPT and not found & seen:
                self._report.broken.append(f"events of {name} came too fast to count them all")
            for _, what, why in found - seen:
                self._count(name, what, why)
            self._seen[name] = found
        self._report.most_workers = max(self._report.most_workers, len(self._server.workers()))

    def _count(self, name: str, what: str, why: str) -> None:
        if what == "ready":
            self._report.cycles += 1
        elif what == "asleep":
            self._report.whys[why.partition(" for ")[0]] += 1
        elif what not in ("running", "not ready"):  # the latter: woken while its worker was still stopping
            self._report.broken.append(f"{name}: {what}: {why}")

    def _events(self, name: str) -> set[tuple[str, str, str]]:
        _, status = self._server.ask("/model/status", {"name": name})
        return {(event["at"], event["what"], event["why"]) for event in status["events"]}


def cycled(home: Path, cycles: int, seed: int) -> Report:
    report = Report(seed)
    memory = {"LLMANAGER_MEMORY_MIB": str(2 * _needed_mib(home) - 1)}
    with (home / "stderr.log").open("ab") as errors:
        server = Server(home, errors, **memory).ready()
        try:
            _make(server)
            _under_load(server, report, cycles)
            _settle(server, report)
        finally:
            family = server.family()
            server.stop()
        report.workers_left += len(survivors(family, within_s=5))
    return report


def _needed_mib(home: Path) -> int:
    """What one of the models takes, asked once its weights are in `home`: before, the answer is a guess."""
    server = Server(home).ready()
    try:
        server.ask("/model/create", {"name": "first", **SPEC, "wait_s": 60})
        _, planned = server.ask("/model/plan", {"name": MODELS[0], **SPEC})
        server.ask("/model/delete", {"name": "first"})
        return int(planned["plan"]["memory_mib"])
    finally:
        server.stop()


def _make(server: Server) -> None:
    """Both were up once: what is counted afterwards are cycles."""
    for name in MODELS:
        _, made = server.ask("/model/create", {"name": name, **SPEC, "wait_s": 60})
        assert made["status"] == "ready", made


def _under_load(server: Server, report: Report, cycles: int) -> None:
    arena, tide = Arena(server), Tide(report.seed)
    askers = [Asker(arena, tide, report.seed + n, is_stream=n % 2 == 0) for n in range(CLIENTS)]
    meddler, watcher = Meddler(arena, tide, report.seed), Watcher(server, report)
    clients: list[tuple[Client, float]] = [*((asker, 0.0) for asker in askers), (meddler, 0.8)]
    threads = [threading.Thread(target=drive, args=(client, arena, pause_s)) for client, pause_s in clients]
    for thread in threads:
        thread.start()
    began_s = moved_s = time.monotonic()
    try:
        while report.cycles < cycles and time.monotonic() - moved_s < STUCK_S:
            before = report.cycles
            watcher.look()
            moved_s = time.monotonic() if report.cycles > before else moved_s
            time.sleep(LOOK_S)
    finally:
        arena.is_over.set()
        for thread in threads:
            thread.join()
    report.took_s = time.monotonic() - began_s
    if report.cycles < cycles:
        report.broken.append(f"no model became ready for {STUCK_S:g} s")
    for asker in askers:
        report.requests["streams" if asker.is_stream else "whole answers"] += asker.answered + len(asker.broken)
        (report.first_token_s if asker.is_stream else report.whole_s).extend(asker.times_s)
        report.lost += asker.broken
    report.requests += meddler.calls
    report.broken += meddler.broken


def _settle(server: Server, report: Report) -> None:
    """Nobody asks any more: both fall asleep by themselves, and their workers are gone by then."""
    try:
        for name in MODELS:
            server.until(name, "asleep", within_s=SETTLE_S)
    except RuntimeError as error:
        report.broken.append(str(error))
    report.workers_left += len(server.workers())


def rows_of(report: Report) -> Iterator[Row]:
    yield "seed", str(report.seed), ""
    yield "cycles: asleep and ready again", str(report.cycles), ""
    for why, count in sorted(report.whys.items()):
        yield f"went to sleep: {why}", str(count), ""
    for what, count in sorted(report.requests.items()):
        yield f"requests: {what}", str(count), ""
    yield "requests lost", str(len(report.lost)), "goal 0"
    yield "workers left", str(report.workers_left), "goal 0"
    yield "workers at once, most (memory for one)", str(report.most_workers), "goal 1"
    yield "other promises broken", str(len(report.broken)), "goal 0"
    yield from _spread("time to the first token (s)", report.first_token_s)
    yield from _spread("time of a whole answer (s)", report.whole_s)
    yield "cycles a second", report.cycles / max(report.took_s, 1e-9), ""


def _spread(what: str, times_s: list[float]) -> Iterator[Row]:
    if len(times_s) > 1:
        yield f"{what}, p50", statistics.median(times_s), ""
        yield f"{what}, p95", statistics.quantiles(times_s, n=20)[-1], ""
        yield f"{what}, worst", max(times_s), ""


def run(*arguments: str) -> Iterator[Row]:
    """Ends the process with status 1 after the figures where a promise was broken."""
    parser = argparse.ArgumentParser(prog="./run.sh bench cycles", description=__doc__)
    parser.add_argument("--cycles", type=int, default=CYCLES)
    parser.add_argument("--seed", type=int, default=SEED)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as home:
        report = cycled(Path(home), asked.cycles, asked.seed)
    yield from rows_of(report)
    if report.problems:
        sys.exit("\n".join(report.problems[:50]))
