"""From the announcement to the file."""

import hashlib
from datetime import timedelta

import pytest

from llmanager.files.entities import REPLACED_KEEP_S, UPLOAD_S, FileState
from llmanager.files.errors import (
    AlreadyUploaded,
    FileNotFound,
    FileTooLarge,
    TooManyUploads,
    UploadNotFound,
    UploadOvertaken,
    UploadTooLong,
    UploadTooShort,
)
from llmanager.files.usecases.delete import delete_file
from llmanager.files.usecases.receive import receive
from llmanager.files.usecases.sweep import sweep_files
from llmanager.kernel.errors import Conflict, InvalidInput, Throttled, Unavailable
from tests.unit.files.world import World


def test_a_file_is_announced_sent_and_read(world: World):
    made = world.announce("docs/a.txt", 5)
    assert (made.file.state, made.until) == (FileState.ANNOUNCED, world.clock.now() + timedelta(seconds=UPLOAD_S))
    file = world.send(made, b"he", b"", b"llo")
    assert (file.state, file.size_bytes, file.sha256) == (FileState.READY, 5, hashlib.sha256(b"hello").hexdigest())
    assert file.expires_at is None
    assert world.content(world.files.require("acme", made.file.id)) == b"hello"
    assert world.names() == ["docs/a.txt"]


def test_an_empty_file_is_a_file(world: World):
    assert world.content(world.upload(content=b"")) == b""


def test_before_all_of_it_is_there_nothing_is_seen_of_it_by_name(world: World):
    made = world.announce()
    with pytest.raises(FileNotFound):
        world.files.read(made.file)

    def pieces():
        yield b"hel"
        assert world.names() == []
        assert world.files.require("acme", made.file.id).state is FileState.ANNOUNCED
        yield b"lo"

    receive(world.files, file_id=made.file.id, token=made.token, pieces=pieces())
    assert world.names() == ["docs/a.txt"]


def test_the_token_is_kept_as_a_hash_only(world: World):
    made = world.announce()
    assert made.token not in repr(world.table.scan().rows)
    assert made.token not in repr(made)


def never():
    raise AssertionError("the body was read")
    yield b""


@pytest.mark.parametrize("told_bytes", [None, 6])
def test_more_bytes_than_announced_are_refused_and_nothing_is_kept(world: World, told_bytes):
    made = world.announce(size_bytes=5)
    with pytest.raises(UploadTooLong, match="5 bytes"):
        world.send(made, b"hello", b"!", told_bytes=told_bytes)
    assert (world.kept(), world.names()) == ([], [])


@pytest.mark.parametrize("told_bytes", [None, 4])
def test_fewer_bytes_than_announced_are_refused_and_nothing_is_kept(world: World, told_bytes):
    made = world.announce(size_bytes=5)
    with pytest.raises(UploadTooShort, match="4 bytes where 5"):
        world.send(made, b"hell", told_bytes=told_bytes)
    assert (world.kept(), world.names()) == ([], [])


@pytest.mark.parametrize("told_bytes", [4, 6])
def test_a_body_that_says_another_size_is_refused_before_it_is_read(world: World, told_bytes):
    made = world.announce(size_bytes=5)
    with pytest.raises((UploadTooLong, UploadTooShort)):
        receive(world.files, file_id=made.file.id, token=made.token, pieces=never(), told_bytes=told_bytes)


def test_an_upload_that_failed_can_be_sent_again_to_the_same_address(world: World):
    made = world.announce()
    with pytest.raises(UploadTooShort):
        world.send(made, b"hel")
    assert world.content(world.send(made, b"hello")) == b"hello"


def test_a_body_that_breaks_leaves_nothing(world: World):
    def broken():
        yield b"hel"
        raise Unavailable("The client is gone.")

    made = world.announce()
    with pytest.raises(Unavailable):
        receive(world.files, file_id=made.file.id, token=made.token, pieces=broken())
    assert (world.kept(), world.names()) == ([], [])


def test_a_second_upload_of_a_finished_file_is_refused_before_it_is_read(world: World):
    made = world.announce()
    file = world.send(made, b"hello")
    with pytest.raises(AlreadyUploaded):
        receive(world.files, file_id=made.file.id, token=made.token, pieces=never())
    assert world.content(file) == b"hello"


def test_of_two_uploads_to_one_address_the_one_that_began_last_counts(world: World):
    made = world.announce()

    def overtaken():
        yield b"HEL"
        world.send(made, b"hello")
        yield b"LO"

    with pytest.raises(UploadOvertaken):
        receive(world.files, file_id=made.file.id, token=made.token, pieces=overtaken())
    file = world.files.require("acme", made.file.id)
    assert world.content(file) == b"hello"
    assert world.kept() == [file.blob]


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "é" * 43, "x" * 5000])
def test_a_token_that_is_not_its_own_opens_nothing(world: World, token):
    made = world.announce()
    with pytest.raises(UploadNotFound):
        receive(world.files, file_id=made.file.id, token=token, pieces=never())


def test_the_token_of_another_file_opens_nothing(world: World):
    made, other = world.announce(), world.announce()
    with pytest.raises(UploadNotFound):
        receive(world.files, file_id=made.file.id, token=other.token, pieces=never())


def test_after_its_time_an_address_takes_nothing_and_no_row_is_left(world: World):
    made = world.announce()
    world.clock.advance(UPLOAD_S)
    with pytest.raises(UploadNotFound):
        receive(world.files, file_id=made.file.id, token=made.token, pieces=never())
    assert world.table.scan().rows == ()


def test_an_upload_that_takes_too_long_is_cut_off_and_leaves_nothing(world: World):
    made = world.announce()

    def slow():
        yield b"hel"
        world.clock.advance(UPLOAD_S)
        yield b"lo"

    with pytest.raises(UploadNotFound):
        receive(world.files, file_id=made.file.id, token=made.token, pieces=slow())
    assert world.kept() == []


def test_a_file_that_is_deleted_while_it_comes_in_does_not_come_back(world: World):
    made = world.announce()

    def pieces():
        yield b"hello"
        delete_file(world.files, tenant="acme", file_id=made.file.id)

    with pytest.raises(UploadNotFound):
        receive(world.files, file_id=made.file.id, token=made.token, pieces=pieces())
    assert (world.kept(), world.names()) == ([], [])


def test_the_newest_upload_of_a_name_has_it_and_the_one_before_is_read_by_id_for_a_day(world: World):
    old = world.upload(content=b"old")
    new = world.upload(content=b"newer")
    assert [file.id for file in world.files.page("acme", limit=10).items] == [new.id]
    world.clock.advance(REPLACED_KEEP_S - 1)
    assert world.content(world.files.require("acme", old.id)) == b"old"
    world.clock.advance(1)
    with pytest.raises(FileNotFound):
        world.files.require("acme", old.id)
    assert sweep_files(world.files) == 1
    assert world.kept() == [new.blob]


def test_a_file_that_is_replaced_ends_no_later_than_it_would_have(world: World):
    old = world.upload(ttl_s=60)
    world.upload()
    world.clock.advance(60)
    with pytest.raises(FileNotFound):
        world.files.require("acme", old.id)


def test_a_files_life_counts_from_the_end_of_its_upload(world: World):
    made = world.announce(ttl_s=60)
    world.clock.advance(3600)
    file = world.send(made, b"hello")
    assert file.expires_at == world.clock.now() + timedelta(seconds=60)
    world.clock.advance(60)
    assert world.names() == []
    assert sweep_files(world.files) == 1
    assert world.kept() == []


def test_a_file_over_the_limit_is_refused_before_it_is_sent(world: World):
    world.announce(size_bytes=1000)
    with pytest.raises(FileTooLarge, match="LLMANAGER_MAX_FILE_MIB"):
        world.announce(size_bytes=1001)


def test_a_bad_name_is_refused_before_anything_is_kept(world: World):
    with pytest.raises(InvalidInput):
        world.announce("../a")
    assert world.table.scan().rows == ()


def test_more_uploads_than_may_be_open_are_refused_for_now(world: World, monkeypatch):
    monkeypatch.setattr("llmanager.files.usecases.announce.MAX_OPEN_UPLOADS", 2)
    first, _ = world.announce(), world.announce()
    with pytest.raises(TooManyUploads):
        world.announce()
    world.announce(tenant="rival")
    world.send(first, b"hello")
    world.announce()
    with pytest.raises(TooManyUploads):
        world.announce()
    world.clock.advance(UPLOAD_S)
    world.announce()


def test_a_lost_answer_of_the_last_write_keeps_the_file(world: World):
    made = world.announce()

    def lose(actions):
        if len(actions) > 1:
            raise Throttled("The answer was lost.")
        world.table.after_write = lose

    world.table.after_write = lose
    with pytest.raises(Throttled):
        world.send(made, b"hello")
    assert world.content(world.files.require("acme", made.file.id)) == b"hello"
    assert sweep_files(world.files) == 0


def test_a_last_write_that_failed_leaves_bytes_that_the_next_upload_makes_nobodys(world: World):
    made = world.announce()

    def refuse(actions):
        if len(actions) > 1:
            raise Unavailable("The rows are locked.")
        world.table.before_write = refuse

    world.table.before_write = refuse
    with pytest.raises(Unavailable):
        world.send(made, b"hello")
    assert (len(world.kept()), world.names()) == (1, [])
    assert world.content(world.send(made, b"hello")) == b"hello"
    assert sweep_files(world.files) == 1


@pytest.mark.parametrize("attempt", [lambda world, made: world.send(made, b"hello")])
def test_others_who_are_first_again_and_again_are_given_way_to(world: World, attempt):
    made = world.announce()

    def contested(_):
        world.table.before_write = contested
        raise Conflict("Somebody was first.")

    world.table.before_write = contested
    with pytest.raises(Throttled):
        attempt(world, made)


def test_a_name_that_somebody_takes_in_between_goes_to_the_last(world: World):
    made, rival = world.announce(), world.announce()

    def come_between(actions):
        if len(actions) > 1:
            world.send(rival, b"first")
        else:
            world.table.before_write = come_between

    world.table.before_write = come_between
    file = world.send(made, b"hello")
    assert [found.id for found in world.files.page("acme", limit=10).items] == [file.id]
    assert world.content(world.files.require("acme", rival.file.id)) == b"first"
