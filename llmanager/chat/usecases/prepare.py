import asyncio

from llmanager.chat import budget
from llmanager.chat.entities import MAX_TURNS, Draft, Passage, Prompt, Question, Turn
from llmanager.chat.usecases.assistant import Assistant
from llmanager.chat.usecases.fit import fitted
from llmanager.kernel.principal import Principal


async def prepare(
    assistant: Assistant,
    caller: Principal,
    question: Question,
    *,
    chat_id: str | None = None,
    turns: tuple[Turn, ...] = (),
) -> Prompt:
    """The prompt that the question's model is to get, after the kept chat's newest turns or those given.

    Raises ModelNotFound, NotFound (database, chat), InvalidInput, QuestionTooLong, what is Retryable.
    """
    context_tokens = assistant.models.context_tokens(caller, question.model)
    reading = asyncio.create_task(_tail(assistant, caller, chat_id)) if chat_id is not None else None
    try:
        passages = await _retrieved(assistant, caller, question)
        draft = Draft(question.text, question.system, passages, turns if reading is None else await reading)
    finally:
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
    limit = budget.limit(context_tokens, question.max_tokens)
    return await fitted(assistant.models, caller, question.model, draft, limit)


async def _retrieved(assistant: Assistant, caller: Principal, question: Question) -> tuple[Passage, ...] | None:
    if question.search is None:
        return None
    found = await assistant.retriever.search(caller, question.search, question.text)
    return tuple(passage for passage in found if passage.text.strip())


async def _tail(assistant: Assistant, caller: Principal, chat_id: str) -> tuple[Turn, ...]:
    return await assistant.history.tail(caller, chat_id, MAX_TURNS)
