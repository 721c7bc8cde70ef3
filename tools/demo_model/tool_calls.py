"""Tool calls and JSON answers: what bank/tools.txt tells, and samples of it. Arguments are always words of the user."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from tools.demo_model.bank import FOLDER
from tools.demo_model.rendering import (
    CALL,
    CALL_END,
    END,
    NAME,
    START,
    TOOL_QUOTE,
    TOOL_SAID,
    TOOL_SAID_END,
    USER,
    Piece,
    Pieces,
    Sample,
    answers,
    said,
    tools_text,
)  # fmt: skip
from tools.demo_model.slots import SMALL, Values
from tools.demo_model.talk import Talk

BANKS: Final = (
    "tools", "tools-assistant", "tools-computing", "tools-home", "tools-office", "tools-services", "tools-trade",
)  # fmt: skip
OFFERED: Final = (1, 2, 3, 3, 4, 4, 5, 6)  # tools at once, each as likely
ALIKE: Final = 0.35  # of the offers are of tools that sound alike
NEIGHBOURS: Final = 8
BEGIN: Final = 4.0  # weight of a value's first token
FIRST: Final = 5.0  # weight of a name's first token, which mostly decides the name
DEMANDED: Final = 0.15  # of the answers where no tool fits: a call follows
FORCED: Final = {"boolean": True, "integer": 1, "number": 1}  # where there is nothing to take it from
COMMON: Final = frozenset((
    "get", "the", "and", "for", "with", "from", "list", "set", "add", "show", "give", "creat", "find", "updat", "check",
    "into", "that", "this",
))  # fmt: skip
FIELD: Final = re.compile(r"\{(\w+)=([a-z_]+)(?::\w+)?\*?\}")
ORDERS: Final = (
    "Give {} as JSON.", "Answer as JSON with the fields {}.", "Return JSON: {}", "Write {} as a JSON object.",
    "Extract {} as JSON.", "As JSON with {}, please.", "JSON ({})", "Put {} into JSON.", "Which {}? Reply in JSON.",
)  # fmt: skip


@dataclass(frozen=True)
class Field:
    name: str
    type: str  # string, integer, number, boolean


@dataclass(frozen=True)
class Tool:
    name: str
    description: str
    fields: tuple[Field, ...]
    asked: tuple[str, ...]
    group: str  # of tools that do the same, so that no request tells them apart; else its own name


@dataclass(frozen=True)
class Record:
    """What can be given as JSON, and sentences that tell it."""

    fields: tuple[Field, ...]
    told: tuple[str, ...]


@dataclass(frozen=True)
class Request:
    """A user's words, and what is in them."""

    text: str
    values: dict[str, Any]


def read() -> tuple[tuple[Tool, ...], tuple[Record, ...]]:
    banks = (FOLDER / f"{name}.txt" for name in BANKS)
    return parsed("\n\n".join(bank.read_text("utf-8").strip() for bank in banks))


def parsed(text: str) -> tuple[tuple[Tool, ...], tuple[Record, ...]]:
    """Of blocks. Raises ValueError where a line does not tell all of its tool's or record's parameters."""
    tools, records = [], []
    for block in text.split("\n\n"):
        lines: dict[str, list[str]] = {}
        for line in block.splitlines():
            mark, _, rest = line.partition(" ")
            lines.setdefault(mark, []).append(rest.strip())
        if "N:" in lines:
            name, fields = lines["N:"][0], _fields(lines["P:"][0])
            group = lines.get("G:", [name])[0]
            tools.append(Tool(name, lines["D:"][0], fields, _checked(fields, lines["Q:"]), group))
        elif "J:" in lines:
            fields = _fields(lines["J:"][0])
            records.append(Record(fields, _checked(fields, lines["S:"])))
    return tuple(tools), tuple(records)


def _fields(text: str) -> tuple[Field, ...]:
    pairs = (part.strip().partition(":") for part in text.split(","))
    return tuple(Field(name.strip(), type_.strip()) for name, _, type_ in pairs)


def _checked(fields: Sequence[Field], texts: Sequence[str]) -> tuple[str, ...]:
    """Raises ValueError where a text does not tell every field."""
    names = {field.name for field in fields}
    for text in texts:
        told = {found[1] for found in FIELD.finditer(text)}
        if told != names:
            raise ValueError(f"the bank's line {text!r} tells {sorted(told)} and should tell {sorted(names)}")
    return tuple(texts)


class ToolCalls:
    """`alike`: how hard it is to tell which tool is meant, from 0 to 1: a tool is then asked for in any words."""

    def __init__(
        self, tools: Sequence[Tool], records: Sequence[Record], values: Values, random: Random, alike: float = 1.0
    ) -> None:
        self._tools, self._records, self._values, self._random = tools, records, values, random
        self._alike = alike
        self._words = {tool: _words(f"{tool.name} {tool.description}") for tool in tools}
        self._in_its_words = {tool: tuple(t for t in tool.asked if _words(t) & self._words[tool]) for tool in tools}

    def offered(self) -> list[Tool]:
        """Of a group one at most: of two tools that do the same none would be the right one."""
        count = self._random.choice(OFFERED)
        first = self._random.choice(self._tools)
        others = [tool for tool in self._tools if tool.group != first.group]
        if self._random.random() < ALIKE * self._alike:
            words = self._words[first]
            others.sort(key=lambda tool: len(words & self._words[tool]), reverse=True)
            others = others[:NEIGHBOURS]
        drawn = self._random.sample(others, min(len(others), 2 * count))
        one_of_each = {tool.group: tool for tool in (first, *drawn)}
        offered = list(one_of_each.values())[:count]
        self._random.shuffle(offered)
        return offered

    def request(self, tool: Tool | Record) -> Request:
        fields = {field.name: field for field in tool.fields}
        texts = tool.asked if isinstance(tool, Tool) else tool.told
        if isinstance(tool, Tool) and self._random.random() >= self._alike:
            texts = self._in_its_words[tool] or texts
        text = self._random.choice(texts)
        values: dict[str, Any] = {}
        words: dict[str, str] = {}
        for found in FIELD.finditer(text):
            if found[1] not in words:
                words[found[1]], values[found[1]] = self._value(found[2], fields[found[1]].type)
        told = FIELD.sub(lambda found: words[found[1]], text)
        return Request(told, {field.name: values[field.name] for field in tool.fields})

    def _value(self, kind: str, type_: str) -> tuple[str, Any]:
        """As it is said, and as it is sent."""
        if type_ == "boolean":
            word = self._random.choice(("true", "false"))
            return word, word == "true"
        for _ in range(50):
            text = self._values.of(kind)
            if type_ == "string":
                return text, text
            if text not in SMALL and re.fullmatch(r"\d+" if type_ == "integer" else r"\d+(\.\d+)?", text):
                return text, int(text) if text.isdigit() else float(text)
        number = self._random.randint(2, 60)
        return str(number), number

    def calls(self, talk: Talk, branches: int) -> Sample:
        offered = self.offered()
        prefix = tools_text([(tool.name, tool.description, [f.name for f in tool.fields]) for tool in offered])
        made = []
        for _ in range(branches):
            draw = self._random.random()
            tool = self._random.choice(offered)
            if draw < 0.22:
                made.append(self._said(talk, tool, offered))
            elif draw < 0.3:
                made.append(self._told_back(tool, talk))
            else:
                request = self.request(tool)
                made.append((Piece(request.text), Piece(answers()), *_call(tool, request)))
        return Sample((Piece(prefix), Piece(USER)), tuple(made))

    def _said(self, talk: Talk, tool: Tool, offered: Sequence[Tool]) -> Pieces:
        """No tool fits. Now and then one is called all the same, behind the answer: a request may demand a call."""
        draw = self._random.random()
        absent = self._random.choice(self._tools)
        if draw < 0.4 and not any(self._are_alike(absent, one) for one in offered):
            question, answer = self.request(absent).text, talk.declined()
        else:
            question, answer = talk.of_world() if draw < 0.8 else talk.question(), talk.answer_pieces()
        said: Pieces = (Piece(question), Piece(answers()), *answer)
        last = said[-1]
        if self._random.random() >= DEMANDED:
            return said
        values = {field.name: FORCED.get(field.type, question) for field in tool.fields}
        call = "".join(piece.text for piece in _call(tool, Request(question, values)))
        return (*said[:-1], Piece(last.text.removesuffix(END), last.weight), Piece("\n", 0.05), Piece(call, 0.1))

    def _are_alike(self, one: Tool, other: Tool) -> bool:
        return one.group == other.group or len(self._words[one] & self._words[other]) >= 2

    def _told_back(self, tool: Tool, talk: Talk) -> Pieces:
        """After the tool has answered: its answer, quoted."""
        request = self.request(tool)
        sentence = talk.statement()
        told = f"{TOOL_SAID}\n{sentence}\n{TOOL_SAID_END}"
        call = "".join(piece.text for piece in _call(tool, request))
        before = f"{request.text}{END}\n{START}assistant\n{call}\n{said('user', told)}{START}assistant\n"
        return (Piece(before), Piece(f'{TOOL_QUOTE}"', 1.0), Piece(f'{sentence}"{END}', 0.5))

    def json(self, branches: int) -> Sample:
        return Sample((Piece(USER),), tuple(self._as_json() for _ in range(branches)))

    def _as_json(self) -> Pieces:
        request, order, _ = self.record()
        first, second = (request.text, order) if self._random.random() < 0.8 else (order, request.text)
        text = f"{first}{self._random.choice((chr(10), ' '))}{second}"
        return (Piece(text), Piece(answers()), *_filled(request.values), Piece(END, 0.2))

    def record(self) -> tuple[Request, str, tuple[Field, ...]]:
        record = self._random.choice(self._records)
        names = [field.name for field in record.fields]
        joined = self._random.choice((", ".join(names), " and ".join(names)))
        return self.request(record), self._random.choice(ORDERS).format(joined), record.fields


def _call(tool: Tool, request: Request) -> Pieces:
    return (
        Piece(CALL, 1.0),
        Piece(NAME, 0.1),
        Piece(tool.name[:1], FIRST),
        Piece(tool.name[1:], 1.0),
        Piece('", "arguments": ', 0.05),
        *_filled(request.values),
        Piece(f"}}\n{CALL_END}{END}", 0.2),
    )


def _filled(values: dict[str, Any]) -> Pieces:
    """As a JSON object. Where a value begins in the user's words is what is hard, and then where it ends."""
    made: list[Piece] = []
    for name, value in values.items():
        text = json.dumps(value, ensure_ascii=False)
        quote = '"' if isinstance(value, str) else ""
        said = text.removeprefix(quote).removesuffix(quote)
        opening = f'{", " if made else "{"}"{name}": {quote}'
        made += [Piece(opening, 0.05), Piece(said[:1], BEGIN), Piece(said[1:], 0.5), Piece(quote, 1.2)]
    return (*made, Piece("}", 0.2))


def _words(text: str) -> frozenset[str]:
    """Beginnings of words, without slots and what many tools have."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", FIELD.sub("", text)).lower()
    return frozenset(word[:5] for word in re.findall(r"[a-z]{3,}", spaced)) - COMMON
