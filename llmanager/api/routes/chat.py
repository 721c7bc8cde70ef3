"""POST /chat. The answer goes out as raw ASGI, so that a stream is a stream and a client's leaving ends the work."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import msgspec
from fastapi import APIRouter, Response
from starlette.types import Receive, Scope, Send

from llmanager.api.access import requires
from llmanager.api.errors import render
from llmanager.chat.entities import DEFAULT_K, Answer, Ask, Cited, Passage, Question, Search, Usage
from llmanager.chat.usecases.answer import answer, stream_answer
from llmanager.chat.usecases.assistant import Assistant
from llmanager.gateway import sse
from llmanager.gateway.answer import Answer as HttpAnswer
from llmanager.gateway.asgi import ClientGone
from llmanager.gateway.attend import attended
from llmanager.gateway.policy import Limits
from llmanager.gateway.ports import Keyring
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import LLManagerError
from llmanager.kernel.principal import Principal
from llmanager.wire import chat as wire

_encode = msgspec.json.encode


def chat_routes(*, assistant: Assistant, keyring: Keyring, limits: Limits, clock: Clock) -> APIRouter:
    """Of `limits` the heartbeat and the silent part of a stream count here."""
    router = APIRouter(tags=["chat"])
    caller_may_chat = requires(keyring, "chat")

    @router.post("/chat", response_model=wire.Answer)
    async def chat(body: wire.Chat, caller: Principal = caller_may_chat) -> Any:
        """With `stream`, text/event-stream: first `citations`, then each `delta`, at last the whole answer."""
        ask = _ask(body)
        if body.stream:
            return _Streamed(stream_answer(assistant, caller, ask), limits, clock)
        return _Whole(assistant, caller, ask, clock)

    return router


class _Whole(Response):
    def __init__(self, assistant: Assistant, caller: Principal, ask: Ask, clock: Clock) -> None:
        super().__init__()
        self._assistant, self._caller, self._ask, self._clock = assistant, caller, ask, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        out = HttpAnswer(send, render, self._clock)
        try:
            async with attended(receive, out, heartbeat_s=None):
                told = await answer(self._assistant, self._caller, self._ask)
                await out.json(_encode(_told(told)))
        except LLManagerError as error:
            await out.fail(error)
        except ClientGone:
            return


class _Streamed(Response):
    def __init__(self, events: AsyncGenerator[Cited | str | Answer, None], limits: Limits, clock: Clock) -> None:
        super().__init__()
        self._events, self._limits, self._clock = events, limits, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        out, limits = HttpAnswer(send, render, self._clock), self._limits
        try:
            async with (
                attended(receive, out, heartbeat_s=limits.heartbeat_s, opens_after_s=limits.hold_silent_s),
                aclosing(self._events) as events,
            ):
                async for event in events:
                    await out.events(sse.event(_encode(_event(event))))
                await out.close_stream()
        except LLManagerError as error:
            await out.fail(error)
        except ClientGone:
            return


def _ask(body: wire.Chat) -> Ask:
    parameters = body.parameters
    search = None
    if body.vdb is not None:
        search = Search(body.vdb, body.k or DEFAULT_K, body.filter, body.mode, body.context)
    max_tokens = parameters.max_completion_tokens or parameters.max_tokens
    return Ask(
        question=Question(body.model, body.query, body.system, search, max_tokens),
        chat_id=body.chat_id,
        title=body.title or "",
        ttl_s=body.ttl_s,
        parameters=parameters.model_dump(exclude_none=True),
    )


def _event(event: Cited | str | Answer) -> dict[str, Any]:
    match event:
        case str():
            return {"delta": event}
        case Cited():
            chat = {} if event.chat_id is None else {"chat_id": event.chat_id}
            return {"citations": citations_view(event.citations), **chat}
        case Answer():
            return _told(event)


def _told(told: Answer) -> dict[str, Any]:
    return {
        "response": told.response,
        "chat_id": told.chat_id,
        "citations": citations_view(told.citations),
        "usage": _usage(told.usage),
        "finish_reason": told.finish_reason,
    }


def citations_view(passages: tuple[Passage, ...]) -> list[dict[str, Any]]:
    return [{"id": p.id, "text": p.text, "score": p.score, "source": p.source, "span": p.span} for p in passages]


def _usage(usage: Usage | None) -> dict[str, int] | None:
    if usage is None:
        return None
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
