"""Contexts of what was held out of training: blocks of templates, names and words. One to three sentences each.

All are items of one vector database, and each question's `filter` leaves it the sentences of its own context.
"""

import time
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, Final

from llmanager.chat.sentences import sentences
from tools.demo_model.contexts import REAL, Context, Contexts
from tools.demo_model.evaluation.judging import Told, judged
from tools.demo_model.evaluation.server import MODEL, Asked
from tools.demo_model.samples import splits
from tools.demo_model.slots import Values

QUESTIONS: Final = 240
FOLLOW_UPS: Final = 120
BATCH: Final = 64
VDB: Final = f"{MODEL}-synthetic"


def contexts(seed: int) -> tuple[list[Context], list[Context]]:
    """Those asked once, and those asked twice in one chat: one question each."""
    random = Random(seed)
    _, held = splits()
    source = Contexts(held.blocks, Values(random, held_out=True), random, REAL, is_checked=True)
    single: list[Context] = []
    while len(single) < QUESTIONS:
        context = source.context(1)
        if is_told_apart(context):
            single.append(context)
    following: list[Context] = []
    while len(following) < FOLLOW_UPS:
        follow_up = source.follow_up(1)
        if follow_up is not None and is_told_apart(follow_up):
            following.append(follow_up)
    return single, following


def is_told_apart(context: Context) -> bool:
    """Each of its sentences is one for /chat too: no two, and no heading (as a table's row is that stands alone)."""
    found = [sentences(text) for text in context.sentences]
    return all(len(one) == 1 and not one[0].is_heading for one in found)


def told(asked: Asked, seed: int) -> Iterator[Told]:
    single, following = contexts(seed)
    _add(asked, [*single, *following])
    for number, context in enumerate(single):
        yield _asked(asked, context, number, "held-out question", None)
    for number, context in enumerate(following, start=len(single)):
        before = asked.chat(context.turns[0][0], vdb=VDB, filter={"context": number})
        yield _asked(asked, context, number, "held-out follow-up", before["chat_id"])


def _add(asked: Asked, every: Sequence[Context]) -> None:
    asked.create_vdb(VDB)
    items = [(text, number) for number, context in enumerate(every) for text in context.sentences]
    for start in range(0, len(items), BATCH):
        part = items[start : start + BATCH]
        documents = [{"text": text, "metadata": {"context": number}} for text, number in part]
        asked.api.post("/vdb/add", {"name": VDB, "documents": documents})


def _asked(asked: Asked, context: Context, number: int, about: str, chat_id: str | None) -> Told:
    (question, *_) = context.asked
    wanted = None if question.answer is None else context.sentences[question.answer]
    more: dict[str, Any] = {} if chat_id is None else {"chat_id": chat_id}
    began_s = time.perf_counter()
    answer = asked.chat(question.question, vdb=VDB, filter={"context": number}, **more)
    seconds = time.perf_counter() - began_s
    source = "\n".join(context.sentences)
    cited = [citation["text"] for citation in answer["citations"]]
    shown = None if wanted is None else _as_sentence(wanted)
    verdict = judged(answer["response"], cited, shown, source)
    return Told(about, question.question, wanted, answer["response"], verdict, seconds)


def _as_sentence(text: str) -> str:
    """As /chat cuts it: without the mark of a list's item, and the like."""
    (found,) = sentences(text)
    return text[found.start : found.end]
