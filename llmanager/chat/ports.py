"""What a chat needs from the other capabilities, in its own words."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Protocol

from llmanager.chat.entities import Completion, Cosines, Message, Passage, Search, Traits, Turn
from llmanager.kernel.principal import Principal


class Retriever(Protocol):
    async def search(self, caller: Principal, search: Search, query: str) -> tuple[Passage, ...]:
        """The closest passages, the best first, at most `search.k`.

        Raises NotFound (absent and another tenant's alike), InvalidInput, what is Retryable.
        """

    async def cosines(self, caller: Principal, vdb: str, query: str, texts: Sequence[str]) -> Cosines | None:
        """How near each text is to the query, by the database's own embedder. None: it has none.

        Raises as `search`. Texts that were compared lately are not embedded again.
        """


class History(Protocol):
    async def tail(self, caller: Principal, chat_id: str, limit: int) -> tuple[Turn, ...]:
        """The newest turns that have a question and an answer, oldest first. Raises NotFound."""

    async def append(
        self, caller: Principal, chat_id: str | None, turn: Turn, *, title: str = "", ttl_s: int | None = None
    ) -> str:
        """Keep a turn, whole or not at all, and return its chat's id. None: in a new chat, with title and ttl.

        Raises NotFound (also where the chat was deleted meanwhile), TooLarge.
        """


class Models(Protocol):
    """Chat models, as the caller sees them. All but `traits` may wake the model and wait for it.

    Raises ModelNotFound, InvalidInput (no chat model, or parameters that it refuses), what is Retryable.
    """

    def traits(self, caller: Principal, model: str) -> Traits: ...

    async def count(self, caller: Principal, model: str, messages: Sequence[Message]) -> int | None:
        """Tokens of the prompt that the messages become, exactly. None: the model's server cannot tell."""

    async def whole(
        self,
        caller: Principal,
        model: str,
        messages: Sequence[Message],
        parameters: Mapping[str, Any],
        grammar: str = "",
    ) -> Completion:
        """`grammar`: the answers that there may be, for a model whose traits say that it is held to one."""

    def stream(
        self,
        caller: Principal,
        model: str,
        messages: Sequence[Message],
        parameters: Mapping[str, Any],
        grammar: str = "",
    ) -> AsyncGenerator[str | Completion, None]:
        """Pieces of the text as they come, then the whole. Closing it ends the request at the model."""
