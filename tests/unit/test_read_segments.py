"""A stranger can read what the log wrote: tools/read_segments.py needs nothing of ours."""

import json
import random
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from llmanager.adapters.local.file_blobs import FileBlobs
from llmanager.vdb.compaction import Policy, Tier
from llmanager.vdb.entities import Item
from llmanager.vdb.usecases.log import SegmentLog
from tests.unit.vdb.log_samples import replayed, write

READER = Path(__file__).resolve().parents[2] / "tools" / "read_segments.py"
LARGE = random.Random(0).randbytes(20_000).hex()


@pytest.fixture
def log(tmp_path):
    """Small and large segments, deletes, replaced items, a merged segment and what a crash left."""
    log = SegmentLog(FileBlobs(tmp_path / "blobs"), "vdb", Policy((Tier(5_000, 3),)))
    for seq in range(1, 4):
        log.append("lm-x", seq, write(Item(f"{seq}", "é\n\u2028\r"), Item("same", f"{seq}"), deleted=["1"], seed=seq))
    log.append("lm-x", 4, write(Item("large", LARGE, {"n": 0.1}, "a.pdf"), *(Item(f"v{n}") for n in range(3000))))
    shutil.copytree(tmp_path / "blobs", tmp_path / "before")
    log.compact("lm-x")
    shutil.copytree(tmp_path / "before", tmp_path / "blobs", dirs_exist_ok=True)
    log.append("lm-x", 5, write(Item("2", "again"), deleted=["v7", "3"], seed=9))
    (tmp_path / "blobs/vdb/lm-x/000000000006-000000000006-0000.rows.jsonl.gz").write_bytes(b"half")
    return log


def read(folder: Path, copy_of_the_reader: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(copy_of_the_reader), str(folder)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30, check=False)


def test_it_prints_each_live_item_with_its_vector(log, tmp_path):
    done = read(tmp_path / "blobs/vdb/lm-x", shutil.copy(READER, tmp_path))
    assert done.stderr == ""
    found = {}
    for line in done.stdout.split("\n")[:-1]:
        row = json.loads(line)
        item = Item(row["id"], row["text"], row["metadata"], row["source"])
        found[row["id"]] = (item, struct.pack(f"<{len(row['vector'])}f", *row["vector"]))
    assert found == replayed(log, "lm-x")
    assert len(found) == 3002


def test_it_refuses_what_was_changed(log, tmp_path):
    (part,) = (tmp_path / "blobs/vdb/lm-x").glob("*4-0000.vectors.f32")
    part.write_bytes(part.read_bytes()[:-4] + bytes(4))
    done = read(part.parent, READER)
    assert done.returncode == 1
    assert "does not match its checksum" in done.stderr


def test_it_is_short():
    lines = READER.read_text().splitlines()
    assert len(lines) <= 50
    assert not any("llmanager" in line and "import" in line for line in lines)
