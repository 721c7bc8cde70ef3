"""Weights from a hub (a loopback stand-in, real HTTP) and from the models folder, fetched by real child processes."""

import hashlib
import os
import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from llmanager.adapters.local.weights import HubSettings, LocalWeights
from llmanager.adapters.local.weights_port import Fetching, Missing, Present
from llmanager.kernel.errors import InvalidInput, Unavailable
from llmanager.models.entities import Kind
from tests.fakes.clock import FakeClock
from tests.fakes.eventually import DEADLINE_S, eventually, is_alive, live_children
from tests.fakes.hub_server import FakeHub, Repo
from tests.fakes.tiny_gguf import write_tiny_chat, write_tiny_embedding

REPO, FILE = "acme/tiny", "tiny-Q4_K_M.gguf"
MODEL = f"{REPO}:{FILE}"
PADDING = 2 * 1024 * 1024  # bytes after the weights: engines ignore them, and a transfer takes several reads


@pytest.fixture(scope="module")
def chat_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("gguf") / "chat.gguf"
    write_tiny_chat(path)
    return path.read_bytes() + bytes(PADDING)


@pytest.fixture
def hub(chat_bytes: bytes) -> Iterator[FakeHub]:
    with FakeHub() as hub:
        hub.repos[REPO] = Repo({FILE: chat_bytes, "README.md": b"# Tiny"})
        yield hub


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


Open = Callable[..., LocalWeights]


@pytest.fixture
def open_weights(tmp_path: Path, hub: FakeHub, clock: FakeClock) -> Iterator[Open]:
    """Opens LocalWeights on the same disk again and again, as restarts do."""
    opened: list[LocalWeights] = []
    (tmp_path / "mine").mkdir()

    def open_it(endpoint: str = hub.endpoint, token: str | None = None, free_bytes: int = 10**12) -> LocalWeights:
        settings = HubSettings(endpoint, token, retry_delay_s=0.01)
        weights = LocalWeights(
            tmp_path / "home", tmp_path / "mine", settings, clock=clock, free_bytes=lambda folder: free_bytes
        )
        opened.append(weights)
        return weights

    yield open_it
    hub.go_on.set()
    for weights in opened:
        weights.close()
    assert not live_children()


@pytest.fixture
def weights(open_weights: Open) -> LocalWeights:
    return open_weights()


def fetched(weights: LocalWeights, model: str = MODEL) -> Present:
    state = weights.wait(model, Kind.CHAT, DEADLINE_S)
    assert isinstance(state, Present), state
    return state


def missed(weights: LocalWeights, model: str = MODEL) -> Missing:
    state = weights.wait(model, Kind.CHAT, DEADLINE_S)
    assert isinstance(state, Missing), state
    return state


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_file_of_the_hub_is_fetched_checked_and_described(weights: LocalWeights, chat_bytes: bytes):
    present = fetched(weights)

    assert present.path.read_bytes() == chat_bytes
    assert present.facts.is_on_disk
    assert (present.facts.size_mib, present.facts.context_tokens, present.facts.dimensions) == (3, 2048, 32)
    assert present.facts.kv_bytes_per_token == 64
    assert weights.facts(MODEL, Kind.CHAT) == present.facts


def test_before_it_is_fetched_the_hub_is_asked_for_its_size(weights: LocalWeights, hub: FakeHub):
    facts = weights.facts(REPO, Kind.CHAT)

    assert (facts.size_mib, facts.is_on_disk, facts.kv_bytes_per_token) == (3, False, None)
    assert hub.transfers == []


def test_a_catalogued_size_needs_no_network(open_weights: Open):
    facts = open_weights(endpoint=closed_port()).facts("qwen2.5-0.5b", Kind.CHAT)

    assert (facts.size_mib, facts.is_on_disk, facts.context_tokens) == (469, False, 32768)


def test_an_embedding_models_dimensions_are_known_before_it_is_here(open_weights):
    assert open_weights().facts("nomic-embed-text", Kind.EMBEDDING).dimensions == 768


def test_progress_is_seen_in_percent_and_mib(weights: LocalWeights, hub: FakeHub):
    hub.hold_after = 1024 * 1024

    stage = eventually(lambda: part_of(r"fetching \d+ % \(\d of 3 MiB\)", weights.ensure(MODEL, Kind.CHAT)))
    assert isinstance(weights.ensure(MODEL, Kind.CHAT), Fetching), stage


def part_of(pattern: str, state: object) -> str | None:
    return state.stage if isinstance(state, Fetching) and re.fullmatch(pattern, state.stage) else None


def test_a_repository_without_a_file_means_the_one_our_rule_chooses_and_still_does_offline(
    weights: LocalWeights, open_weights: Open, hub: FakeHub, chat_bytes: bytes
):
    hub.repos[REPO].files["tiny-f16.gguf"] = chat_bytes
    path = fetched(weights, REPO).path

    assert path.name == FILE
    assert open_weights(endpoint=closed_port()).ensure(REPO, Kind.CHAT) == fetched(weights, REPO)


def test_a_restart_finds_it_without_asking_the_hub(weights: LocalWeights, open_weights: Open, hub: FakeHub):
    present = fetched(weights)

    assert open_weights(endpoint=closed_port()).ensure(MODEL, Kind.CHAT) == present


def test_a_touched_file_is_hashed_again_not_fetched_again(weights: LocalWeights, open_weights: Open, hub: FakeHub):
    path = fetched(weights).path
    os.utime(path, ns=(1, 1))

    assert fetched(open_weights(endpoint=closed_port())).path == path
    assert len(hub.transfers) == 1


def test_a_changed_file_is_fetched_again(weights: LocalWeights, chat_bytes: bytes):
    path = fetched(weights).path
    path.write_bytes(b"x" * len(chat_bytes))

    assert fetched(weights).path.read_bytes() == chat_bytes


def test_a_broken_connection_is_resumed_where_it_broke(weights: LocalWeights, hub: FakeHub, chat_bytes: bytes):
    hub.cuts = [700_000, 700_000]

    assert fetched(weights).path.read_bytes() == chat_bytes
    assert hub.bytes_sent[FILE] == len(chat_bytes)
    assert [asked for _, asked in hub.transfers] == ["bytes=0-", "bytes=700000-", "bytes=1400000-"]


def test_a_hub_without_ranges_is_asked_for_all_again(weights: LocalWeights, hub: FakeHub, chat_bytes: bytes):
    hub.knows_ranges = False
    hub.cuts = [700_000]

    assert fetched(weights).path.read_bytes() == chat_bytes
    assert hub.bytes_sent[FILE] == len(chat_bytes) + 700_000


def test_after_kill_9_of_the_child_the_rest_is_fetched(
    weights: LocalWeights, open_weights: Open, hub: FakeHub, chat_bytes: bytes, tmp_path: Path
):
    hub.hold_after = 1_000_000
    weights.ensure(MODEL, Kind.CHAT)
    part = eventually(lambda: next((tmp_path / "home").rglob("*.part"), None))
    eventually(lambda: part.stat().st_size == 1_000_000)
    [child] = live_children()
    child.kill()
    eventually(lambda: not is_alive(child))
    with capture_logs():
        assert missed(weights).reason.startswith("Fetching the model stopped unexpectedly.")
    hub.hold_after = None
    hub.go_on.set()

    assert fetched(open_weights()).path.read_bytes() == chat_bytes
    assert hub.transfers[-1] == (FILE, "bytes=1000000-")
    assert not part.exists()


def test_release_stops_a_fetch_and_keeps_what_came(weights: LocalWeights, hub: FakeHub, tmp_path: Path):
    hub.hold_after = 1_000_000
    weights.ensure(MODEL, Kind.CHAT)
    part = eventually(lambda: next((tmp_path / "home").rglob("*.part"), None))
    eventually(lambda: part.stat().st_size == 1_000_000)
    weights.release(MODEL, Kind.CHAT)

    eventually(lambda: not live_children())
    assert part.stat().st_size == 1_000_000


def test_release_of_what_is_not_fetched_is_nothing(weights: LocalWeights):
    weights.release(MODEL, Kind.CHAT)
    weights.release("no such thing", Kind.CHAT)


def test_many_waiters_share_one_fetch(weights: LocalWeights, hub: FakeHub, chat_bytes: bytes):
    with ThreadPoolExecutor(16) as pool:
        states = list(pool.map(lambda model: fetched(weights, model), [MODEL, REPO] * 8))

    assert len(set(states)) == 1
    assert hub.bytes_sent[FILE] == len(chat_bytes)


def test_two_servers_on_one_home_fetch_it_once(open_weights: Open, hub: FakeHub, chat_bytes: bytes):
    hub.hold_after = 1_000_000
    first, second = open_weights(), open_weights()
    first.ensure(MODEL, Kind.CHAT)
    assert hub.held.wait(DEADLINE_S)
    waiting = Fetching("waiting for another fetch of the same file")
    eventually(lambda: second.ensure(MODEL, Kind.CHAT) == waiting)
    hub.go_on.set()

    assert fetched(first) == fetched(second)
    assert hub.bytes_sent[FILE] == len(chat_bytes)


def test_downloads_hold_up_neither_facts_nor_what_is_built_here(open_weights: Open, hub: FakeHub, chat_bytes: bytes):
    hub.repos["acme/other"] = hub.repos["acme/third"] = hub.repos[REPO]
    hub.hold_after = 0
    weights = open_weights()
    for repo in (REPO, "acme/other"):
        weights.ensure(repo, Kind.CHAT)

    assert weights.ensure("acme/third", Kind.CHAT) == Fetching("waiting for another fetch to end")
    assert weights.facts("acme/third", Kind.CHAT).size_mib == 3
    assert fetched(weights, "demo-tiny")


def test_the_token_is_in_no_list_of_processes(open_weights: Open, hub: FakeHub):
    hub.hold_after = 0
    open_weights(token="hf_secret").ensure(MODEL, Kind.CHAT)
    assert hub.held.wait(DEADLINE_S)
    [child] = live_children()

    assert "hf_secret" not in str([child.cmdline(), child.environ()])


def test_wait_ends_with_its_time(weights: LocalWeights, hub: FakeHub):
    hub.hold_after = 0

    assert isinstance(weights.wait(MODEL, Kind.CHAT, 0.05), Fetching)


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


def test_an_encoder_cannot_be_had_for_chat(weights: LocalWeights, hub: FakeHub, tmp_path: Path):
    write_tiny_embedding(tmp_path / "mine" / "encoder.gguf")

    assert missed(weights, "encoder.gguf") == Missing(
        "This is a model for embedding. Ask for kind 'embedding'.", is_final=True
    )
    assert weights.facts("encoder.gguf", Kind.EMBEDDING).dimensions == 32


def test_a_file_of_the_models_folder_is_there_at_once(weights: LocalWeights, tmp_path: Path):
    write_tiny_chat(tmp_path / "mine" / "own.gguf")
    state = weights.ensure("own.gguf", Kind.CHAT)

    assert state == Present(tmp_path / "mine" / "own.gguf", weights.facts("own.gguf", Kind.CHAT))


def test_a_broken_file_of_the_models_folder_is_final(weights: LocalWeights, tmp_path: Path):
    (tmp_path / "mine" / "own.gguf").write_bytes(b"GGUF" + bytes(100))

    assert missed(weights, "own.gguf").is_final
    with pytest.raises(InvalidInput, match="not usable") as raised:
        weights.facts("own.gguf", Kind.CHAT)
    assert raised.value.code == "broken_model_file"


def test_a_file_that_is_replaced_is_read_again(weights: LocalWeights, tmp_path: Path):
    write_tiny_chat(tmp_path / "mine" / "own.gguf")
    before = weights.facts("own.gguf", Kind.EMBEDDING)
    write_tiny_embedding(tmp_path / "mine" / "own.gguf")

    assert weights.facts("own.gguf", Kind.EMBEDDING) != before


def test_a_nonsense_name_is_final(weights: LocalWeights):
    assert missed(weights, "../../etc/passwd").is_final
    with pytest.raises(InvalidInput, match="catalog"):
        weights.facts("../../etc/passwd", Kind.CHAT)
