"""A store is made without asking anything, and finds credentials only where it needs them."""

import pytest

from llmanager.adapters.aws.opensearch_kind import Kind
from llmanager.adapters.aws.opensearch_session import connected_store
from llmanager.kernel.errors import Unavailable
from tests.fakes.clock import FakeClock

URL = "https://abc.aoss.eu-west-1.on.aws"


@pytest.fixture(autouse=True)
def nobody(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "absent"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.parametrize("kind", [Kind.SERVERLESS, Kind.DOMAIN])
def test_signed_kinds_need_credentials(kind, monkeypatch):
    with pytest.raises(Unavailable, match="role"):
        connected_store(URL, kind, "dev", FakeClock(), region="eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "emulated")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "emulated")
    connected_store(URL, kind, "dev", FakeClock(), region="eu-west-1")
    with pytest.raises(Unavailable, match="region"):
        connected_store(URL, kind, "dev", FakeClock())


def test_an_open_one_needs_none():
    connected_store("http://127.0.0.1:9200", Kind.OPEN, "dev", FakeClock())
