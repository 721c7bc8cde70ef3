"""POST /history/*: requests and answers. `chat_id` and `id` name the same thing; answers carry both."""

from typing import Annotated, Literal, Self

from pydantic import Field, FiniteFloat, model_validator
from pydantic_core import PydanticCustomError

from llmanager.wire.base import Cursor, Lifetime, Limit, Request, Response, Text, Time

MAX_TITLE = 200


Role = Literal["system", "user", "assistant", "tool", "developer"]
Metadata = dict[Text, Text | bool | int | FiniteFloat | None]
Id = Annotated[Text, Field(min_length=1, max_length=64)]
Title = Annotated[Text, Field(max_length=MAX_TITLE)]


class NewMessage(Request):
    role: Role
    content: Text


class _WithMessages(Request):
    """Either one question with its answer, or messages."""

    q: Text | None = None
    a: Text | None = None
    messages: list[NewMessage] | None = None

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        has_pair, has_half = None not in (self.q, self.a), (self.q is None) != (self.a is None)
        if has_half or has_pair == (self.messages is not None):
            raise PydanticCustomError("one_form", "Give 'q' and 'a' together, or 'messages', and not both.")
        return self

    def all_messages(self) -> list[NewMessage]:
        if self.messages is not None:
            return self.messages
        return [NewMessage(role="user", content=self.q or ""), NewMessage(role="assistant", content=self.a or "")]


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


class NewChat(_WithMessages):
    title: Title = ""
    metadata: Metadata = Field(default_factory=dict)
    ttl_s: Lifetime | None = None


class AppendMessages(_OfChat, _WithMessages):
    @model_validator(mode="after")
    def _has_messages(self) -> Self:
        if not self.all_messages():
            raise PydanticCustomError("no_messages", "'messages' must hold at least one message.")
        return self


class GetMessages(_OfChat):
    limit: Limit = 100
    cursor: Cursor | None = None
    format: Literal["pairs", "messages"] = "pairs"


class ListChats(Request):
    limit: Limit = 100
    cursor: Cursor | None = None


class UpdateChat(_OfChat):
    title: Title | None = None
    metadata: Metadata | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.title is None and self.metadata is None:
            raise PydanticCustomError("no_change", "Give 'title' or 'metadata'.")
        return self


class DeleteChat(_OfChat):
    pass


class ChatRef(Response):
    chat_id: str
    id: str


class Deleted(ChatRef):
    status: Literal["deleted"] = "deleted"


class Chat(ChatRef):
    title: str
    metadata: Metadata
    created_at: Time
    expires_at: Time | None


class ChatList(Response):
    chats: list[Chat]
    cursor: str | None


class Pair(Response):
    q: str
    a: str


class Message(Response):
    id: str
    role: Role
    content: str
    at: Time


class MessageList(Response):
    messages: list[Message]
    cursor: str | None
