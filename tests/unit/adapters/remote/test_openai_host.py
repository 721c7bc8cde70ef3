from dataclasses import replace

import pytest

from llmanager.adapters.remote.openai_host import Remote, RemoteModelHost
from llmanager.kernel.errors import InvalidInput
from llmanager.models.entities import Backend, Kind, ModelSpec, ReplicaState
from llmanager.models.ports import Endpoint
from tests.fakes.changes import Changes
from tests.fakes.orders import order

REMOTE = Remote("https://models.example", "Bearer hush", "gpt-x")


@pytest.fixture
def host():
    return RemoteModelHost({"big": REMOTE}, on_change=Changes())


def spec(model):
    return ModelSpec(model, backend=Backend.REMOTE)


def test_requests_go_where_the_admin_said(host):
    host.start(order("lm-a", spec("big")), 0)

    assert host.endpoints("lm-a") == (Endpoint(0, "https://models.example", "gpt-x", "Bearer hush"),)


@pytest.mark.parametrize("model", ["https://evil.example", "http://169.254.169.254", "big/../other", ""])
def test_a_client_cannot_say_where_requests_go(host, model):
    with pytest.raises(InvalidInput, match="Configured: 'big'"):
        host.quote(spec(model))
    host.start(order("lm-a", spec(model)), 0)

    assert host.endpoints("lm-a") == ()


def test_what_the_remote_bills_is_unknown_not_free(host):
    quote = host.quote(spec("big"))

    assert (quote.usd_per_hour, quote.usd_per_month) == (None, None)
    assert quote.fits
    assert quote.memory_mib == 0
    assert host.memory() is None


def test_a_remote_for_embedding_is_not_taken_for_chat_nor_the_other_way_round():
    host = RemoteModelHost({"chat": REMOTE, "embed": replace(REMOTE, kind=Kind.EMBEDDING)}, on_change=Changes())
    for asked, of in (("chat", Kind.EMBEDDING), ("embed", Kind.CHAT)):
        with pytest.raises(InvalidInput, match=f"is for .*Ask for kind '.*{asked}") as refused:
            host.quote(replace(spec(asked), kind=of))
        assert refused.value.param == "kind"
    assert host.quote(replace(spec("embed"), kind=Kind.EMBEDDING)).fits


def test_a_remote_whose_kind_was_changed_in_the_settings_gets_no_more_requests(host):
    host.start(order("lm-a", replace(spec("big"), kind=Kind.EMBEDDING)), 0)

    assert host.observe("lm-a").replicas[0].state is ReplicaState.FAILED
    assert host.endpoints("lm-a") == ()


def test_a_secret_is_not_shown():
    assert "hush" not in repr(REMOTE)
