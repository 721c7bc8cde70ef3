"""What a chat needs, in memory."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from llmanager.chat.entities import Completion, Cosines, Message, Passage, Search, Traits, Turn, Usage
from llmanager.chat.usecases.assistant import Assistant
from llmanager.kernel.errors import LLManagerError, NotFound
from llmanager.kernel.principal import Principal


def passage(number: int, text: str = "", source: str = "") -> Passage:
    return Passage(f"p{number}", text or f"Fact {number}.", source, 1 / number)


class FakeRetriever:
    """Databases by tenant and name: passages, the best first. `searches` are those asked for."""

    def __init__(self) -> None:
        self.vdbs: dict[tuple[str, str], tuple[Passage, ...]] = {}
        self.searches: list[tuple[Search, str]] = []
        self.near: dict[str, float] | None = None  # cosines by text; None: the databases have no embedder
        self.are_wide = True  # the cosines
        self.failure: LLManagerError | None = None  # of the embedder
        self.compared: list[tuple[str, str]] = []  # database and query
        self.on_search = asyncio.Event()
        self.on_search.set()  # a search waits for it

    async def search(self, caller: Principal, search: Search, query: str) -> tuple[Passage, ...]:
        self.searches.append((search, query))
        await self.on_search.wait()
        found = self.vdbs.get((caller.tenant, search.vdb))
        if found is None:
            raise NotFound(f"There is no vector database {search.vdb!r}.")
        return found[: search.k]

    async def cosines(self, caller: Principal, vdb: str, query: str, texts: Sequence[str]) -> Cosines | None:
        self.compared.append((vdb, query))
        if self.failure is not None:
            raise self.failure
        near = self.near
        return None if near is None else Cosines(tuple(near.get(text, 0.0) for text in texts), self.are_wide)


class FakeHistory:
    """Chats by tenant and id. `titles` of those made here; `during_append` may act just before a turn is kept."""

    def __init__(self) -> None:
        self.chats: dict[tuple[str, str], list[Turn]] = {}
        self.titles: dict[str, tuple[str, int | None]] = {}
        self.during_append = lambda: None
        self.reading = asyncio.Event()  # set when a tail is read

    async def tail(self, caller: Principal, chat_id: str, limit: int) -> tuple[Turn, ...]:
        self.reading.set()
        return tuple(self._chat(caller, chat_id)[-limit:])

    async def append(
        self, caller: Principal, chat_id: str | None, turn: Turn, *, title: str = "", ttl_s: int | None = None
    ) -> str:
        self.during_append()
        if chat_id is None:
            chat_id = f"chat{len(self.chats)}"
            self.chats[caller.tenant, chat_id] = []
            self.titles[chat_id] = title, ttl_s
        self._chat(caller, chat_id).append(turn)
        return chat_id

    def _chat(self, caller: Principal, chat_id: str) -> list[Turn]:
        if (caller.tenant, chat_id) not in self.chats:
            raise NotFound("There is no such chat.")
        return self.chats[caller.tenant, chat_id]


class FakeModels:
    """One model "m" of every tenant, that says `pieces`.

    context     its tokens; None: unknown
    given       its other traits
    per_word    tokens of a word; None: cannot be counted
    failure     raised in place of the answer, or, in a stream, after its first piece
    held        a stream waits for it after its first piece
    """

    def __init__(self, *pieces: str, context: int | None = 4096, per_word: int | None = 1) -> None:
        self.pieces = pieces or ("Hel", "lo")
        self.context, self.per_word = context, per_word
        self.given = Traits()
        self.grammars: list[str] = []
        self.failure: LLManagerError | None = None
        self.held = asyncio.Event()
        self.held.set()
        self.prompts: list[tuple[Message, ...]] = []
        self.parameters: list[Mapping[str, Any]] = []
        self.counts = 0
        self.is_closed = False  # the last stream

    def traits(self, caller: Principal, model: str) -> Traits:
        if model != "m":
            raise NotFound(f"There is no model {model!r}.")
        return replace(self.given, context_tokens=self.context)

    async def count(self, caller: Principal, model: str, messages: Sequence[Message]) -> int | None:
        self.counts += 1
        return None if self.per_word is None else self.tokens(messages)

    def tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) * (self.per_word or 1) + 3 for message in messages)

    async def whole(
        self,
        caller: Principal,
        model: str,
        messages: Sequence[Message],
        parameters: Mapping[str, Any],
        grammar: str = "",
    ) -> Completion:
        self._asked(messages, parameters, grammar)
        if self.failure is not None:
            raise self.failure
        return self._completion()

    async def stream(
        self,
        caller: Principal,
        model: str,
        messages: Sequence[Message],
        parameters: Mapping[str, Any],
        grammar: str = "",
    ) -> AsyncGenerator[str | Completion, None]:
        self._asked(messages, parameters, grammar)
        self.is_closed = False
        try:
            for piece in self.pieces:
                yield piece
                if self.failure is not None:
                    raise self.failure
                await self.held.wait()
            yield self._completion()
        finally:
            self.is_closed = True

    def _asked(self, messages: Sequence[Message], parameters: Mapping[str, Any], grammar: str) -> None:
        self.grammars.append(grammar)
        self.prompts.append(tuple(messages))
        self.parameters.append(parameters)

    def _completion(self) -> Completion:
        return Completion("".join(self.pieces), "stop", Usage(self.tokens(self.prompts[-1]), len(self.pieces)))


def fake_assistant(*pieces: str, **more: Any) -> Assistant:
    return Assistant(FakeRetriever(), FakeHistory(), FakeModels(*pieces, **more))
