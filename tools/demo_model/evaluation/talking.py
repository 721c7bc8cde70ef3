"""Talk without documents: greetings, who answers, what was said before, and what it cannot know."""

from collections.abc import Iterator
from random import Random
from typing import Any, Final

from tools.demo_model.bank import slots
from tools.demo_model.evaluation.calls import Share
from tools.demo_model.evaluation.judging import is_of_a_turn
from tools.demo_model.evaluation.server import Asked
from tools.demo_model.rendering import UNTOLD
from tools.demo_model.samples import splits
from tools.demo_model.slots import Values, fill
from tools.demo_model.talk import read, stated

QUESTIONS: Final = 60
NAME: Final = "demo-tiny"
DEPLOYS: Final = "/model/create"
GREETINGS: Final = (  # none of these stands in bank/talk.txt
    "Hello again!", "Hi, nice to meet you.", "hey you", "Good day!", "Good evening, model!", "hello, is it working?",
    "Hi! First question coming up.", "Hey, hello!", "A very good morning to you.", "hi demo model",
)  # fmt: skip
IDENTITY: Final = (
    "Who am I chatting with?", "Tell me who you are.", "what's your name?", "Which model am I talking to?",
    "Who is answering me here?", "Are you a real language model?", "What sort of model are you?", "who are u",
    "Kindly say who answers.", "Am I talking to demo-tiny?",
)  # fmt: skip
REAL: Final = (
    "How can I get a real model?", "How do I deploy a larger model?", "I want a better model, how?",
    "Which call makes a real model?", "how do i create a proper model", "What must I do to run a bigger model here?",
    "How would I switch to a stronger model?", "Is there a better model than you, and how do I start it?",
)  # fmt: skip


def shares(asked: Asked, seed: int) -> Iterator[Share]:
    yield _matching(asked, "greeted: says that it is a demo", GREETINGS, ("demo",))
    yield _matching(asked, "asked who it is: says that it is a demo", IDENTITY, ("demo",))
    yield _matching(asked, f"asked for a real model: names {DEPLOYS}", REAL, (DEPLOYS,))
    random = Random(seed)
    yield from _memory(asked, Values(random, held_out=True), random)
    yield _without_documents(asked, Values(random, held_out=True), random)


def _matching(asked: Asked, what: str, questions: tuple[str, ...], words: tuple[str, ...]) -> Share:
    samples = []
    for question in questions:
        said = _said(asked, question)
        samples.append((question, said, all(word in said for word in words)))
    return _share(what, samples)


def _memory(asked: Asked, values: Values, random: Random) -> Iterator[Share]:
    """Two or three things are told in a kept chat; then one of them is asked for, or something that was not told."""
    _, memories = read()
    told_samples, untold_samples, remembered = [], [], []
    for _ in range(QUESTIONS):
        told = random.sample(memories, random.choice((2, 3)))
        statements, known = stated(told, values, random)
        chat_id = _chat(asked, statements)
        which = random.randrange(len(told))
        question = fill(random.choice(told[which].asked), known[which])
        said = _said(asked, question, chat_id=chat_id)
        asked_for = f"{' / '.join(statements)} / {question}"
        told_samples.append((asked_for, said, statements[which] in said))
        remembered.append((asked_for, said, is_of_a_turn(said, statements)))
        other = random.choice([memory for memory in memories if memory not in told])
        question = fill(random.choice(other.asked), values.bound(other.all_slots))
        said = _said(asked, question, chat_id=_chat(asked, statements))
        asked_for = f"{' / '.join(statements)} / {question}"
        untold_samples.append((asked_for, said, said == UNTOLD))
        remembered.append((asked_for, said, is_of_a_turn(said, statements)))
    yield _share("asked for what was told in an earlier turn: says it word for word", told_samples)
    yield _share("asked for what was not told: says so", untold_samples)
    yield _share("of both: invents nothing that the user had said", remembered)


def _chat(asked: Asked, statements: list[str]) -> str:
    chat_id = asked.chat(statements[0], parameters={"temperature": 0})["chat_id"]
    for statement in statements[1:]:
        asked.chat(statement, chat_id=chat_id, parameters={"temperature": 0})
    return str(chat_id)


def _without_documents(asked: Asked, values: Values, random: Random) -> Share:
    """Right: it quotes nothing, and says that it does not know or is only for documents."""
    _, held = splits()
    samples = []
    for _ in range(QUESTIONS):
        template = random.choice(random.choice(held.blocks).questions)
        question = fill(template, values.bound(slots(template)))
        said = _said(asked, question)
        is_declined = "document" in said or "don't know" in said or "demo" in said
        samples.append((question, said, is_declined and '"' not in said))
    return _share("a question without documents: declines", samples)


def _said(asked: Asked, question: str, **more: Any) -> str:
    return str(asked.chat(question, parameters={"temperature": 0}, **more)["response"])


def _share(what: str, samples: list[tuple[str, str, bool]]) -> Share:
    return Share(what, sum(right for *_, right in samples), len(samples), None, tuple(samples))
