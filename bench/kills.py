"""`kill -9` of the server or of a worker, again and again at random moments under load: what was promised must hold.

`./run.sh bench kills` does 200; `python -m bench.kills --kills 50 --seed 7` as many as you like, at other moments.
Nothing that was acknowledged is lost, no worker outlives its server by five seconds, a server comes back on what it
left, a model comes back when its worker dies, and every stream that is cut says so.
"""

import argparse
import contextlib
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench._load import Arena, Client, Keeper, Reader, Writer, drive
from bench._server import Server
from tests.fakes.survivors import survivors

Row = tuple[str, float | str, str]
KILLS, SEED = 200, 20_261_120
CHATS = ("chat-0", "chat-1")  # models that answer all the time; others come and go
ORPHAN_S = 5.0
COME_BACK_S = 60.0  # nothing may take longer


@dataclass
class Report:
    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    acknowledged: Counter[str] = field(default_factory=Counter)
    streams: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)  # acknowledged, and not there
    broken: list[str] = field(default_factory=list)  # any other promise
    orphans: int = 0
    ready_s: list[float] = field(default_factory=list)  # from the start of a server to its being ready
    answer_s: list[float] = field(default_factory=list)  # from the kill of a worker to its model's next answer
    restart_s: list[float] = field(default_factory=list)  # from the start of a server to a model's answer

    @property
    def problems(self) -> list[str]:
        orphans = [f"{self.orphans} workers outlived their server"] if self.orphans else []
        return [*self.lost, *self.broken, *orphans]


class Killer:
    def __init__(self, home: Path, report: Report) -> None:
        self.report = report
        self.random = random.Random(report.seed)
        self._errors = (home / "stderr.log").open("ab")
        self._home = home
        self.arena = Arena(self._started().ready())

    def close(self) -> None:
        if not self.arena.server.was_killed:
            self.kill_server()
        self._errors.close()

    def kill_one(self) -> None:
        time.sleep(self.random.uniform(0, 1.2))
        if self.random.random() < 0.5 and self._kill_worker():
            return
        self.kill_server()
        if self.random.random() < 0.2:  # once more, while it starts
            self.arena.server = self._started()
            time.sleep(self.random.uniform(0, 1.5))
            self.kill_server()
        began_s = time.monotonic()
        server = self._started().ready()
        self.report.ready_s.append(time.monotonic() - began_s)
        self.arena.server = server
        self._until_answered(CHATS[0])
        self.report.restart_s.append(time.monotonic() - began_s)

    def _started(self) -> Server:
        return Server(self._home, self._errors)

    def kill_server(self) -> None:
        family = self.arena.server.kill()
        self.report.kills["server"] += 1
        self.report.orphans += len(survivors(family, within_s=ORPHAN_S))

    def _kill_worker(self) -> bool:
        """False: there is none. For the models that are always wanted it waits until they answer again."""
        workers = self.arena.server.workers()
        if not workers:
            return False
        worker = self.random.choice(workers)
        name = _model_of(worker)
        began_s = time.monotonic()
        with contextlib.suppress(psutil.NoSuchProcess):  # it was put to sleep just now
            worker.kill()
            self.report.kills["worker"] += 1
        if name in CHATS:
            survivors([worker], within_s=ORPHAN_S)
            self._until_answered(name)
            self.report.answer_s.append(time.monotonic() - began_s)
        return True

    def _until_answered(self, model: str) -> None:
        """The model is up by itself, without a request that would wake it, and then answers."""
        ends_at = time.monotonic() + COME_BACK_S
        server, question = self.arena.server, {"model": model, "prompt": "Hi", "max_tokens": 1}
        while time.monotonic() < ends_at:
            status, answer = server.ask("/model/status", {"name": model})
            if status != 200:
                self.report.lost.append(f"model {model} was answered {status}")
                return
            if answer["is_up"] and server.post("/v1/completions", question)[0] == 200:
                return
            time.sleep(0.02)
        self.report.broken.append(f"model {model} did not come back: {answer}")


def _model_of(worker: psutil.Process) -> str:
    """Told by the folder of the worker's log: lm-dev-NAME-HASH. Empty where that cannot be seen."""
    try:
        folder = Path(os.readlink(f"/proc/{worker.pid}/fd/2")).parent.name
    except OSError:
        return ""
    return folder.removeprefix("lm-dev-").rpartition("-")[0]


def chaos(home: Path, kills: int, seed: int) -> Report:
    report = Report(seed)
    killer = Killer(home, report)
    try:
        arena = killer.arena
        for name in CHATS:
            arena.server.ask("/model/create", {"name": name, "model": "demo-tiny", "wait_s": 60})
        _, shared = arena.server.ask("/history/new", {"messages": []})
        writers = [Writer(f"w{n}", shared["id"]) for n in range(4)]
        keepers = [Keeper(f"m{n}", seed + n) for n in range(2)]
        readers = [Reader(name) for name in CHATS]
        with _under_load(arena, [*writers, *keepers, *readers]):
            while killer.report.kills.total() < kills:
                killer.kill_one()
        _check(arena.server, report, writers, keepers)
        for client in (*writers, *keepers, *readers):
            report.broken += client.broken
        for reader in readers:
            report.streams += reader.ends
    finally:
        killer.close()
    report.lost += _damage(home)
    return report


@contextlib.contextmanager
def _under_load(arena: Arena, clients: list[Client]) -> Iterator[None]:
    pauses = {Writer: 0.03, Keeper: 0.3, Reader: 0.1}
    threads = [threading.Thread(target=drive, args=(c, arena, pauses[type(c)])) for c in clients]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        arena.is_over.set()
        for thread in threads:
            thread.join()


def _check(server: Server, report: Report, writers: list[Writer], keepers: list[Keeper]) -> None:
    chats = {chat for writer in writers for chat, _ in writer.acknowledged}
    turns = {chat: _turns(server, chat) for chat in chats}
    for writer in writers:
        report.acknowledged["turns"] += len(writer.acknowledged)
        report.lost += writer.check(turns)
    ends_at = time.monotonic() + COME_BACK_S
    while True:
        statuses = {m["name"]: m["status"] for m in server.ask("/model/list", {"limit": 200})[1]["models"]}
        lost = [problem for keeper in keepers for problem in keeper.check(statuses)]
        if not lost or time.monotonic() > ends_at:
            break
        time.sleep(0.1)
    report.lost += lost
    for keeper in keepers:
        report.acknowledged += keeper.acknowledged


def _turns(server: Server, chat: str) -> list[dict[str, str]]:
    """Every turn of a chat, in order; none for a chat that is not there."""
    said: list[str] = []
    cursor = None
    while True:
        asked = {"id": chat, "limit": 200, "format": "messages", "cursor": cursor}
        status, page = server.ask("/history/get", asked)
        if status != 200:
            return []
        said += [message["content"] for message in page["messages"]]
        cursor = page["cursor"]
        if cursor is None:
            return [{"q": q, "a": a} for q, a in zip(said[::2], said[1::2], strict=True)]


def _damage(home: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(home / "llmanager.sqlite")) as connection:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    return [] if found == ["ok"] else found


def rows_of(report: Report) -> list[Row]:
    kills, acknowledged = report.kills, report.acknowledged
    return [
        ("seed", str(report.seed), ""),
        ("kills: of the server, of a worker", f"{kills['server']}, {kills['worker']}", ""),
        ("acknowledged turns", str(acknowledged["turns"]), ""),
        ("acknowledged creates, deletes", f"{acknowledged['create']}, {acknowledged['delete']}", ""),
        ("acknowledged and lost", str(len(report.lost)), "goal 0"),
        ("workers that outlived their server by 5 s", str(report.orphans), "goal 0"),
        ("other promises broken", str(len(report.broken)), "goal 0"),
        *((f"streams: {end}", str(count), "") for end, count in sorted(report.streams.items())),
        *_spread("server started to ready (s)", report.ready_s),
        *_spread("server started to a model's answer (s)", report.restart_s),
        *_spread("worker killed to its model's answer (s)", report.answer_s),
    ]


def _spread(what: str, times_s: list[float]) -> Iterator[Row]:
    if times_s:
        yield f"{what}, p50", statistics.median(times_s), ""
        yield f"{what}, worst", max(times_s), "goal <= 5"


def run(kills: int = KILLS, seed: int = SEED) -> Iterator[Row]:
    """Ends the process with status 1 after the figures where a promise was broken."""
    with tempfile.TemporaryDirectory() as home:
        report = chaos(Path(home), kills, seed)
    yield from rows_of(report)
    if report.problems:
        sys.exit("\n".join(report.problems[:50]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=SEED)
    asked = parser.parse_args()
    for what, value, goal in run(asked.kills, asked.seed):
        print(f"{what:<60} {value if isinstance(value, str) else f'{value:.3g}':>12}  {goal}")
