"""What was measured, as the part of docs/demo-tiny.md between two marks. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from random import Random
from typing import Final

from tools.demo_model.evaluation.calls import Share
from tools.demo_model.evaluation.judging import Told, counts, percentile, squeezed
from tools.demo_model.evaluation.waking import FirstToken

BEGIN: Final = "<!-- measured: ./run.sh demo-model eval --write replaces what follows, up to the next mark -->"
END: Final = "<!-- end of what was measured -->"
SAMPLES: Final = 5  # right ones, and as many wrong ones
GROUPS: Final = {
    "aside": "written by others",
    "blind": "written by others",
    "dev": "used while it was built",
}
SHOWN: Final = 300  # characters of a sample


@dataclass(frozen=True)
class Measured:
    texts: tuple[Told, ...] = ()
    synthetic: tuple[Told, ...] = ()
    calls: tuple[Share, ...] = ()
    talk: tuple[Share, ...] = ()
    first_tokens: tuple[FirstToken, ...] = ()


@dataclass(frozen=True)
class Circumstances:
    day: str
    machine: str
    command: str
    sha256: str
    seed: int


def page(measured: Measured, where: Circumstances) -> str:
    parts = [_head(where), *_tables(measured), *_samples(measured, Random(where.seed))]
    return "\n\n".join(parts)


def replaced(card: str, text: str) -> str:
    """Raises ValueError where the card has not both marks, once each and in order."""
    before, begin, rest = card.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or BEGIN in rest or END in before + after:
        raise ValueError("the card does not have each of its two marks once, and in order")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def _head(where: Circumstances) -> str:
    file = f"SHA-256 of the file `{where.sha256}`" if where.sha256 else "the file was the server's own"
    return f"Measured on {where.day} by `{where.command}` on {where.machine}; {file}; seed {where.seed}."


def _tables(measured: Measured) -> Iterator[str]:
    if measured.texts:
        yield "**Texts**, ingested and asked by `/chat` with its defaults. A wrong quote is another sentence's."
        yield table(
            ("text", "right", "wrong quotes", "wrong unknowns", "invented", "p50 ms"), _text_rows(measured.texts)
        )
    if measured.synthetic:
        yield "**Held-out synthetic contexts** of one to three sentences, through `/chat`."
        yield table(("asked", "right", "wrong quotes", "wrong unknowns", "invented"), _kind_rows(measured.synthetic))
    for title, shares in (("Tools and JSON", measured.calls), ("Talk without documents", measured.talk)):
        if shares:
            yield f"**{title}**"
            yield table(("what", "right", "share", "goal"), map(_share_row, shares))
    if measured.first_tokens:
        yield "**The first token from sleep**, of ten each; the model's process had gone. Goal: 0.3 s."
        yield table(("path", "p50 s", "max s", "load of the machine"), map(_first_row, measured.first_tokens))


def table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text_rows(every: Sequence[Told]) -> Iterator[Sequence[str]]:
    for group, told in groupby(every, key=lambda one: one.about.partition("-")[0]):
        of_group = list(told)
        for name, of_text in groupby(of_group, key=lambda one: one.about):
            yield _row(name, list(of_text), has_time=True)
        yield _row(f"**{group}-\\***: {GROUPS.get(group, 'others')}", of_group, has_time=True)


def _kind_rows(every: Sequence[Told]) -> Iterator[Sequence[str]]:
    for about, told in groupby(every, key=lambda one: one.about):
        of_kind = list(told)
        yield _row(f"{about}, answered", [one for one in of_kind if one.wanted is not None])
        yield _row(f"{about}, not answered", [one for one in of_kind if one.wanted is None])


def _row(name: str, told: Sequence[Told], *, has_time: bool = False) -> Sequence[str]:
    found = counts(told)
    cells = [name, f"{found['right']} of {len(told)}", *(str(found[v]) for v in found if v != "right")]
    return [*cells, f"{1000 * percentile([one.seconds for one in told], 0.5):.0f}"] if has_time else cells


def _share_row(share: Share) -> Sequence[str]:
    goal = "" if share.goal is None else f"{share.goal:.0%}"
    return share.what, f"{share.right} of {share.of}", f"{share.right / share.of:.1%}" if share.of else "", goal


def _first_row(first: FirstToken) -> Sequence[str]:
    return f"`{first.what}`", f"{first.p50_s:.3f}", f"{first.max_s:.3f}", f"{first.load:.2f}"


def _samples(measured: Measured, random: Random) -> Iterator[str]:
    """Chosen by the seed, not by hand: of quotes, and of all else."""
    told = (*measured.texts, *measured.synthetic)
    quotes = [(one.question, one.answer, one.wanted or "nothing answers it", one.verdict == "right") for one in told]
    shares = (*measured.calls, *measured.talk)
    others = [(question, said, share.what, right) for share in shares for question, said, right in share.samples]
    for title, every, third in (("Questions on documents", quotes, "the document"), ("Others", others, "asked for")):
        for is_right, named in ((True, "right"), (False, "wrong")):
            chosen = [sample[:3] for sample in every if sample[3] == is_right]
            chosen = random.sample(chosen, min(SAMPLES, len(chosen)))
            if chosen:
                yield f"**{title}, {named}**, {len(chosen)} by chance"
                yield table(("question", "answer", third), (tuple(map(cell, row)) for row in chosen))


def cell(text: str) -> str:
    line = squeezed(text).replace("|", "\\|")
    return f"`{line[:SHOWN].replace('`', chr(39))}{'…' if len(line) > SHOWN else ''}`" if line else "(nothing)"
