"""What a chat's answer is made of, and what is answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Context = Literal["sentences", "chunks"]  # what of a passage goes into a prompt: its best sentences, or all of it

DEFAULT_K = 5
MAX_TURNS = 50  # of a chat's newest that are looked at


@dataclass(frozen=True)
class Turn:
    q: str
    a: str


@dataclass(frozen=True)
class Piece:
    """Of a text that was cut into chunks: where two follow on each other, the second may repeat the first one's end."""

    of: str  # the same for all chunks of that text, and for no others
    number: int


@dataclass(frozen=True)
class Passage:
    id: str  # of the stored chunk
    text: str
    source: str  # the document it came from; may be empty
    score: float  # higher is closer
    span: tuple[int, int] | None = None  # a sentence's place in the stored chunk, in characters; None: all of it
    cosine: float | None = None  # of a sentence to the question, by an embedder with wide ones; None: there is none
    piece: Piece | None = None  # None: it is an item of its own


@dataclass(frozen=True)
class Cosines:
    """How near texts are to a question."""

    values: tuple[float, ...]  # one a text
    are_wide: bool = False  # they tell how near a text is, and not only which is nearer: unrelated ones have about 0


@dataclass(frozen=True)
class Message:
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Budget:
    """Of the sentences that a model gets; whole chunks may fill its context."""

    tokens: int = 400  # by estimate
    sentences: int | None = None  # None: as many as these tokens hold
    least_share: float = 0.0  # of the best one's score: sentences with less stay out


@dataclass(frozen=True)
class Traits:
    """What the prompt for a model depends on."""

    context_tokens: int | None = None  # of prompt and answer together. None: not known
    context: Context = "chunks"  # where the question does not say
    budget: Budget = Budget()
    quotes_only: bool = False  # it is held to answering with a passage's own words: quoting.py


@dataclass(frozen=True)
class Search:
    """Where passages come from, and which. `where` and `mode` are the database's own words; None: its defaults."""

    vdb: str
    k: int = DEFAULT_K
    where: Mapping[str, Any] | None = None
    mode: str | None = None
    context: Context | None = None  # None: the model's own


@dataclass(frozen=True)
class Question:
    model: str
    text: str
    system: str = ""  # the caller's own, after ours
    search: Search | None = None  # None: nothing is retrieved
    max_tokens: int | None = None  # of the answer; None: the model's to decide


@dataclass(frozen=True)
class Ask:
    """A question within a chat."""

    question: Question
    chat_id: str | None = None  # None: a new chat, with title and time to live
    title: str = ""
    ttl_s: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)  # sampling, in OpenAI's words


@dataclass(frozen=True)
class Draft:
    """All that a prompt is made of."""

    question: str
    system: str = ""
    passages: tuple[Passage, ...] | None = None  # the best first; None: none were asked for
    turns: tuple[Turn, ...] = ()  # oldest first


@dataclass(frozen=True)
class Prompt:
    messages: tuple[Message, ...]
    citations: tuple[Passage, ...]  # those really in it: the first is [1] there
    grammar: str = ""  # of the answer, as llama.cpp reads it; empty: the model may say anything


@dataclass(frozen=True)
class Usage:
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Completion:
    """What a model said, whole."""

    text: str
    finish_reason: str | None
    usage: Usage | None  # None: its server did not tell


@dataclass(frozen=True)
class Cited:
    """What a streamed answer begins with."""

    citations: tuple[Passage, ...]
    chat_id: str | None  # None: the chat is new, and has an id when the answer is kept


@dataclass(frozen=True)
class Answer:
    response: str
    chat_id: str
    citations: tuple[Passage, ...]
    usage: Usage | None
    finish_reason: str | None
