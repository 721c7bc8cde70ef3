"""What chat needs of vector databases and kept chats, and what the gateway needs of chat for `NAME@chat:VDB`."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import msgspec
from msgspec import Raw, Struct

from llmanager.api.routes.chat import citations_view
from llmanager.chat import quoting
from llmanager.chat.dialogue import dialogue
from llmanager.chat.entities import Cosines, Passage, Piece, Question, Search, Turn
from llmanager.chat.usecases.assistant import Assistant
from llmanager.chat.usecases.prepare import prepare
from llmanager.gateway.ports import Augmented
from llmanager.history.entities import NewMessage
from llmanager.history.turns import turns
from llmanager.history.usecases.append import append_messages
from llmanager.history.usecases.get import get_tail
from llmanager.history.usecases.new import new_chat
from llmanager.kernel.blocking import RunBlocking
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import InvalidInput
from llmanager.kernel.ids import NewId
from llmanager.kernel.principal import Principal
from llmanager.kernel.table import Table
from llmanager.vdb.conditions import parse
from llmanager.vdb.entities import Hit, Item, Mode
from llmanager.vdb.filters import Filter
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.compare import Compared, compare
from llmanager.vdb.usecases.query import query
from llmanager.wiring.serving.chat_models import encoded
from llmanager.wiring.serving.embedding import GatewayEmbedder
from llmanager.wiring.serving.known_vectors import KnowingEmbedder


class Query(Protocol):
    """vdb's use case `query`, with all but the question given already."""

    async def __call__(
        self, *, caller: Principal, name: str, text: str, k: int, where: Filter | None, mode: Mode | None
    ) -> tuple[Hit, ...]: ...


class Similarity(Protocol):
    async def __call__(self, caller: Principal, vdb: str, query: str, texts: Sequence[str]) -> Compared | None: ...


class VectorRetriever:
    """A Retriever. `has_wide_cosines`: of an embedder by its name, as GatewayEmbedder tells it."""

    def __init__(
        self, query: Query, similarity: Similarity, has_wide_cosines: Callable[[Principal, str], bool]
    ) -> None:
        self._query, self._similarity, self._has_wide_cosines = query, similarity, has_wide_cosines

    async def search(self, caller: Principal, search: Search, query: str) -> tuple[Passage, ...]:
        where = None if search.where is None else parse(search.where)
        mode = None if search.mode is None else Mode(search.mode)
        hits = await self._query(caller=caller, name=search.vdb, text=query, k=search.k, where=where, mode=mode)
        return tuple(_passage(hit) for hit in hits)

    async def cosines(self, caller: Principal, vdb: str, query: str, texts: Sequence[str]) -> Cosines | None:
        found = await self._similarity(caller, vdb, query, texts)
        return Cosines(found.cosines, self._has_wide_cosines(caller, found.model)) if found else None


def _passage(hit: Hit) -> Passage:
    return Passage(hit.item.id, hit.item.text, hit.item.source, hit.score, piece=_piece(hit.item))


def _piece(item: Item) -> Piece | None:
    """Chunks of one text have all other metadata in common; a page, a row or a line is a text of its own."""
    number = item.metadata.get("chunk")
    if not (item.source and isinstance(number, int)):
        return None
    others = sorted((name, value) for name, value in item.metadata.items() if name != "chunk")
    return Piece(f"{item.source} {others}", number)


def retriever_of(vdbs: Collections, embedder: GatewayEmbedder, threads: RunBlocking) -> VectorRetriever:
    knowing = KnowingEmbedder(embedder, embedder.generation)
    similarity = partial(compare, vdbs, knowing, threads)
    return VectorRetriever(partial(query, vdbs, knowing, threads), similarity, embedder.has_wide_cosines)


class TableHistory:
    """A History. The table blocks, so it is used in threads."""

    def __init__(self, table: Table, clock: Clock, new_id: NewId, run_blocking: RunBlocking) -> None:
        self._table, self._clock, self._new_id, self._run_blocking = table, clock, new_id, run_blocking

    async def tail(self, caller: Principal, chat_id: str, limit: int) -> tuple[Turn, ...]:
        read = partial(get_tail, self._table, tenant=caller.tenant, chat_id=chat_id, limit=2 * limit)
        found = turns(await self._run_blocking(read))
        return tuple(Turn(turn.q, turn.a) for turn in found if turn.q and turn.a)[-limit:]

    async def append(
        self, caller: Principal, chat_id: str | None, turn: Turn, *, title: str = "", ttl_s: int | None = None
    ) -> str:
        messages = [NewMessage("user", turn.q), NewMessage("assistant", turn.a)]
        write = partial(append_messages, chat_id=chat_id) if chat_id else partial(new_chat, title=title, ttl_s=ttl_s)
        now = self._clock.now()
        kept = partial(write, self._table, tenant=caller.tenant, messages=messages, now=now, new_id=self._new_id)
        return (await self._run_blocking(kept)).id


class _Part(Struct):
    type: str = ""
    text: str = ""


class _Sent(Struct):
    role: str
    content: str | list[_Part] | None = None
    tool_calls: list[Raw] | None = None


_decode = msgspec.json.Decoder(_Sent).decode


class ChatAugmenter:
    """An Augmenter: the prompt is /chat's, the client's own messages stand for the kept chat."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant

    async def augment(
        self, caller: Principal, *, model: str, vdb: str, messages: Sequence[bytes], max_tokens: int | None
    ) -> Augmented:
        said = dialogue([_text_of(message) for message in messages])
        question = Question(model, said.question, said.system, Search(vdb), max_tokens)
        prompt = await prepare(self._assistant, caller, question, turns=said.turns)
        citations = msgspec.json.encode(citations_view(prompt.citations))
        return Augmented(tuple(map(encoded, prompt.messages)), citations, prompt.grammar, quoting.SAMPLING)


def _text_of(message: bytes) -> tuple[str, str]:
    """Role and text. Raises InvalidInput for what is no text."""
    try:
        sent = _decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _no_text() from None
    parts = sent.content if isinstance(sent.content, list) else [_Part("text", sent.content or "")]
    if sent.tool_calls or any(part.type != "text" for part in parts):
        raise _no_text()
    return sent.role, "".join(part.text for part in parts)


def _no_text() -> InvalidInput:
    return InvalidInput(
        "'messages' has one that is not text alone. Answering from a vector database takes texts: send 'content' as "
        "text or as parts of type 'text', or ask the model by its own name.",
        param="messages",
    )
