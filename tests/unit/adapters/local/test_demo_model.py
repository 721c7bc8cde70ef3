"""demo-tiny: made in a moment, the same every time, run by the real engine, and honest about itself."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmanager.adapters.local.demo_model import write
from llmanager.adapters.local.demo_text import PAGE
from llmanager.adapters.local.gguf_format import read_contents
from llmanager.adapters.local.gguf_header import read_header
from llmanager.adapters.local.weights import LocalWeights
from llmanager.adapters.local.weights_port import Present
from llmanager.models.catalog import ENTRIES, find
from llmanager.models.entities import Kind
from tests.fakes.engine import Engine, engine
from tests.fakes.eventually import DEADLINE_S

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
SEEDS = range(5)
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "count": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "is_done": {"type": "boolean"},
        "colour": {"enum": ["red", "blue"]},
    },
    "required": ["title", "count", "tags", "is_done", "colour"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "demo.gguf"
    write(path)
    return path


@pytest.fixture(scope="module")
def server(file: Path) -> Iterator[Engine]:
    with engine(file) as server:
        yield server


def ask(server: Engine, seed: int = 0, **parameters: Any) -> dict[str, Any]:
    body = {"messages": QUESTION, "temperature": 0.7, "seed": seed, "max_tokens": 400} | parameters
    choice: dict[str, Any] = server.post("/v1/chat/completions", body)["choices"][0]
    return choice


def words(text: str) -> set[str]:
    return set(re.findall(r"[\w/.-]*\w", text))


def test_it_is_the_same_every_time(file: Path, tmp_path: Path):
    write(tmp_path / "again.gguf")

    assert (tmp_path / "again.gguf").read_bytes() == file.read_bytes()


def test_it_is_small_and_what_the_catalog_says(file: Path):
    header, entry = read_header(file), find("demo-tiny")

    assert entry is not None
    assert header.file_size_bytes < 8 * 2**20
    assert -(-header.file_size_bytes // 2**20) == entry.size_mib
    assert (header.parameters, header.context_length) == (entry.parameters, entry.context_tokens)
    assert header.has_chat_template


def test_it_says_itself_what_it_is(file: Path):
    with file.open("rb") as open_file:
        description = read_contents(open_file).values["general.description"]

    assert description == "Strings words together from one page of text about itself; it does not read your question."


def test_its_page_names_the_way_to_a_real_model():
    alias = next(entry.alias for entry in ENTRIES if entry.kind is Kind.CHAT and entry.source.startswith("hub:"))

    assert "POST /model/create" in PAGE
    assert f" {alias}." in PAGE


def test_it_is_had_by_its_alias_without_a_network(tmp_path: Path, file: Path):
    weights = LocalWeights(tmp_path, tmp_path / "mine")
    state = weights.wait("demo-tiny", Kind.CHAT, DEADLINE_S)
    weights.close()

    assert isinstance(state, Present), state
    assert state.path.read_bytes() == file.read_bytes()


def test_it_streams_words_of_its_page_and_stops_by_itself(server: Engine):
    body = {"messages": QUESTION, "temperature": 0.7, "seed": 1, "max_tokens": 400}
    events = server.stream("/v1/chat/completions", body)
    text = "".join(event["choices"][0]["delta"].get("content") or "" for event in events if event["choices"])

    assert len(events) > 5
    assert events[-1]["choices"][0]["finish_reason"] == "stop"
    assert words(text) <= words(PAGE), words(text) - words(PAGE)
    assert text.endswith((".", "?"))


def test_it_does_not_say_the_same_every_time(server: Engine):
    answers = {ask(server, seed)["message"]["content"] for seed in SEEDS}

    assert len(answers) > 1


@pytest.mark.parametrize("seed", SEEDS)
def test_it_keeps_to_a_json_schema(server: Engine, seed: int):
    schema = {"type": "json_schema", "json_schema": {"name": "note", "schema": SCHEMA}}
    choice = ask(server, seed, response_format=schema)
    note = json.loads(choice["message"]["content"])

    assert choice["finish_reason"] == "stop"
    assert set(note) == set(SCHEMA["required"])
    assert isinstance(note["count"], int)
    assert note["colour"] in ("red", "blue")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_required_tool_call_is_made_once(server: Engine, seed: int):
    tool = {"type": "function", "function": {"name": "get_weather", "description": "Weather", "parameters": WEATHER}}
    choice = ask(server, seed, tools=[tool], tool_choice="required")
    [call] = choice["message"]["tool_calls"]
    arguments = json.loads(call["function"]["arguments"])

    assert choice["finish_reason"] == "tool_calls"
    assert call["function"]["name"] == "get_weather"
    assert isinstance(arguments["city"], str)
    assert isinstance(arguments["days"], int)


def test_it_takes_a_conversation_with_a_tool_result(server: Engine):
    call = {"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'}}
    messages = [
        {"role": "system", "content": "Be brief."},
        *QUESTION,
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "rain"},
    ]

    assert ask(server, messages=messages)["message"]["content"]
