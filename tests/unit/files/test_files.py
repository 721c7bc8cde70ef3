"""Finding, listing, deleting and sweeping files."""

import pytest

from llmanager.files.errors import FileNotFound, SourceNotFound
from llmanager.files.usecases.delete import delete_file
from llmanager.files.usecases.find import named
from llmanager.files.usecases.receive import receive
from llmanager.files.usecases.sweep import sweep_files
from llmanager.kernel.errors import Conflict, InvalidInput, Throttled, Unavailable
from tests.unit.files.world import World


def found(world: World, src: str, tenant="acme") -> list[str]:
    return [file.filename for file in named(world.files, tenant, src)]


def test_files_are_listed_by_name_below_a_prefix_in_pages(world: World):
    for name in ("b/2", "a", "b/1", "b/é", "c"):
        world.upload(name)
    assert world.names() == ["a", "b/1", "b/2", "b/é", "c"]
    assert world.names(prefix="b/") == ["b/1", "b/2", "b/é"]
    first = world.files.page("acme", prefix="b/", limit=2)
    rest = world.files.page("acme", prefix="b/", limit=2, cursor=first.cursor)
    assert [file.filename for file in first.items + rest.items] == ["b/1", "b/2", "b/é"]
    assert rest.cursor is None
    with pytest.raises(InvalidInput):
        world.files.page("acme", limit=2, cursor="é")


def test_each_tenant_has_its_own(world: World):
    theirs = world.upload("a", tenant="rival")
    assert world.names() == []
    with pytest.raises(FileNotFound):
        world.files.require("acme", theirs.id)
    with pytest.raises(FileNotFound):
        delete_file(world.files, tenant="acme", file_id=theirs.id)
    with pytest.raises(SourceNotFound):
        found(world, theirs.id)


def test_a_source_is_an_id_a_name_or_an_address_in_a_bucket(world: World):
    file = world.upload("bucket/docs/a.txt")
    world.upload("bucket/docs/a.txt.bak")
    for src in (file.id, "bucket/docs/a.txt", "s3://bucket/docs/a.txt"):
        assert found(world, src) == ["bucket/docs/a.txt"]


@pytest.mark.parametrize("src", ["bucket", "bucket/", "s3://bucket", "s3://bucket/"])
def test_a_source_is_a_folder_with_all_below_it_by_name(world: World, src):
    for name in ("bucket/z", "bucket/a/b", "bucket-2/x", "bucke"):
        world.upload(name)
    assert found(world, src) == ["bucket/a/b", "bucket/z"]


def test_a_name_that_is_a_file_and_a_folder_is_the_file_and_with_a_slash_the_folder(world: World):
    world.upload("a"), world.upload("a/b")
    assert found(world, "a") == ["a"]
    assert found(world, "a/") == ["a/b"]


def test_a_large_folder_is_read_page_by_page(world: World, monkeypatch):
    monkeypatch.setattr("llmanager.files.usecases.find.PAGE", 3)
    names = [f"many/{n}" for n in range(7)]
    for name in names:
        world.upload(name)
    assert found(world, "many") == names


def test_a_source_means_the_newest_upload_of_a_name(world: World):
    old = world.upload("a", b"old")
    new = world.upload("a", b"newer")
    assert [file.id for file in named(world.files, "acme", "a")] == [new.id]
    assert [file.id for file in named(world.files, "acme", old.id)] == [old.id]


@pytest.mark.parametrize("src", ["", "/", "s3://", "nowhere", "nowhere/", "../docs", "docs/a"])
def test_a_source_that_names_nothing_is_told_at_once(world: World, src):
    world.upload("docs/a.txt")
    with pytest.raises(SourceNotFound):
        named(world.files, "acme", src)


def test_what_is_only_announced_is_no_source(world: World):
    made = world.announce("a")
    for src in (made.file.id, "a"):
        with pytest.raises(SourceNotFound, match="once all of it is uploaded"):
            named(world.files, "acme", src)


def test_a_name_is_found_however_it_is_written(world: World):
    world.upload("caf\u00e9/a")
    assert found(world, "cafe\u0301") == ["caf\u00e9/a"]
    assert world.names(prefix="cafe\u0301/") == ["caf\u00e9/a"]


def test_a_deleted_file_is_gone_with_its_name_and_its_bytes(world: World):
    file = world.upload()
    delete_file(world.files, tenant="acme", file_id=file.id)
    assert (world.kept(), world.names()) == ([], [])
    with pytest.raises(FileNotFound):
        delete_file(world.files, tenant="acme", file_id=file.id)
    with pytest.raises(FileNotFound):
        world.files.read(file)


def test_deleting_a_replaced_file_leaves_the_name_to_its_new_holder(world: World):
    old = world.upload(content=b"old")
    new = world.upload(content=b"newer")
    delete_file(world.files, tenant="acme", file_id=old.id)
    assert [file.id for file in world.files.page("acme", limit=10).items] == [new.id]
    assert world.kept() == [new.blob]


def test_what_is_only_announced_can_be_deleted(world: World):
    made = world.announce()
    delete_file(world.files, tenant="acme", file_id=made.file.id)
    with pytest.raises(FileNotFound):
        world.files.require("acme", made.file.id)


def test_a_delete_goes_on_whatever_comes_between(world: World):
    old = world.upload()
    world.table.before_write = lambda _: world.upload(content=b"newer")
    delete_file(world.files, tenant="acme", file_id=old.id)
    assert world.names() == ["docs/a.txt"]
    assert len(world.kept()) == 1


def test_a_delete_that_others_overtake_again_and_again_gives_up(world: World):
    def contested(_):
        world.table.before_write = contested
        raise Conflict("Somebody was first.")

    file = world.upload()
    world.table.before_write = contested
    with pytest.raises(Throttled):
        delete_file(world.files, tenant="acme", file_id=file.id)


def test_bytes_that_cannot_be_removed_now_are_swept_later(world: World):
    def broken(key):
        raise Unavailable("The disk is away.")

    file = world.upload()
    whole, world.blobs.delete = world.blobs.delete, broken
    delete_file(world.files, tenant="acme", file_id=file.id)
    assert world.names() == []
    world.blobs.delete = whole
    assert sweep_files(world.files) == 1
    assert world.kept() == []


def test_a_sweep_leaves_files_and_uploads_under_way_and_other_blobs_alone(world: World):
    kept = world.upload("a")
    world.blobs.put("vdb/x/1", [b"segment"])
    made = world.announce("b")

    def pieces():
        yield b"hello"
        assert sweep_files(world.files) == 0

    file = receive(world.files, file_id=made.file.id, token=made.token, pieces=pieces())
    assert sweep_files(world.files) == 0
    assert world.kept() == [kept.blob, file.blob, "vdb/x/1"]


def test_a_sweep_between_the_bytes_and_their_row_takes_nothing(world: World):
    made = world.announce()

    def sweep_now(actions):
        if len(actions) > 1:
            assert len(world.kept()) == 1
            assert sweep_files(world.files) == 0
        else:
            world.table.before_write = sweep_now

    world.table.before_write = sweep_now
    assert world.content(world.send(made, b"hello")) == b"hello"
