"""Weights from a hub (a loopback stand-in, real HTTP), fetched by real child processes: what works, and resumes."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from structlog.testing import capture_logs

from llmanager.adapters.local.weights import LocalWeights
from llmanager.adapters.local.weights_port import Fetching
from llmanager.models.entities import Kind
from tests.fakes.eventually import DEADLINE_S, eventually
from tests.fakes.hub_server import FakeHub
from tests.fakes.survivors import is_alive, live_children
from tests.unit.adapters.local.weights.hub import FILE, MODEL, REPO, Open, closed_port, fetched, missed


def test_a_file_of_the_hub_is_fetched_checked_and_described(weights: LocalWeights, chat_bytes: bytes):
    present = fetched(weights)

    assert present.path.read_bytes() == chat_bytes
    assert present.facts.download_mib == 0
    assert (present.facts.size_mib, present.facts.context_tokens, present.facts.dimensions) == (3, 2048, 32)
    assert present.facts.kv_bytes_per_token == 64
    assert weights.facts(MODEL, Kind.CHAT) == present.facts


def test_before_it_is_fetched_the_hub_is_asked_for_its_size(weights: LocalWeights, hub: FakeHub):
    facts = weights.facts(REPO, Kind.CHAT)

    assert (facts.size_mib, facts.download_mib, facts.kv_bytes_per_token) == (3, 3, None)
    assert hub.transfers == []


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
