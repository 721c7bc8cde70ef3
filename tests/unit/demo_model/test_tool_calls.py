"""Arguments are the user's own words, of the type that the tool declares."""

import json
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
