"""`kill -9` while documents are ingested, on real child processes, rows, segments and indexes."""

import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from llmanager.adapters.local.sqlite_table import SQLiteStore
from llmanager.kernel.clock import SystemClock
from llmanager.vdb.usecases.read import list_items
from tests.api.server import ROOT
from tests.fakes import ingesting

pytestmark = pytest.mark.e2e

ROWS = 1500
KILLS = 3


def started(home: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.ingesting", str(home)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def texts_of(home: Path) -> list[str]:
    with closing(SQLiteStore(home / "rows.sqlite", SystemClock())) as rows:
        vdbs = ingesting.made(home, rows).vdbs
        found: list[str] = []
        cursor = None
        while True:
            page = list_items(vdbs, ingesting.KEY, limit=500, cursor=cursor)
            found += [item.text for item in page.items]
            if (cursor := page.cursor) is None:
                return found


def test_what_was_written_is_not_embedded_again_and_nothing_is_missing(tmp_path):
    (tmp_path / "docs").mkdir()
    texts = [f"record {n}" for n in range(ROWS)]
    (tmp_path / "docs" / "a.csv").write_text("text\n" + "\n".join(texts))
    log = tmp_path / "embedded.log"
    held, before = set[str](), Counter[str]()
    for _ in range(KILLS):
        with started(tmp_path) as process:
            next(line for line in process.stdout if not line.startswith("0 "))
            process.kill()
        asked = Counter(log.read_text().splitlines())
        assert all(asked[text] == before[text] for text in held)
        held, before = set(texts_of(tmp_path)), asked
        assert held

    with started(tmp_path) as process:
        assert "'failures': 0" in process.stdout.read()
    asked = Counter(log.read_text().splitlines())
    assert all(asked[text] == before[text] for text in held)
    assert set(asked) == set(texts)
    assert sorted(texts_of(tmp_path)) == sorted(texts)
