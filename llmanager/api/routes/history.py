"""POST /history/*. Plain functions: FastAPI runs them in threads, because the table blocks."""

from fastapi import APIRouter
from fastapi import Response as HTTPResponse

from llmanager.api.access import requires
from llmanager.gateway.ports import Keyring
from llmanager.history.entities import Chat, Said
from llmanager.history.usecases.append import append
from llmanager.history.usecases.delete import delete_chat
from llmanager.history.usecases.get import get_messages, get_turns
from llmanager.history.usecases.list import list_chats
from llmanager.history.usecases.new import new_chat
from llmanager.history.usecases.update import update_chat
from llmanager.kernel.clock import Clock
from llmanager.kernel.ids import NewId
from llmanager.kernel.principal import Principal
from llmanager.kernel.table import Table
from llmanager.wire.history import (
    AppendRequest,
    ChatList,
    ChatOut,
    ChatRef,
    Deleted,
    DeleteRequest,
    GetRequest,
    ListRequest,
    MessageIn,
    MessageList,
    MessageOut,
    NewRequest,
    Pair,
    UpdateRequest,
)


def history_routes(*, table: Table, keyring: Keyring, clock: Clock, new_id: NewId) -> APIRouter:
    router = APIRouter(prefix="/history", tags=["history"])
    reader = requires(keyring, "history:read")
    writer = requires(keyring, "history:write")

    @router.post("/new")
    def new(asked: NewRequest, caller: Principal = writer) -> ChatRef:
        chat = new_chat(
            table,
            tenant=caller.tenant,
            messages=_said(asked.said()),
            title=asked.title,
            metadata=asked.metadata,
            ttl_s=asked.ttl_s,
            now=clock.now(),
            new_id=new_id,
        )
        return ChatRef(chat_id=chat.id, id=chat.id)

    @router.post("/append")
    def append_messages(asked: AppendRequest, caller: Principal = writer) -> ChatRef:
        append(
            table,
            tenant=caller.tenant,
            chat_id=asked.chat,
            messages=_said(asked.said()),
            now=clock.now(),
            new_id=new_id,
        )
        return ChatRef(chat_id=asked.chat, id=asked.chat)

    @router.post("/get")
    def get(asked: GetRequest, answer: HTTPResponse, caller: Principal = reader) -> list[Pair] | MessageList:
        """Pairs come as a bare list, the cursor of the next page in the header x-next-cursor."""
        if asked.format == "messages":
            return _messages(table, caller.tenant, asked)
        return _pairs(table, caller.tenant, asked, answer)

    @router.post("/list")
    def list_all(asked: ListRequest, caller: Principal = reader) -> ChatList:
        page = list_chats(table, tenant=caller.tenant, limit=asked.limit, cursor=asked.cursor)
        return ChatList(chats=[_chat_out(chat) for chat in page.items], cursor=page.cursor)

    @router.post("/update")
    def update(asked: UpdateRequest, caller: Principal = writer) -> ChatOut:
        chat = update_chat(table, tenant=caller.tenant, chat_id=asked.chat, title=asked.title, metadata=asked.metadata)
        return _chat_out(chat)

    @router.post("/delete")
    def delete(asked: DeleteRequest, caller: Principal = writer) -> Deleted:
        delete_chat(table, tenant=caller.tenant, chat_id=asked.chat)
        return Deleted(chat_id=asked.chat, id=asked.chat)

    return router


def _said(messages: list[MessageIn]) -> list[Said]:
    return [Said(message.role, message.content) for message in messages]


def _messages(table: Table, tenant: str, asked: GetRequest) -> MessageList:
    page = get_messages(table, tenant=tenant, chat_id=asked.chat, limit=asked.limit, cursor=asked.cursor)
    messages = [MessageOut(id=m.id, role=m.role, content=m.content, at=m.at) for m in page.items]
    return MessageList(messages=messages, cursor=page.cursor)


def _pairs(table: Table, tenant: str, asked: GetRequest, answer: HTTPResponse) -> list[Pair]:
    page = get_turns(table, tenant=tenant, chat_id=asked.chat, limit=asked.limit, cursor=asked.cursor)
    if page.cursor is not None:
        answer.headers["x-next-cursor"] = page.cursor
    return [Pair(q=turn.q, a=turn.a) for turn in page.items]


def _chat_out(chat: Chat) -> ChatOut:
    return ChatOut(
        chat_id=chat.id,
        id=chat.id,
        title=chat.title,
        metadata=dict(chat.metadata),
        created_at=chat.created_at,
        expires_at=chat.expires_at,
    )
