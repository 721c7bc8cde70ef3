"""The banks of templates: what files in bank/ say, read and checked. Their format is told in bank/README.md."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "bank"
SLOT: Final = re.compile(r"\{([a-z_]+)(?::(\w+))?(\*?)\}")  # {kind}, {kind:label}, {kind*}


@dataclass(frozen=True)
class Block:
    """One fact: sentences that tell it, and questions that each of them answers."""

    kind: str  # of document
    sentences: tuple[str, ...]
    questions: tuple[str, ...]
    unanswered: tuple[str, ...]  # questions that sound alike, and that nothing in such a document answers
    follow_ups: tuple[str, ...]  # as "And {key}?"

    @cached_property
    def keys(self) -> frozenset[str]:
        """Slots that every sentence and some question has: with another value it is another fact."""
        told = frozenset.intersection(*(slots(sentence) for sentence in self.sentences))
        asked = frozenset.union(*(slots(question) for question in self.questions))
        return frozenset(slot for slot in told & asked if not slot.endswith("*"))


@cache
def slots(template: str) -> frozenset[str]:
    """As they are written, without braces: "time", "time:opening", "org*"."""
    return frozenset(found[0][1:-1] for found in SLOT.finditer(template))


def read(names: tuple[str, ...]) -> tuple[Block, ...]:
    return tuple(block for name in names for block in blocks((FOLDER / f"{name}.txt").read_text("utf-8"), name))


def blocks(text: str, name: str) -> Iterator[Block]:
    kind = ""
    lines: dict[str, list[str]] = {}
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        mark, _, rest = line.partition(" ")
        if line.startswith("#"):
            kind = f"{name}/{rest.strip()}"
        elif mark in ("S:", "Q:", "U:", "F:"):
            lines.setdefault(mark, []).append(rest.strip())
        elif line.strip():
            raise ValueError(f"{name}.txt:{number}: neither #, S:, Q:, U: nor F:")
        if (not line.strip() or line.startswith("#")) and lines:
            if "S:" not in lines or "Q:" not in lines or not kind:
                raise ValueError(f"{name}.txt:{number}: a block lacks its S:, its Q: or its #")
            yield Block(kind, *(tuple(lines.get(mark, ())) for mark in ("S:", "Q:", "U:", "F:")))
            lines = {}
