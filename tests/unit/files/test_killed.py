"""kill -9 in the middle of an upload, on a real disk."""

import subprocess
import sys
from contextlib import closing
from datetime import timedelta

import pytest

from llmanager.adapters.local.file_blobs import FileBlobs
from llmanager.adapters.local.sqlite_table import SQLiteStore
from llmanager.files.entities import UPLOAD_S, FileState
from llmanager.files.errors import FileNotFound, SourceNotFound
from llmanager.files.usecases.files import Files
from llmanager.files.usecases.find import named
from llmanager.files.usecases.sweep import sweep_files
from llmanager.kernel.clock import SystemClock
from llmanager.kernel.ids import random_id
from tests.fakes.clock import FakeClock


@pytest.mark.parametrize("where", ["body", "row"])
def test_an_upload_whose_server_is_killed_is_seen_by_nobody_and_leaves_nothing(tmp_path, where):
    command = [sys.executable, "-m", "tests.unit.files.halting_child", str(tmp_path), where]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        file_id = child.stdout.readline().strip()
        child.kill()
    assert file_id
    clock = FakeClock(SystemClock().now())
    with closing(SQLiteStore(tmp_path / "rows.sqlite", clock)) as store:
        files = Files(store.table("files"), FileBlobs(tmp_path / "blobs"), clock, random_id, 10**6)
        file = files.require("acme", file_id)
        assert file.state is FileState.ANNOUNCED
        assert files.page("acme", limit=10).items == ()
        with pytest.raises(FileNotFound):
            files.read(file)
        for src in (file_id, "docs/a.txt", "docs"):
            with pytest.raises(SourceNotFound):
                named(files, "acme", src)
        clock.set(clock.now() + timedelta(seconds=UPLOAD_S))
        assert sweep_files(files) == (1 if where == "row" else 0)
        assert sweep_files(files) == 0
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []
