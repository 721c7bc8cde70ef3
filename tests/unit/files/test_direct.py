"""Uploads that go past us, to the blob store itself: whoever looks finds out that one is over."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from llmanager.files.entities import ADDRESS_S, TAKE_IN_S, UPLOAD_S, Announced, File, FileState
from llmanager.files.errors import FileNotFound, SourceNotFound, UploadNotFound
from llmanager.files.usecases.delete import delete_file
from llmanager.files.usecases.find import named
from llmanager.files.usecases.receive import receive
from llmanager.files.usecases.sweep import sweep_files
from llmanager.files.usecases.take_in import LOOKED_AT, LOOKING_S, look, take_in
from llmanager.kernel.errors import BlobNotFound, Unavailable
from tests.fakes.direct_uploads import FakeUploads
from tests.unit.files.world import World


class DirectWorld(World):
    def __init__(self) -> None:
        super().__init__()
        self.uploads = FakeUploads(self.blobs, self.clock)
        self.files = replace(self.files, direct=self.uploads)

    def send(self, made: Announced, *pieces: bytes, **more) -> File:
        """Sent, and nobody has looked."""
        assert made.address is not None
        assert self.uploads.send(made.address, b"".join(pieces)) == 200
        return made.file

    def look(self, file: File) -> File:
        return look(self.files, file.tenant, file.id)


@pytest.fixture
def world():
    return DirectWorld()


class TestAnnouncement:
    def test_gives_an_address_for_its_time_and_no_token(self, world):
        made = world.announce("docs/a.txt", 5)
        assert (made.token, made.until) == ("", world.clock.now() + timedelta(seconds=ADDRESS_S))
        assert made.file.expires_at == world.clock.now() + timedelta(seconds=UPLOAD_S)
        assert made.address not in repr(made)
        assert world.uploads.send(made.address, b"hello!") == 403
        world.clock.advance(ADDRESS_S)
        assert world.uploads.send(made.address, b"hello") == 403

    def test_opens_no_way_in_here(self, world):
        made = world.announce()
        with pytest.raises(UploadNotFound):
            receive(world.files, file_id=made.file.id, token=made.token, pieces=[b"hello"])

    def test_that_gets_no_address_leaves_nothing(self, world):
        world.uploads.down = Unavailable("no credentials")
        with pytest.raises(Unavailable):
            world.announce()
        assert world.table.scan().rows == ()


class TestALook:
    def test_before_the_bytes_finds_a_file_that_is_to_come(self, world):
        file = world.announce().file
        assert world.look(file).state is FileState.ANNOUNCED
        with pytest.raises(FileNotFound):
            world.files.read(file)

    def test_after_them_makes_it_a_file_by_id_and_by_name(self, world):
        file = world.look(world.upload("docs/a.txt", b"hello", ttl_s=60))
        assert (file.state, file.size_bytes, file.sha256) == (FileState.READY, 5, hashlib.sha256(b"hello").hexdigest())
        assert file.expires_at == world.clock.now() + timedelta(seconds=60)
        assert world.content(file) == b"hello"
        assert world.names() == ["docs/a.txt"]
        assert world.look(file) == world.files.require("acme", file.id)
        assert world.kept() == [file.blob]

    def test_after_a_body_of_another_size_waits_on(self, world):
        """The address lets none in; should the store do so all the same, it is no file."""
        file = world.announce(size_bytes=5).file
        world.blobs.put(f"incoming/acme/{file.id}", [b"hell"])
        assert world.look(file).state is FileState.ANNOUNCED

    def test_of_another_tenant_finds_nothing(self, world):
        file = world.upload()
        with pytest.raises(FileNotFound):
            look(world.files, "other", file.id)

    def test_takes_in_what_came_last_and_nothing_that_comes_later(self, world):
        made = world.announce()
        for body in (b"first", b"hello"):
            world.uploads.send(made.address, body)
        file = world.look(made.file)
        world.uploads.send(made.address, b"other")
        assert world.content(world.look(file)) == b"hello"

    def test_while_another_one_takes_it_in_does_not_overtake_him(self, world):
        file, seen = world.upload(), []
        world.uploads.before_keep = lambda: seen.append(world.look(file))
        assert world.look(file).state is FileState.READY
        assert [other.state for other in seen] == [FileState.ANNOUNCED]
        assert len(world.kept()) == 1

    def test_is_repeated_at_once_after_one_that_failed(self, world):
        file = world.upload()
        world.uploads.before_keep = refuse(Unavailable("S3 is away"))
        with pytest.raises(Unavailable):
            world.look(file)
        assert world.look(file).state is FileState.READY

    def test_is_repeated_after_a_while_where_the_other_one_died(self, world):
        file = world.upload()
        world.uploads.after_keep = refuse(KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            world.look(file)
        assert world.look(file).state is FileState.ANNOUNCED
        world.clock.advance(TAKE_IN_S)
        ready = world.look(file)
        assert ready.state is FileState.READY
        assert sweep_files(world.files) == 1  # the copy of the dead one
        assert world.content(ready) == b"hello"

    def test_that_was_overtaken_tells_what_there_is_and_leaves_no_copy(self, world):
        file = world.upload()

        def be_slow():
            world.clock.advance(TAKE_IN_S)
            world.look(file)

        world.uploads.after_keep = be_slow
        ready = world.look(file)
        assert (ready.state, world.content(ready)) == (FileState.READY, b"hello")
        assert world.kept() == [ready.blob]

    def test_at_a_file_that_is_deleted_meanwhile_finds_nothing_and_leaves_nothing(self, world):
        file = world.upload()
        world.uploads.after_keep = lambda: delete_file(world.files, tenant="acme", file_id=file.id)
        with pytest.raises(FileNotFound):
            world.look(file)
        assert world.kept() == []

    def test_at_bytes_that_are_gone_again_waits_on(self, world):
        file = world.upload()
        world.uploads.before_keep = refuse(BlobNotFound("gone"))
        assert world.look(file).state is FileState.ANNOUNCED
        assert world.look(file).state is FileState.READY


class TestAllFiles:
    def test_are_complete_after_what_came_in_was_taken_in(self, world):
        for name in ("b/2", "b/1"):
            world.upload(name)
        world.announce("b/3")
        take_in(world.files, "acme")
        assert world.names() == ["b/1", "b/2"]

    def test_of_other_tenants_are_not_looked_at(self, world):
        world.upload(tenant="other")
        take_in(world.files, "acme")
        assert world.names("other") == []

    def test_take_in_the_newest_of_very_many(self, world):
        for n in range(LOOKED_AT + 1):
            world.upload(f"{n:02}")
            world.clock.advance(1)
        take_in(world.files, "acme")
        assert world.names() == [f"{n:02}" for n in range(1, LOOKED_AT + 1)]
        take_in(world.files, "acme")
        assert len(world.names()) == LOOKED_AT + 1

    def test_hold_the_later_one_of_two_of_a_name(self, world):
        world.upload("a", b"first")
        world.clock.advance(1)
        later = world.upload("a", b"the second")
        take_in(world.files, "acme")
        assert world.files.named("acme", "a").id == later.id

    def test_do_not_wait_for_long_copies(self, world):
        for name in ("a", "b"):
            world.upload(name)
        world.uploads.after_keep = lambda: world.clock.advance(LOOKING_S)
        take_in(world.files, "acme")
        assert len(world.names()) == 1

    def test_are_shown_without_those_that_cannot_be_taken_in_now(self, world):
        for name in ("a", "b"):
            world.upload(name)
        world.uploads.before_keep = refuse(Unavailable("S3 is away"))
        take_in(world.files, "acme")
        assert len(world.names()) == 1

    @pytest.mark.parametrize("src", ["b/1", "b/", "b", "s3://b/1"])
    def test_are_found_by_name_as_a_source(self, world, src):
        with pytest.raises(SourceNotFound):
            named(world.files, "acme", src)
        world.upload("b/1")
        assert [file.filename for file in named(world.files, "acme", src)] == ["b/1"]

    def test_are_found_by_id_as_a_source(self, world):
        file = world.upload("b/1")
        assert [found.state for found in named(world.files, "acme", file.id)] == [FileState.READY]


class TestDeleteAndSweep:
    def test_a_file_that_is_to_come_goes_with_what_came(self, world):
        file = world.upload()
        delete_file(world.files, tenant="acme", file_id=file.id)
        assert world.kept() == []
        assert world.table.scan().rows == ()

    def test_what_still_may_become_a_file_stays(self, world):
        file = world.upload()
        assert sweep_files(world.files) == 0
        assert world.look(file).state is FileState.READY

    def test_what_nobody_waits_for_goes(self, world):
        taken, deleted, late = world.announce("a"), world.announce("b"), world.announce("c")
        world.send(taken, b"hello")
        world.look(taken.file)
        delete_file(world.files, tenant="acme", file_id=deleted.file.id)
        for made in (taken, deleted, late):
            world.send(made, b"again")
        world.clock.advance(UPLOAD_S)
        assert sweep_files(world.files) == 3
        assert len(world.kept()) == 1


def refuse(error: BaseException):
    def act() -> None:
        raise error

    return act
