"""Tool calls and JSON answers through /v1/chat/completions: tools and records held out of training, and others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from tools.demo_model.bank import Block, slots
from tools.demo_model.evaluation.judging import called, decoded, fits, same
from tools.demo_model.evaluation.server import Asked
from tools.demo_model.samples import splits
from tools.demo_model.slots import Values, fill
from tools.demo_model.tool_calls import Field, Tool, ToolCalls

QUESTIONS: Final = 120  # of each kind


@dataclass(frozen=True)
class Share:
    """So many of so many. `samples`: (what was asked, what came, whether it was right)."""

    what: str
    right: int
    of: int
    goal: float | None = None
    samples: tuple[tuple[str, str, bool], ...] = ()


def shares(asked: Asked, seed: int) -> Iterator[Share]:
    random = Random(seed)
    kept, held = splits()
    values = Values(random, held_out=True)
    for about, split in (("held-out tools", held), ("trained tools", kept)):
        calls = ToolCalls(split.tools, split.records, values, random)
        yield from _calls(asked, calls, random, about, is_goal=split is held)
    yield _uncalled(asked, ToolCalls(held.tools, held.records, values, random), held.blocks, values, random)
    for about, split in (("held-out records", held), ("trained records", kept)):
        calls = ToolCalls(split.tools, split.records, values, random)
        yield from _json(asked, calls, about, is_goal=split is held)


def _calls(asked: Asked, calls: ToolCalls, random: Random, about: str, *, is_goal: bool) -> Iterator[Share]:
    found, samples = [], []
    for _ in range(QUESTIONS):
        offered = calls.offered()
        tool = random.choice(offered)
        request = calls.request(tool)
        message = asked.complete([user(request.text)], tools=[_offer(one) for one in offered])
        one = called(message, tool.name, request.values, request.text)
        found.append(one)
        samples.append((request.text, shown(message), one.is_exact))
    yield Share(f"{about}: name", sum(one.has_name for one in found), len(found), 0.95 if is_goal else None)
    exact = sum(one.is_exact for one in found)
    yield Share(f"{about}: arguments exact", exact, len(found), 0.9 if is_goal else None, tuple(samples))
    said = [one.is_said for one in found if one.is_said is not None]
    yield Share(f"{about}: every text argument in the user's words, of single calls made", sum(said), len(said))


def _uncalled(asked: Asked, calls: ToolCalls, blocks: Sequence[Block], values: Values, random: Random) -> Share:
    samples = []
    for _ in range(QUESTIONS):
        template = random.choice(random.choice(blocks).questions)
        question = fill(template, values.bound(slots(template)))
        message = asked.complete([user(question)], tools=[_offer(one) for one in calls.offered()])
        samples.append((question, shown(message), not message.get("tool_calls")))
    return Share("no call where no tool fits", sum(right for *_, right in samples), len(samples), None, tuple(samples))


def _json(asked: Asked, calls: ToolCalls, about: str, *, is_goal: bool) -> Iterator[Share]:
    valid, samples = 0, []
    for _ in range(QUESTIONS):
        request, order, fields = calls.record()
        schema = {"name": "record", "strict": True, "schema": _schema(fields)}
        said = asked.complete(
            [user(f"{request.text}\n{order}")], response_format={"type": "json_schema", "json_schema": schema}
        )["content"]
        value = decoded(said)
        valid += fits(value, {field.name: field.type for field in fields})
        samples.append((request.text, said, same(value, request.values)))
    yield Share(f"JSON, {about}: valid", valid, QUESTIONS, 0.95 if is_goal else None)
    exact = sum(right for *_, right in samples)
    yield Share(f"JSON, {about}: exact", exact, QUESTIONS, None, tuple(samples))


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def shown(message: dict[str, Any]) -> str:
    calls = [f"{c['function']['name']}({c['function']['arguments']})" for c in message.get("tool_calls") or []]
    return " ".join([*filter(None, [message.get("content")]), *calls])


def _offer(tool: Tool) -> dict[str, Any]:
    told = {"name": tool.name, "description": tool.description, "parameters": _schema(tool.fields)}
    return {"type": "function", "function": told}


def _schema(fields: Sequence[Field]) -> dict[str, Any]:
    names = [field.name for field in fields]
    properties = {field.name: {"type": field.type} for field in fields}
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}
