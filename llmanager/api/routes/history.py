"""POST /history/*. Plain functions: FastAPI runs them in threads, because the table blocks."""

from fastapi import APIRouter, Response

from llmanager.api.access import requires
from llmanager.gateway.ports import Keyring
from llmanager.history.entities import Chat, NewMessage
from llmanager.history.usecases.append import append_messages
from llmanager.history.usecases.delete import delete_chat
from llmanager.history.usecases.get import get_messages, get_turns
from llmanager.history.usecases.list import list_chats
from llmanager.history.usecases.new import new_chat
from llmanager.history.usecases.update import update_chat
from llmanager.kernel.clock import Clock
from llmanager.kernel.ids import NewId
from llmanager.kernel.principal import Principal
from llmanager.kernel.table import Table
from llmanager.wire import history as wire


def history_routes(*, table: Table, keyring: Keyring, clock: Clock, new_id: NewId) -> APIRouter:
    router = APIRouter(prefix="/history", tags=["history"])
    reader = requires(keyring, "history:read")
    writer = requires(keyring, "history:write")

    @router.post("/new")
    def new(body: wire.NewChat, caller: Principal = writer) -> wire.ChatRef:
        chat = new_chat(
            table,
            tenant=caller.tenant,
            messages=_messages_in(body.all_messages()),
            title=body.title,
            metadata=body.metadata,
            ttl_s=body.ttl_s,
            now=clock.now(),
            new_id=new_id,
        )
        return wire.ChatRef(chat_id=chat.id, id=chat.id)

    @router.post("/append")
    def append(body: wire.AppendMessages, caller: Principal = writer) -> wire.ChatRef:
        append_messages(
            table,
            tenant=caller.tenant,
            chat_id=body.chat,
            messages=_messages_in(body.all_messages()),
            now=clock.now(),
            new_id=new_id,
        )
        return wire.ChatRef(chat_id=body.chat, id=body.chat)

    @router.post("/get")
    def get(
        body: wire.GetMessages, response: Response, caller: Principal = reader
    ) -> list[wire.Pair] | wire.MessageList:
        """Pairs come as a bare list, the cursor of the next page in the header x-next-cursor."""
        if body.format == "messages":
            return _messages_view(table, caller.tenant, body)
        return _pairs_view(table, caller.tenant, body, response)

    @router.post("/list")
    def list_(body: wire.ListChats, caller: Principal = reader) -> wire.ChatList:
        page = list_chats(table, tenant=caller.tenant, limit=body.limit, cursor=body.cursor)
        return wire.ChatList(chats=[_chat_view(chat) for chat in page.items], cursor=page.cursor)

    @router.post("/update")
    def update(body: wire.UpdateChat, caller: Principal = writer) -> wire.Chat:
        chat = update_chat(table, tenant=caller.tenant, chat_id=body.chat, title=body.title, metadata=body.metadata)
        return _chat_view(chat)

    @router.post("/delete")
    def delete(body: wire.DeleteChat, caller: Principal = writer) -> wire.Deleted:
        delete_chat(table, tenant=caller.tenant, chat_id=body.chat)
        return wire.Deleted(chat_id=body.chat, id=body.chat)

    return router


def _messages_in(messages: list[wire.NewMessage]) -> list[NewMessage]:
    return [NewMessage(message.role, message.content) for message in messages]


def _messages_view(table: Table, tenant: str, body: wire.GetMessages) -> wire.MessageList:
    page = get_messages(table, tenant=tenant, chat_id=body.chat, limit=body.limit, cursor=body.cursor)
    messages = [wire.Message(id=m.id, role=m.role, content=m.content, at=m.at) for m in page.items]
    return wire.MessageList(messages=messages, cursor=page.cursor)


def _pairs_view(table: Table, tenant: str, body: wire.GetMessages, response: Response) -> list[wire.Pair]:
    page = get_turns(table, tenant=tenant, chat_id=body.chat, limit=body.limit, cursor=body.cursor)
    if page.cursor is not None:
        response.headers["x-next-cursor"] = page.cursor
    return [wire.Pair(q=turn.q, a=turn.a) for turn in page.items]


def _chat_view(chat: Chat) -> wire.Chat:
    return wire.Chat(
        chat_id=chat.id,
        id=chat.id,
        title=chat.title,
        metadata=dict(chat.metadata),
        created_at=chat.created_at,
        expires_at=chat.expires_at,
    )
