"""demo-tiny: put in place whole, read by the engine as it was trained, and honest about itself."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from llmanager.adapters.local.demo_model import PACKAGED, put
from llmanager.adapters.local.gguf_format import read_contents
from llmanager.adapters.local.gguf_header import read_header
from llmanager.adapters.local.job_child import JobFailed
from llmanager.adapters.local.weights import LocalWeights
from llmanager.adapters.local.weights_port import Present
from llmanager.chat.entities import Draft, Passage
from llmanager.chat.prompt import SYSTEM, messages
from llmanager.chat.quoting import UNKNOWN, grammar, quote
from llmanager.models.catalog import ENTRIES, find
from llmanager.models.entities import Kind
from tests.fakes.engine import Engine, engine
from tests.fakes.eventually import DEADLINE_S
from tools.demo_model import rendering
from tools.demo_model.rendering import CALL, END, START, TEMPLATE, TOOL_SAID, WHOLE, Sample
from tools.demo_model.samples import SHARES, Mixture, splits
from tools.demo_model.talk import NOTED

SEEDS = range(5)
GIB = 2**30
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
RAIN = {"role": "user", "content": "What is the weather in Oslo?"}
SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "maxLength": 40},
        "count": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 20}, "maxItems": 3},
        "is_done": {"type": "boolean"},
        "colour": {"enum": ["red", "blue"]},
    },
    "required": ["title", "count", "tags", "is_done", "colour"],
    "additionalProperties": False,
}
LIBRARY = ("The library opens at 9:00.", "Dogs must stay outside.", "A library card costs 12 euros.")


@pytest.fixture(scope="module")
def server() -> Iterator[Engine]:
    with engine(PACKAGED) as server:
        yield server


def ask(server: Engine, *turns: dict[str, Any] | str, **parameters: Any) -> dict[str, Any]:
    said = [{"role": "user", "content": turn} if isinstance(turn, str) else turn for turn in turns]
    body = {"messages": said, "temperature": 0, "max_tokens": 300} | parameters
    choice: dict[str, Any] = server.post("/v1/chat/completions", body)["choices"][0]
    return choice


def text_of(choice: dict[str, Any]) -> str:
    assert choice["finish_reason"] == "stop"
    return str(choice["message"]["content"])


# The file


def test_it_is_small_and_what_the_catalog_says():
    header, entry = read_header(PACKAGED), find("demo-tiny")

    assert entry is not None
    assert header.file_size_bytes <= 8 * 2**20
    assert -(-header.file_size_bytes // 2**20) == entry.size_mib
    assert (header.parameters, header.context_length) == (entry.parameters, entry.context_tokens)
    assert (header.architecture, header.name) == ("llama", "demo-tiny")


def test_it_says_in_its_header_that_it_is_a_demo_and_brings_its_own_template():
    with PACKAGED.open("rb") as open_file:
        values = read_contents(open_file).values

    assert "A demo, not for real use" in str(values["general.description"])
    assert values["general.license"] == "apache-2.0"
    assert values["tokenizer.chat_template"] == TEMPLATE


def test_it_is_had_by_its_alias_without_a_network(tmp_path: Path):
    weights = LocalWeights(tmp_path, tmp_path / "mine")
    state = weights.wait("demo-tiny", Kind.CHAT, DEADLINE_S)
    weights.close()

    assert isinstance(state, Present), state
    assert state.path.read_bytes() == PACKAGED.read_bytes()
    assert tmp_path in state.path.parents


def test_an_installation_without_the_file_says_so_once_and_for_all(tmp_path: Path):
    with pytest.raises(JobFailed, match=r"lacks its file demo_tiny\.gguf") as failed:
        put({"path": str(tmp_path / "made.gguf"), "free_bytes": GIB}, tmp_path / "demo_tiny.gguf")

    assert failed.value.is_final


def test_on_a_full_disk_nothing_is_put_and_another_try_may_help(tmp_path: Path):
    with pytest.raises(JobFailed, match="too full") as failed:
        put({"path": str(tmp_path / "made.gguf"), "free_bytes": 1000}, PACKAGED)

    assert not failed.value.is_final
    assert not list(tmp_path.glob("*.gguf"))


# What it was trained on is what it gets


@pytest.mark.parametrize("text", WHOLE)
def test_a_text_that_is_always_the_same_is_one_token(server: Engine, text: str):
    """Else chat/prompt.py or the template has changed since it was trained: it would not know what it is asked for."""
    assert pieces(server, text) == [text]


def test_so_it_is_within_a_prompt_too(server: Engine):
    fixed = {SYSTEM, rendering.QUESTION, *rendering.MARKERS[:3], f"{END}\n", f"{START}user\n", f"{START}assistant\n"}

    assert fixed <= set(pieces(server, server.post("/apply-template", {"messages": over("Why?", LIBRARY)})["prompt"]))


@pytest.mark.parametrize("word", ["Norvik", "library", "Quillfeather", "retention_days", "deploy"])
def test_a_word_is_cut_the_same_at_the_start_and_behind_a_space(server: Engine, word: str):
    """So a name can be found again wherever it stands."""
    alone, behind = (pieces(server, text) for text in (word, f" {word}"))

    assert behind in ([f" {alone[0]}", *alone[1:]], [" ", *alone])


def pieces(server: Engine, text: str) -> list[str]:
    answer = server.post("/tokenize", {"content": text, "with_pieces": True})
    return [str(token["piece"]) for token in answer["tokens"]]


@pytest.mark.parametrize("kind", SHARES)
def test_the_engine_renders_a_chat_as_training_did(server: Engine, kind: str):
    mixture = Mixture(splits()[1], 5, held_out=True)
    prompts = {prompt for _ in range(3) for prompt in trained_prompts(mixture.sample(kind))}

    assert prompts
    for prompt in prompts:
        body = {"messages": parsed(prompt), "tools": tools_of(prompt)}
        assert server.post("/apply-template", body)["prompt"] == prompt


def trained_prompts(sample: Sample) -> Iterator[str]:
    """Each up to where the model answers."""
    before = "".join(piece.text for piece in sample.prefix)
    for branch in sample.branches:
        whole = before + "".join(piece.text for piece in branch)
        begin = f"{START}assistant\n"
        yield whole[: whole.rindex(begin) + len(begin)]


def parsed(prompt: str) -> list[dict[str, Any]]:
    """The messages of which the prompt was made, but for the tools."""
    found = []
    mark = "" if SYSTEM in prompt else r"(?:\n?\[\d+\] )?"  # of an earlier turn: the template's
    for role, content in re.findall(rf"{re.escape(START)}(\w+)\n{mark}(.*?){re.escape(END)}\n", prompt, re.DOTALL):
        if content.startswith(CALL):
            call = json.loads(content.split("\n")[1])
            call = {"name": call["name"], "arguments": json.dumps(call["arguments"])}
            message = {"role": role, "content": "", "tool_calls": [{"id": "1", "type": "function", "function": call}]}
        elif content.startswith(TOOL_SAID):
            message = {"role": "tool", "tool_call_id": "1", "content": content.split("\n")[1]}
        else:
            message = {"role": role, "content": content}
        if not content.startswith("# Tools"):
            found.append(message)
    return found


def tools_of(prompt: str) -> list[dict[str, Any]]:
    head = prompt.partition(END)[0]
    found = re.findall(r"^\[\d+\] (\w+)\(([\w, ]*)\): (.*)$", head, re.MULTILINE) if "# Tools" in head else []
    return [
        {
            "type": "function",
            "function": {
                "name": name,
                "description": description,
                "parameters": {
                    "type": "object",
                    "properties": {p: {"type": "string"} for p in fields.split(", ") if p},
                },
            },
        }
        for name, fields, description in found
    ]


# What it says


@pytest.mark.parametrize("words", ["Who are you?", "What are you?", "Hi"])
def test_asked_who_it_is_it_says_that_it_is_a_demo(server: Engine, words: str):
    assert "demo" in text_of(ask(server, words))


def test_it_tells_the_way_to_a_real_model(server: Engine):
    alias = next(entry.alias for entry in ENTRIES if entry.kind is Kind.CHAT and entry.source.startswith("hub:"))
    said = text_of(ask(server, "How do I get a real model?"))

    assert "POST /model/create" in said
    assert alias in said


def test_it_streams_what_it_says_whole_and_stops_by_itself(server: Engine):
    whole = text_of(ask(server, "Who are you?"))
    body = {"messages": [{"role": "user", "content": "Who are you?"}], "temperature": 0, "max_tokens": 300}
    events = server.stream("/v1/chat/completions", body)

    assert len(events) > 5
    assert events[-1]["choices"][0]["finish_reason"] == "stop"
    assert "".join(event["choices"][0]["delta"].get("content") or "" for event in events if event["choices"]) == whole


def test_it_remembers_what_it_was_told_in_the_chat(server: Engine):
    noted = {"role": "assistant", "content": NOTED}

    assert "Ana" in text_of(ask(server, "My name is Ana.", noted, "What is my name?"))


def test_what_it_is_told_next_it_notes_as_the_first_and_shows_no_mark(server: Engine):
    noted = {"role": "assistant", "content": NOTED}

    assert text_of(ask(server, "My name is Ana.")) == NOTED
    assert text_of(ask(server, "My name is Ana.", noted, "I live in Oslo.")) == NOTED


@pytest.mark.parametrize("seed", SEEDS)
def test_it_keeps_to_a_json_schema(server: Engine, seed: int):
    schema = {"type": "json_schema", "json_schema": {"name": "note", "schema": SCHEMA}}
    note = json.loads(text_of(ask(server, "Hello!", response_format=schema, seed=seed, temperature=0.7)))

    assert set(note) == set(SCHEMA["required"])
    assert isinstance(note["count"], int)
    assert note["colour"] in ("red", "blue")


@pytest.mark.parametrize(("words", "city"), [(RAIN, "Oslo"), ("Hello", "Hello")])
def test_a_required_tool_is_called_once_with_the_users_words(server: Engine, words: Any, city: str):
    choice = ask(server, words, tools=[WEATHER], tool_choice="required")
    [call] = choice["message"]["tool_calls"]

    assert choice["finish_reason"] == "tool_calls"
    assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == ("get_weather", {"city": city})


def test_what_a_tool_says_is_told_back(server: Engine):
    call = {"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'}}
    asked = {"role": "assistant", "content": "", "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": "1", "content": "It rains in Oslo."}

    assert "It rains in Oslo." in text_of(ask(server, RAIN, asked, result, tools=[WEATHER]))


# Over a vector database


@pytest.mark.parametrize(
    ("question", "first"),
    [("At what time does the library open?", 0), ("How much does a library card cost?", 2)],
)
def test_of_three_sentences_ranked_for_a_question_it_quotes_the_one_that_answers(
    server: Engine, question: str, first: int
):
    ranked = (*LIBRARY[first:], *LIBRARY[:first])

    assert answered(server, question, ranked) == quote(1, LIBRARY[first])


@pytest.mark.parametrize("question", ["Who wrote the national anthem?", "What is the capital of France?"])
def test_what_no_sentence_tells_it_does_not_know(server: Engine, question: str):
    assert answered(server, question, LIBRARY) == UNKNOWN


def answered(server: Engine, question: str, sentences: Sequence[str]) -> str:
    return text_of(ask(server, *over(question, sentences), grammar=grammar(passages(sentences))))


def over(question: str, sentences: Sequence[str]) -> list[dict[str, Any]]:
    return [{"role": m.role, "content": m.content} for m in messages(Draft(question, "", passages(sentences)))]


def passages(sentences: Sequence[str]) -> tuple[Passage, ...]:
    return tuple(Passage("p", text, "", 0.5, (0, len(text))) for text in sentences)
