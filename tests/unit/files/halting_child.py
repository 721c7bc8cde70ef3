"""A process that uploads a file and halts half-way: `python -m tests.unit.files.halting_child HOME body|row`.

It says the id of the file, a line, when it has come to that place, and waits there to be killed.
"""

import sys
from contextlib import closing
from pathlib import Path

from llmanager.adapters.local.file_blobs import FileBlobs
from llmanager.adapters.local.sqlite_table import SQLiteStore
from llmanager.files.usecases.announce import announce
from llmanager.files.usecases.files import Files
from llmanager.files.usecases.receive import receive
from llmanager.kernel.clock import SystemClock
from llmanager.kernel.ids import random_id


class HaltingTable:
    """Halts before the write that makes the bytes a file: the second of several rows."""

    def __init__(self, table, halt) -> None:
        self._table, self._halt, self._count = table, halt, 0
        self.get, self.put, self.query = table.get, table.put, table.query

    def transact(self, actions):
        self._count += 1
        if self._count == 2:
            self._halt()
        return self._table.transact(actions)


def main(home: Path, where: str) -> None:
    clock = SystemClock()
    with closing(SQLiteStore(home / "rows.sqlite", clock)) as store:

        def halt() -> None:
            print(made.file.id, flush=True)
            sys.stdin.read()

        def pieces():
            yield b"x" * 100_000
            if where == "body":
                halt()
            yield b"y" * 100_000

        table = HaltingTable(store.table("files"), halt)
        files = Files(table, FileBlobs(home / "blobs"), clock, random_id, 10**6)
        made = announce(files, tenant="acme", filename="docs/a.txt", size_bytes=200_000)
        receive(files, file_id=made.file.id, token=made.token, pieces=pieces())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
