"""Files of a vector database harmed behind the server's back: the index is mended, damaged segments are told of."""

import hashlib
import os
import shutil

import pytest

from bench._server import Server
from tests.e2e.test_killed_at_work import kill, serving
from tests.fakes.eventually import eventually

pytestmark = pytest.mark.e2e
DIM = 32
ITEMS = 300


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("damage")


@pytest.fixture(scope="module")
def server(home):
    with serving(home) as server:
        yield server


def vector(number):
    return [float((number * 7919 + place * 104_729) % 1009) - 500 for place in range(DIM)]


def add(server, name, numbers):
    body = {"ids": [f"i{n}" for n in numbers], "texts": [hashlib.sha512(b"%d" % n).hexdigest() for n in numbers]}
    return server.ask("/vdb/add", {"name": name, **body, "vectors": [vector(n) for n in numbers]})


def filled(server, name):
    """Two segments, of which the first has parts of its own."""
    assert server.ask("/vdb/create", {"name": name, "dim": DIM})[0] == 202
    assert add(server, name, range(ITEMS - 1))[0] == 200
    assert add(server, name, [ITEMS - 1])[0] == 200
    return name


def found(server, name, number=7):
    status, answer = server.ask("/vdb/query", {"name": name, "vector": vector(number), "k": 1})
    return answer["results"][0]["id"] if status == 200 else (status, answer["error"]["code"])


def count(server, name):
    return server.ask("/vdb/status", {"name": name})[1]["count"]


def folder_of(home, kind, name):
    (folder,) = (home / kind).glob(f"lm-dev-{name}-*")
    return folder


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


USES = {
    "query": lambda server, name: found(server, name) == "i7",
    "add": lambda server, name: add(server, name, [7])[0] == 200,
    "list": lambda server, name: len(server.ask("/vdb/get", {"name": name})[1]["items"]) == 100,
    "hibernate": lambda server, name: server.ask("/vdb/hibernate", {"name": name})[0] == 200,
    "nothing": lambda server, name: True,
}


@pytest.mark.parametrize("use", USES)
def test_an_index_that_is_thrown_away_is_made_anew_by_whatever_comes_next(server, home, use):
    name = filled(server, f"lost-{use[:5]}")
    shutil.rmtree(folder_of(home, "vectors", name))
    assert USES[use](server, name)
    assert count(server, name) == ITEMS
    assert found(server, name) == "i7"


@pytest.mark.parametrize("use", ["query", "add", "hibernate"])
def test_an_index_whose_files_were_cut_short_is_made_anew(server, home, use):
    name = filled(server, f"cut-{use[:5]}")
    for path in folder_of(home, "vectors", name).rglob("*"):
        if path.is_file():
            os.truncate(path, 10)
    assert USES[use](server, name)
    assert found(server, name) == "i7"
    assert count(server, name) == ITEMS


def test_a_server_that_finds_no_index_at_all_makes_them_before_anybody_asks(tmp_path):
    with serving(tmp_path) as server:
        filled(server, "lost")
        kill(server)
    shutil.rmtree(tmp_path / "vectors")
    with serving(tmp_path) as server:
        assert count(server, "lost") == ITEMS
        eventually(lambda: (tmp_path / "vectors").exists() and list((tmp_path / "vectors").glob("lm-dev-lost-*")))
        assert found(server, "lost") == "i7"


HARM = {"rows": flip, "vectors": flip, "json": lambda path: os.truncate(path, 10)}


@pytest.mark.parametrize("harm", [*HARM, "gone"])
def test_damaged_segments_are_told_and_the_index_that_still_has_them_stays(server: Server, home, harm):
    name = filled(server, f"seg-{harm}")
    before = {path: path.read_bytes() for path in folder_of(home, "blobs/vdb", name).iterdir()}
    path = next(path for path in sorted(before) if ("vectors" if harm == "gone" else harm) in path.name)
    path.unlink() if harm == "gone" else HARM[harm](path)

    status, answer = server.ask("/vdb/hibernate", {"name": name})
    assert (status, answer["error"]["code"]) == (500, "segment_corrupt")
    assert "backup" in answer["error"]["message"]
    assert found(server, name) == "i7"

    shutil.rmtree(folder_of(home, "vectors", name))
    assert found(server, name) == (500, "segment_corrupt")
    path.write_bytes(before[path])
    assert found(server, name) == "i7"
    assert count(server, name) == ITEMS


def test_one_damaged_segment_does_not_keep_the_server_busy(server, home):
    name = filled(server, "spin")
    assert server.ask("/vdb/hibernate", {"name": name})[0] == 200
    resource = folder_of(home, "blobs/vdb", name).name
    flip(next((home / "blobs" / "vdb" / resource).glob("*.vectors.f32")))
    assert found(server, name) == (500, "segment_corrupt")

    def told():
        lines = (home / "stderr.log").read_text().splitlines()
        return [line for line in lines if "a chore needs help" in line and resource in line]

    assert "backup" in eventually(told)[0]
    assert server.ask("/vdb/delete", {"name": name})[0] == 200
    assert not list((home / "blobs" / "vdb").glob(resource))
