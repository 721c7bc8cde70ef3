"""A client's own messages as system text, turns and the question: what `NAME@chat:VDB` gets in place of a chat. Pure.

System and developer messages are joined to one text, wherever they stand, and so are messages of one role that follow
each other. What an assistant says before any question is left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from llmanager.chat.entities import Turn
from llmanager.kernel.errors import InvalidInput


@dataclass(frozen=True)
class Dialogue:
    system: str
    turns: tuple[Turn, ...]
    question: str


def dialogue(messages: Iterable[tuple[str, str]]) -> Dialogue:
    """Of (role, text). Raises InvalidInput where the last one is no user's, or a role has no place here."""
    system: list[str] = []
    talk: list[tuple[str, str]] = []
    for role, text in messages:
        if role in ("system", "developer"):
            system.append(text)
        elif role in ("user", "assistant"):
            talk.append((role, text))
        else:
            raise InvalidInput(
                "'messages' has one that is neither system, user nor assistant. Answering from a vector database "
                "takes no others: ask the model by its own name.",
                param="messages",
            )
    joined = [(role, "\n\n".join(text for _, text in run)) for role, run in groupby(talk, key=lambda said: said[0])]
    if not joined or joined[-1][0] != "user" or not joined[-1][1].strip():
        raise InvalidInput("'messages' must end with a user's question.", param="messages")
    first = 1 if joined[0][0] == "assistant" else 0
    asked, answered = joined[first:-1:2], joined[first + 1 : -1 : 2]
    turns = tuple(Turn(q, a) for (_, q), (_, a) in zip(asked, answered, strict=True))
    return Dialogue("\n\n".join(system), turns, joined[-1][1])
