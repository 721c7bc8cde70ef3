"""POST /history/*: requests and answers. `chat_id` and `id` name the same thing; answers carry both."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, FiniteFloat, PlainSerializer, model_validator
from pydantic_core import PydanticCustomError

from llmanager.kernel.pages import MAX_PAGE
from llmanager.wire.base import Request, Response, rfc3339

MAX_TTL_S = 10 * 365 * 24 * 3600
MAX_TITLE = 200


def _unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PydanticCustomError("unicode", "Text must be Unicode without lone surrogates.") from error
    return text


Role = Literal["system", "user", "assistant", "tool", "developer"]
Text = Annotated[str, AfterValidator(_unicode)]
Metadata = dict[Text, Text | bool | int | FiniteFloat | None]
Id = Annotated[Text, Field(min_length=1, max_length=64)]
Cursor = Annotated[str, Field(max_length=200)]
Title = Annotated[Text, Field(max_length=MAX_TITLE)]
Limit = Annotated[int, Field(ge=1, le=MAX_PAGE)]
Time = Annotated[datetime, PlainSerializer(rfc3339, return_type=str)]


class MessageIn(Request):
    role: Role
    content: Text


class _Said(Request):
    """Either one question with its answer, or messages."""

    q: Text | None = None
    a: Text | None = None
    messages: list[MessageIn] | None = None

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        has_pair, has_half = None not in (self.q, self.a), (self.q is None) != (self.a is None)
        if has_half or has_pair == (self.messages is not None):
            raise PydanticCustomError("one_form", "Give 'q' and 'a' together, or 'messages', and not both.")
        return self

    def said(self) -> list[MessageIn]:
        if self.messages is not None:
            return self.messages
        return [MessageIn(role="user", content=self.q or ""), MessageIn(role="assistant", content=self.a or "")]


class _OfChat(Request):
    chat_id: Id | None = None
    id: Id | None = None

    @model_validator(mode="after")
    def _names_one_chat(self) -> Self:
        if len({self.chat_id, self.id} - {None}) != 1:
            raise PydanticCustomError("one_chat", "Name one chat, by 'chat_id' or by 'id'.")
        return self

    @property
    def chat(self) -> str:
        return self.chat_id or self.id or ""


class NewRequest(_Said):
    title: Title = ""
    metadata: Metadata = Field(default_factory=dict)
    ttl_s: Annotated[int, Field(ge=1, le=MAX_TTL_S)] | None = None


class AppendRequest(_OfChat, _Said):
    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.said():
            raise PydanticCustomError("nothing_said", "'messages' must hold at least one message.")
        return self


class GetRequest(_OfChat):
    limit: Limit = 100
    cursor: Cursor | None = None
    format: Literal["pairs", "messages"] = "pairs"


class ListRequest(Request):
    limit: Limit = 100
    cursor: Cursor | None = None


class UpdateRequest(_OfChat):
    title: Title | None = None
    metadata: Metadata | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.title is None and self.metadata is None:
            raise PydanticCustomError("no_change", "Give 'title' or 'metadata'.")
        return self


class DeleteRequest(_OfChat): ...


class ChatRef(Response):
    chat_id: str
    id: str


class Deleted(ChatRef):
    status: Literal["deleted"] = "deleted"


class ChatOut(ChatRef):
    title: str
    metadata: Metadata
    created_at: Time
    expires_at: Time | None


class ChatList(Response):
    chats: list[ChatOut]
    cursor: str | None


class Pair(Response):
    q: str
    a: str


class MessageOut(Response):
    id: str
    role: Role
    content: str
    at: Time


class MessageList(Response):
    messages: list[MessageOut]
    cursor: str | None
