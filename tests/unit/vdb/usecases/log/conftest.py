import pytest

from llmanager.vdb.compaction import Policy, Tier
from llmanager.vdb.usecases.log import SegmentLog
from tests.fakes.blobs import FakeBlobs

SMALL = Policy((Tier(10_000, 3),), max_bytes=30_000)


@pytest.fixture
def blobs():
    return FakeBlobs()


@pytest.fixture(params=[0, 16 * 1024], ids=["parts", "inline"])
def log(request, blobs):
    """With parts as blobs of their own, and with parts in the manifest."""
    return SegmentLog(blobs, "vdb", SMALL, inline_bytes=request.param)


@pytest.fixture
def in_parts(blobs):
    return SegmentLog(blobs, "vdb", SMALL, inline_bytes=0)
