import pytest

from llmanager.adapters.local.file_blobs import FileBlobs
from tests.fakes.blobs import FakeBlobs
from tests.unit.files.world import World


@pytest.fixture(params=["fake", "files"])
def world(request, tmp_path):
    return World(FakeBlobs() if request.param == "fake" else FileBlobs(tmp_path / "blobs"))
