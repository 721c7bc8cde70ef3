from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Final

from llmanager.chat import quoting
from llmanager.chat.entities import Answer, Ask, Cited, Completion, Prompt, Turn
from llmanager.chat.usecases.assistant import Assistant
from llmanager.chat.usecases.prepare import prepare
from llmanager.kernel.principal import Principal

SHAPES: Final = ("json_object", "json_schema")  # not "text": that is the default, spelled out


async def answer(assistant: Assistant, caller: Principal, ask: Ask) -> Answer:
    """Ask the model, and keep question and answer as one turn: only when the answer is complete, and only once.

    Raises ModelNotFound, NotFound (database, chat), InvalidInput, QuestionTooLong, TooLarge, what is Retryable:
    nothing was kept then. Cancelled while the turn is being kept, it may have been.
    """
    prompt = await prepare(assistant, caller, ask.question, chat_id=ask.chat_id)
    grammar = _grammar(ask, prompt)
    parameters = _parameters(ask, grammar)
    said = await assistant.models.whole(caller, ask.question.model, prompt.messages, parameters, grammar)
    return await _kept(assistant, caller, ask, prompt, said)


async def stream_answer(
    assistant: Assistant, caller: Principal, ask: Ask
) -> AsyncGenerator[Cited | str | Answer, None]:
    """As `answer`: first what is cited, then the text piece by piece, and when the turn is kept the whole answer."""
    prompt = await prepare(assistant, caller, ask.question, chat_id=ask.chat_id)
    yield Cited(prompt.citations, ask.chat_id)
    grammar = _grammar(ask, prompt)
    parameters = _parameters(ask, grammar)
    stream = assistant.models.stream(caller, ask.question.model, prompt.messages, parameters, grammar)
    async with aclosing(stream) as pieces:
        async for piece in pieces:
            if isinstance(piece, Completion):
                yield await _kept(assistant, caller, ask, prompt, piece)
            else:
                yield piece


def _grammar(ask: Ask, prompt: Prompt) -> str:
    """A shape that the caller asks for comes first."""
    wanted = ask.parameters.get("response_format") or {}
    return "" if wanted.get("type") in SHAPES else prompt.grammar


def _parameters(ask: Ask, grammar: str) -> Mapping[str, Any]:
    """Which passage is quoted is no matter of chance, unless the caller wants it to be."""
    return {**quoting.SAMPLING, **ask.parameters} if grammar else ask.parameters


async def _kept(assistant: Assistant, caller: Principal, ask: Ask, prompt: Prompt, said: Completion) -> Answer:
    turn = Turn(ask.question.text, said.text)
    chat_id = await assistant.history.append(caller, ask.chat_id, turn, title=ask.title, ttl_s=ask.ttl_s)
    return Answer(said.text, chat_id, prompt.citations, said.usage, said.finish_reason)
