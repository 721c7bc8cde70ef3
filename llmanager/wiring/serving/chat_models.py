"""Chat's Models over the gateway: asked from within the process, counted by the models' own servers."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import msgspec
from msgspec import Struct

from llmanager.chat import entities
from llmanager.chat.entities import Budget, Completion, Message, Traits
from llmanager.gateway import sse, surface
from llmanager.gateway.inner import InnerCalls
from llmanager.gateway.ports import Directory
from llmanager.gateway.tokens import TokenCounter
from llmanager.kernel.errors import UpstreamFailed
from llmanager.kernel.principal import Principal

PATH = "/v1/chat/completions"
_MAX_PIECE_BYTES = 2**30  # the gateway has bounded its events already


class _Said(Struct):
    content: str | None = None


class _Choice(Struct):
    message: _Said | None = None
    delta: _Said | None = None
    finish_reason: str | None = None

    @property
    def text(self) -> str:
        said = self.message or self.delta
        return said.content or "" if said else ""


class _Usage(Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Answer(Struct):
    """Of a whole answer or of one event."""

    choices: list[_Choice] = []
    usage: _Usage | None = None


_decode = msgspec.json.Decoder(_Answer).decode


class GatewayModels:
    def __init__(self, inner: InnerCalls, counter: TokenCounter, directory: Directory) -> None:
        self._inner, self._counter, self._directory = inner, counter, directory

    def traits(self, caller: Principal, model: str) -> Traits:
        route = surface.find(self._directory, caller.tenant, model)
        reading = route.reading
        budget = Budget(reading.sentence_tokens or Budget.tokens, reading.max_sentences, reading.least_share)
        return Traits(route.context_tokens, reading.context, budget, reading.quotes_only)

    async def count(self, caller: Principal, model: str, messages: Sequence[Message]) -> int | None:
        return await self._counter.count(caller.tenant, model, [encoded(message) for message in messages])

    async def whole(
        self,
        caller: Principal,
        model: str,
        messages: Sequence[Message],
        parameters: Mapping[str, Any],
        grammar: str = "",
    ) -> Completion:
        body = await self._inner.whole(caller, PATH, _body(model, messages, parameters), grammar)
        try:
            answer = _decode(body)
        except msgspec.DecodeError:
            answer = _Answer()
        if not answer.choices:
            raise UpstreamFailed(f"The server of model {model!r} sent an answer that cannot be read. Ask again.")
        choice = answer.choices[0]
        return Completion(choice.text, choice.finish_reason, _usage(answer.usage))

    async def stream(
        self,
        caller: Principal,
        model: str,
        messages: Sequence[Message],
        parameters: Mapping[str, Any],
        grammar: str = "",
    ) -> AsyncGenerator[str | Completion, None]:
        body = _body(model, messages, parameters, stream=True, stream_options={"include_usage": True})
        texts: list[str] = []
        finish_reason: str | None = None
        usage: _Usage | None = None
        async with aclosing(self._inner.stream(caller, PATH, body, grammar)) as pieces:
            async for piece in pieces:
                answers = _answers_in(piece)
                choices = [choice for answer in answers for choice in answer.choices]
                finish_reason = next((c.finish_reason for c in choices if c.finish_reason), finish_reason)
                usage = next((answer.usage for answer in answers if answer.usage), usage)
                if text := "".join(choice.text for choice in choices):
                    texts.append(text)
                    yield text
        yield Completion("".join(texts), finish_reason, _usage(usage))


def encoded(message: Message) -> bytes:
    return msgspec.json.encode({"role": message.role, "content": message.content})


def _body(model: str, messages: Sequence[Message], parameters: Mapping[str, Any], **more: Any) -> bytes:
    told = [{"role": message.role, "content": message.content} for message in messages]
    return msgspec.json.encode({**parameters, "model": model, "messages": told, **more})


def _answers_in(piece: bytes) -> list[_Answer]:
    """Of whole events, which the gateway has checked already."""
    datas = [sse.data_of(event) for event in sse.Splitter(_MAX_PIECE_BYTES).feed(piece)]
    return [_decode(data) for data in datas if data is not None and data.strip() != b"[DONE]"]


def _usage(usage: _Usage | None) -> entities.Usage | None:
    return None if usage is None else entities.Usage(usage.prompt_tokens, usage.completion_tokens)
