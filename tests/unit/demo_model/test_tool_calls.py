"""Arguments are the user's own words, of the type that the tool declares."""

import json
from collections import Counter
from random import Random

import pytest

from tools.demo_model import talk, tool_calls
from tools.demo_model.rendering import CALL, CALL_END, TOOLS_HEAD
from tools.demo_model.samples import splits
from tools.demo_model.slots import Values
from tools.demo_model.tool_calls import ToolCalls

KEPT, HELD = splits()
TOOLS, RECORDS = tool_calls.read()
TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool}


@pytest.fixture
def calls() -> ToolCalls:
    random = Random(7)
    return ToolCalls(TOOLS, RECORDS, Values(random, held_out=None), random)


@pytest.mark.parametrize("tool", [*TOOLS, *RECORDS], ids=lambda tool: ",".join(field.name for field in tool.fields))
def test_arguments_occur_in_the_words(calls: ToolCalls, tool: tool_calls.Tool | tool_calls.Record):
    for _ in range(10):
        request = calls.request(tool)
        assert list(request.values) == [field.name for field in tool.fields]
        for field in tool.fields:
            value = request.values[field.name]
            assert isinstance(value, TYPES[field.type])
            assert isinstance(value, bool) == (field.type == "boolean")
            shown = json.dumps(value) if not isinstance(value, str) else value
            assert shown in request.text or f"{value:g}" in request.text


def test_every_type_is_one_that_is_known():
    assert {field.type for tool in (*TOOLS, *RECORDS) for field in tool.fields} <= TYPES.keys()


def test_a_group_is_of_several_tools_and_no_other_tool_has_its_name():
    sizes = Counter(tool.group for tool in TOOLS)
    assert all(sizes[tool.group] > 1 for tool in TOOLS if tool.group != tool.name)
    members = {tool.name: tool.group for tool in TOOLS}
    assert all(members.get(group, group) == group for group in sizes)


def test_no_two_tools_are_asked_for_in_the_same_words_unless_they_are_of_one_group():
    """Whatever the values: of the same kinds, at the same places."""
    asked: dict[str, set[str]] = {}
    for tool in TOOLS:
        for text in tool.asked:
            asked.setdefault(tool_calls.FIELD.sub(r"{\2}", text).lower(), set()).add(tool.group)
    assert {text: groups for text, groups in asked.items() if len(groups) > 1} == {}


def test_of_a_group_one_tool_is_offered_at_most(calls: ToolCalls):
    for _ in range(1000):
        groups = [tool.group for tool in calls.offered()]
        assert len(set(groups)) == len(groups)


def test_from_few_tools_as_many_are_offered_as_are_told_apart():
    random = Random(7)
    twins = [tool for tool in TOOLS if tool.group in ("weather-now", "translate")]
    calls = ToolCalls(twins, RECORDS, Values(random, held_out=None), random)
    assert {len(calls.offered()) for _ in range(100)} == {1, 2}


def test_what_one_of_a_group_is_asked_for_is_not_declined_where_another_is_offered():
    random, city = Random(7), (tool_calls.Field("city", "string"),)
    fetch = tool_calls.Tool("fetch", "Look.", city, ("Fetch {city=city}.",), "same")
    obtain = tool_calls.Tool("obtain", "See.", city, ("Obtain {city=city}.",), "same")
    calls = ToolCalls((fetch, obtain), RECORDS, Values(random, held_out=None), random)
    talking = talk.Talk(*talk.read(), KEPT.blocks, Values(random, held_out=False), random)
    asked = [branch for _ in range(100) for branch in calls.calls(talking, 6).branches]
    asked = [branch for branch in asked if branch[0].text.startswith(("Fetch ", "Obtain "))]
    assert len(asked) > 300
    assert all(CALL in "".join(piece.text for piece in branch) for branch in asked)


def test_a_tool_that_is_held_out_does_the_same_as_none_that_is_trained_on():
    assert not {tool.group for tool in HELD.tools} & {tool.group for tool in KEPT.tools}


@pytest.mark.parametrize(
    "block", ["N: a\nD: A.\nP: x:string, y:string\nQ: {x=word}", "J: x:string\nS: {x=command-verb}"]
)
def test_a_line_that_does_not_tell_all_cannot_be_read(block: str):
    with pytest.raises(ValueError, match="tells"):
        tool_calls.parsed(block)


def test_a_call_names_a_tool_that_is_offered(calls: ToolCalls):
    random = Random(7)
    talking = talk.Talk(*talk.read(), KEPT.blocks, Values(random, held_out=False), random)
    seen = 0
    for sample in (calls.calls(talking, 4) for _ in range(50)):
        head = sample.prefix[0].text
        assert TOOLS_HEAD in head
        for branch in sample.branches:
            text = "".join(piece.text for piece in branch)
            if CALL in text:
                called = json.loads(text.split(CALL)[1].split(CALL_END)[0])
                assert f"] {called['name']}(" in head
                seen += 1
    assert seen > 100
