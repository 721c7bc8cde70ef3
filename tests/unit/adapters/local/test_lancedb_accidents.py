"""LanceDBVectorStore among wreckage, damage and full disks."""

import contextlib
import random
import subprocess
import warnings

import pytest

from llmanager.adapters.local.lancedb_errors import ATTEMPTS, in_our_words, persist
from llmanager.adapters.local.lancedb_store import LanceDBVectorStore
from llmanager.kernel.errors import OutOfSpace, Throttled
from llmanager.vdb.entities import Item, Write
from llmanager.vdb.errors import IndexDamaged, IndexMissing
from tests.contracts.vector_store.samples import SHAPE, delete, ids, row, upsert

A = Item("a", "word")


@pytest.fixture
def root(tmp_path):
    return tmp_path / "vectors"


@pytest.fixture
def store(root):
    return LanceDBVectorStore(root, keep_s=0.001)


@pytest.fixture
def index(store):
    store.create("books", SHAPE)
    return "books"


@pytest.mark.parametrize("name", ["", ".", "..", "../books", "a/b", ".new-1.books", "a" * 201, "a\n"])
def test_what_is_no_name_of_an_index_is_a_bug(store, name):
    for call in (lambda: store.create(name, SHAPE), lambda: store.drop(name), lambda: store.list(name)):
        with pytest.raises(ValueError, match="not an index's name"):
            call()


def test_what_a_killed_creation_or_drop_left_is_named_and_dropped(store, root, index):
    for left in (".new-0a.films", ".old-0b.films", ".old-0c.books"):
        (root / left / "0a.lance" / "data").mkdir(parents=True)
    assert store.indexes() == ("books", "films")
    with pytest.raises(IndexMissing):
        store.list("films")
    store.drop("films")
    assert store.indexes() == ("books",)
    assert store.list(index) == ()
    store.drop(index)
    assert list(root.iterdir()) == []


def test_a_creation_that_fails_leaves_nothing(store, root, monkeypatch):
    def fail(*_):
        raise RuntimeError("lance error: LanceError(IO): No space left on device (os error 28), /src/x.rs:1:1")

    monkeypatch.setattr("llmanager.adapters.local.lancedb_store.build", fail)
    with pytest.raises(OutOfSpace):
        store.create("books", SHAPE)
    assert store.indexes() == ()


HARM = {
    "emptied": lambda content: b"",
    "cut to 10 bytes": lambda content: content[:10],
    "cut in half": lambda content: content[: len(content) // 2],
    "of other bytes": lambda content: random.Random(1).randbytes(len(content)),
    "of zeros": lambda content: bytes(len(content)),
}


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("files", ["_versions/*.manifest", "data/*.lance", "_deletions/*.arrow"])
@pytest.mark.parametrize("is_open", [False, True])
def test_whatever_became_of_its_files_it_is_damage(store, root, index, files, harm, is_open):
    store.apply(index, upsert(A, Item("b", "word"), Item("c", "word")))
    store.apply(index, delete("b"))
    if is_open:
        store.list(index)
    found = list(root.glob(f"books/*.lance/{files}"))
    assert found
    for path in found:
        path.write_bytes(HARM[harm](path.read_bytes()))
    reader = store if is_open else LanceDBVectorStore(root)
    with contextlib.suppress(IndexDamaged):  # what is in memory is as good as ever
        assert ids(reader.list(index)) == ["a", "c"]
    with contextlib.suppress(IndexDamaged):
        reader.apply(index, upsert(A))
    with contextlib.suppress(IndexDamaged):
        assert reader.stats(index).count == 2


def test_a_shape_that_cannot_be_read_is_damage(store, root, index):
    (root / "books" / "shape.json").write_text("")
    with pytest.raises(IndexDamaged):
        LanceDBVectorStore(root).list(index)


@pytest.mark.parametrize("harm", ["remove", "overwrite", "cut"])
def test_damage_is_told_apart_from_absence(store, root, index, harm):
    store.apply(index, upsert(A))
    for path in root.glob("books/*.lance/data/*"):
        if harm == "remove":
            path.unlink()
        else:
            path.write_bytes(b"x" * 2000 if harm == "overwrite" else path.read_bytes()[:-20])
    with pytest.raises(IndexDamaged, match="Hibernate and restore") as damaged:
        LanceDBVectorStore(root).list(index)
    assert str(root) not in str(damaged.value)
    store.drop(index)
    store.create(index, SHAPE)
    store.apply(index, upsert(A))
    assert ids(store.list(index)) == ["a"]


LANCE_SAYS = "lance error: {}, /src/lance-13.0.0/src/x.rs:1:1"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("LanceError(IO): No space left on device (os error 28)", OutOfSpace),
        ("Retryable commit conflict for version 3: This Rewrite transaction was preempted", Throttled),
        ("Too many concurrent writers.", Throttled),
        ("Not found: tmp/x.lance/data/1.lance", IndexDamaged),
    ],
)
def test_errors_that_we_know_are_put_into_our_words(said, meant):
    told = in_our_words(RuntimeError(LANCE_SAYS.format(said)))
    assert type(told) is meant
    assert "lance" not in str(told)
    assert ".rs" not in str(told)


def test_errors_that_we_do_not_know_stay_what_they_are():
    assert in_our_words(RuntimeError(LANCE_SAYS.format("Internal error: no such plan"))) is None
    assert in_our_words(ValueError("something not found in our own code")) is None


def test_a_lost_race_is_run_again_and_given_up_some_day():
    left = [RuntimeError("Retryable commit conflict")] * 3

    def act():
        if left:
            raise left.pop()
        return "done"

    assert persist(act) == "done"
    left[:] = [RuntimeError("Retryable commit conflict")] * 99
    with pytest.raises(RuntimeError):
        persist(act, attempts=3)
    assert len(left) == 96
    left[:] = [RuntimeError("another error")] * ATTEMPTS
    with pytest.raises(RuntimeError, match="another"):
        persist(act)
    assert len(left) == ATTEMPTS - 1


@pytest.fixture
def disk(tmp_path):
    """A file system of its own, of 16 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    if done.returncode:
        pytest.skip(f"no file system may be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_said_loses_nothing_and_heals(disk):
    store = LanceDBVectorStore(disk / "vectors", keep_s=0.001)
    store.create("books", SHAPE)
    (disk / "room").write_bytes(bytes(6 * 2**20))
    chance, written = random.Random(3), []

    def write_on():
        while True:
            name = f"{len(written):03}"
            store.apply("books", upsert(Item(name, chance.randbytes(100_000).hex())))
            written.append(name)

    with pytest.raises(OutOfSpace, match="Free some space"):
        write_on()
    assert len(written) > 10
    with (disk / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(bytes(4096))
    for refused in (
        lambda: store.apply("books", upsert(Item("b", "x" * 200_000), deleted_ids=("000",))),
        lambda: store.create("films", SHAPE),
    ):
        with pytest.raises(OutOfSpace):
            refused()
    assert ids(store.list("books", limit=500)) == written
    assert store.search("books", row(1, 0, 0), k=1) != ()
    assert store.indexes() == ("books",)
    for name in ("filler", "room"):
        (disk / name).unlink()
    store.apply("books", delete(*written[10:]))
    store.tend("books")
    for n in range(3):
        store.apply("books", upsert(Item("b", f"{n}" * 100_000)))
    assert ids(store.list("books")) == [*written[:10], "b"]


def test_nothing_is_warned_of(store, index):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store.apply(index, upsert(A))
        store.apply(index, Write())
        store.search(index, row(1, 0, 0), k=1)
        store.tend(index)
