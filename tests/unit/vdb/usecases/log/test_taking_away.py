import pytest

from llmanager.kernel.errors import Unavailable
from llmanager.vdb.entities import Item
from tests.unit.vdb.log_samples import keys, write


class TestTakingAway:
    def test_remove_takes_the_last_append_back(self, log, blobs):
        log.append("r", 1, write(Item("a")))
        before = keys(blobs)
        segment = log.append("r", 2, write(Item("b")))
        log.remove("r", segment)
        log.remove("r", segment)
        assert keys(blobs) == before

    def test_remove_that_is_interrupted_leaves_no_half(self, blobs, in_parts):
        segment = in_parts.append("r", 1, write(Item("a")))

        def break_off(call: str, key: str) -> None:
            if call == "delete" and not key.endswith(".json"):
                raise Unavailable("Gone.")

        blobs.before = break_off
        with pytest.raises(Unavailable):
            in_parts.remove("r", segment)
        assert in_parts.segments("r") == ()

    def test_drop_removes_everything_of_one_resource_and_again(self, log, blobs):
        for resource in ("r", "r2"):
            for seq in (1, 2):
                log.append(resource, seq, write(Item("a")))
        blobs.put("vdb/r/what-is-this", [b"x"])
        log.drop("r")
        log.drop("r")
        assert log.resources() == ("r2",)
        assert {key.split("/")[1] for key in keys(blobs)} == {"r2"}

    def test_drop_that_is_interrupted_leaves_no_half_segment(self, blobs, in_parts):
        for seq in (1, 2):
            in_parts.append("r", seq, write(Item("a")))
        gone = []

        def break_off(call: str, key: str) -> None:
            if call == "delete" and len(gone) == 3:
                raise Unavailable("Gone.")
            if call == "delete":
                gone.append(key)

        blobs.before = break_off
        with pytest.raises(Unavailable):
            in_parts.drop("r")
        assert in_parts.segments("r") == ()
        assert in_parts.resources() == ("r",)
        blobs.before = lambda *_: None
        in_parts.drop("r")
        assert in_parts.resources() == ()

    def test_resources_are_told_by_whatever_they_hold(self, blobs, log):
        assert log.resources() == ()
        for resource in ("b", "a"):
            log.append(resource, 1, write(Item("a")))
            log.append(resource, 2, write(Item("a")))
        blobs.put("vdb/c/000000000001-000000000001-0000.vectors.f32", [b"x"])
        blobs.put("vdbs/d/e", [b"x"])
        assert log.resources() == ("a", "b", "c")
