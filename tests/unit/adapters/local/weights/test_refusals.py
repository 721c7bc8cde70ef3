"""What a hub, a network or a disk can do wrong, and what is said of it."""

import hashlib
from pathlib import Path

import pytest

from llmanager.adapters.local.weights import LocalWeights
from llmanager.adapters.local.weights_port import Missing
from llmanager.kernel.errors import InvalidInput, Unavailable
from llmanager.models.entities import Kind
from tests.fakes.clock import FakeClock
from tests.fakes.hub_server import FakeHub
from tests.unit.adapters.local.weights.hub import FILE, MODEL, REPO, Open, closed_port, fetched, missed


def test_a_wrong_checksum_is_told_and_nothing_is_kept(weights: LocalWeights, hub: FakeHub, tmp_path: Path):
    hub.repos[REPO].claims[FILE] = hashlib.sha256(b"something else").hexdigest()
    missing = missed(weights)

    assert "does not have the checksum" in missing.reason
    assert not missing.is_final
    assert [path.name for path in (tmp_path / "home").rglob("*") if path.is_file()] == [f"{FILE}.lock"]


def test_a_file_longer_than_announced_is_refused(weights: LocalWeights, hub: FakeHub):
    hub.repos[REPO].sizes[FILE] = 1000

    assert "does not have the checksum" in missed(weights).reason


def test_a_file_shorter_than_announced_is_given_up(weights: LocalWeights, hub: FakeHub, chat_bytes: bytes):
    hub.repos[REPO].sizes[FILE] = len(chat_bytes) + 1

    assert isinstance(missed(weights), Missing)


def test_a_file_without_a_checksum_is_not_taken(weights: LocalWeights, hub: FakeHub):
    hub.repos[REPO].is_lfs = False

    assert missed(weights) == Missing(f"The hub gives no checksum for {FILE!r}. Choose another file.", is_final=True)


def test_a_login_page_is_not_taken_for_the_hub(weights: LocalWeights, hub: FakeHub):
    hub.is_a_login_page = True

    assert missed(weights) == Missing(
        "What answered is not a model hub. Check HF_ENDPOINT and whether the network asks for a login.", is_final=False
    )


def test_without_a_network_it_says_what_to_do(open_weights: Open):
    weights = open_weights(endpoint=closed_port())
    missing = missed(weights)

    assert missing.reason.startswith("The hub cannot be reached.")
    assert "put a .gguf file into the models folder and give its name" in missing.reason
    assert not missing.is_final
    with pytest.raises(Unavailable, match="cannot be reached"):
        weights.facts(MODEL, Kind.CHAT)


def test_when_the_network_is_back_it_works_after_ten_seconds(open_weights: Open, hub: FakeHub, clock: FakeClock):
    hub.statuses = [503] * 6
    weights = open_weights()
    assert missed(weights).reason == "The hub is overloaded or broken now (status 503). Try again later."

    hub.statuses = []
    assert isinstance(weights.ensure(MODEL, Kind.CHAT), Missing)
    clock.advance(10)
    assert fetched(weights)


def test_an_overloaded_hub_is_asked_again(weights: LocalWeights, hub: FakeHub):
    hub.statuses = [429, 503, 200, 500, 429]

    assert fetched(weights)


def test_an_unknown_repository_is_final(weights: LocalWeights):
    missing = missed(weights, "acme/absent")

    assert missing == Missing(
        "The hub has no model 'acme/absent', or it is private. Check the spelling; for a private one set HF_TOKEN.",
        is_final=True,
    )
    with pytest.raises(InvalidInput, match="no model 'acme/absent'"):
        weights.facts("acme/absent", Kind.CHAT)


def test_an_unknown_file_is_final_and_lists_what_there_is(weights: LocalWeights):
    missing = missed(weights, f"{REPO}:other.gguf")

    assert missing.is_final
    assert f"There are: {FILE}." in missing.reason


def test_a_gated_repository_says_how_to_get_in(weights: LocalWeights, hub: FakeHub):
    hub.repos[REPO].is_gated = True
    missing = missed(weights)

    assert missing.is_final
    assert "Accept its terms on its page at the hub, then set HF_TOKEN" in missing.reason


def test_a_private_repository_is_fetched_with_the_token_which_no_other_host_sees(open_weights: Open, hub: FakeHub):
    hub.repos[REPO].token = "hf_secret"

    assert missed(open_weights()).is_final
    assert fetched(open_weights(token="hf_secret"))
    assert hub.tokens_seen_by_cdn == [None]


def test_a_forbidden_file_is_final(weights: LocalWeights, hub: FakeHub):
    hub.statuses = [403]

    assert missed(weights) == Missing("The hub does not let this server read 'acme/tiny'. Check HF_TOKEN.", True)


def test_what_is_not_gguf_is_deleted_and_told(weights: LocalWeights, hub: FakeHub, tmp_path: Path):
    hub.repos[REPO].files[FILE] = b"<html>" * 100
    missing = missed(weights)

    assert missing.is_final
    assert "it is not a GGUF file" in missing.reason
    assert not list((tmp_path / "home").rglob("*.gguf"))


def test_a_full_disk_is_told_in_figures_before_anything_is_fetched(open_weights: Open, hub: FakeHub):
    missing = missed(open_weights(free_bytes=1024 * 1024))

    assert missing.reason == (
        "The disk is too full: 67 MiB are needed, 1 MiB are free. Free some space, then try again."
    )
    assert not missing.is_final
    assert hub.transfers == []
