"""POST /chat: request and answer. The events of a streamed answer are told in docs/chat.md."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, FiniteFloat, model_validator
from pydantic_core import PydanticCustomError

from llmanager.wire.base import Lifetime, Name, Request, Response, Text
from llmanager.wire.history import Id, Title

MAX_TEXT_CHARS = 50_000  # of question or system text: as JSON it fits into a kept message, whatever is in it
MAX_K = 50

Penalty = Annotated[FiniteFloat, Field(ge=-2, le=2)]
Tokens = Annotated[int, Field(ge=1, le=2**31 - 1)]
ShortText = Annotated[Text, Field(max_length=512)]


class Parameters(Request):
    """Those of /model/query, with its bounds, that make sense for one text as answer."""

    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    temperature: Annotated[FiniteFloat, Field(ge=0, le=2)] | None = None
    top_p: Annotated[FiniteFloat, Field(ge=0, le=1)] | None = None
    stop: ShortText | Annotated[list[ShortText], Field(max_length=16)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    reasoning_effort: ShortText | None = None
    response_format: dict[str, Any] | None = None


class Chat(Request):
    model: Name
    query: Annotated[Text, Field(min_length=1, max_length=MAX_TEXT_CHARS)]
    vdb: Name | None = None
    k: Annotated[int, Field(ge=1, le=MAX_K)] | None = None
    filter: dict[str, Any] | None = None
    mode: Literal["vector", "text", "hybrid"] | None = None
    context: Literal["sentences", "chunks"] | None = None
    chat_id: Id | None = None
    title: Title | None = None
    ttl_s: Lifetime | None = None
    system: Annotated[Text, Field(max_length=MAX_TEXT_CHARS)] = ""
    parameters: Parameters = Parameters()
    stream: bool = False

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        if self.vdb is None and (self.k, self.filter, self.mode, self.context) != (None,) * 4:
            raise PydanticCustomError(
                "no_vdb", "'k', 'filter', 'mode' and 'context' are for a 'vdb': name one, or leave them out."
            )
        if self.chat_id is not None and (self.title, self.ttl_s) != (None, None):
            raise PydanticCustomError(
                "old_chat", "'title' and 'ttl_s' are for a new chat: leave out 'chat_id' or them."
            )
        return self


class Citation(Response):
    """A passage of the prompt. The first is the one that the answer calls [1].

    `id` is the stored chunk's. Where the passage is a sentence, `span` is its place there: from, to, in characters.
    """

    id: str
    text: str
    score: float
    source: str
    span: tuple[int, int] | None


class Usage(Response):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Answer(Response):
    response: str
    chat_id: str
    citations: list[Citation]
    usage: Usage | None
    finish_reason: str | None
