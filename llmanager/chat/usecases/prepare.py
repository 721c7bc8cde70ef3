import asyncio
from dataclasses import replace

from llmanager.chat import budget, followup, quoting
from llmanager.chat.entities import MAX_TURNS, Draft, Prompt, Question, Turn
from llmanager.chat.usecases.assistant import Assistant
from llmanager.chat.usecases.fit import fitted
from llmanager.chat.usecases.retrieve import retrieved
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
    traits = assistant.models.traits(caller, question.model)
    reading = asyncio.create_task(_tail(assistant, caller, chat_id)) if chat_id is not None else None
    try:
        before = ""
        if question.search is not None and followup.leans(question.text):
            before = followup.previous(turns if reading is None else await reading)
        passages = await retrieved(assistant.retriever, caller, question, traits, before)
        draft = Draft(question.text, question.system, passages, turns if reading is None else await reading)
    finally:
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
    limit = budget.limit(traits.context_tokens, question.max_tokens)
    prompt = await fitted(assistant.models, caller, question.model, draft, limit)
    return replace(prompt, grammar=_grammar(prompt, question)) if traits.quotes_only else prompt


def _grammar(prompt: Prompt, question: Question) -> str:
    if question.search is not None:
        return quoting.grammar(prompt.citations)
    *before, _ = (message.content for message in prompt.messages if message.role == "user")
    return quoting.recall(before)


async def _tail(assistant: Assistant, caller: Principal, chat_id: str) -> tuple[Turn, ...]:
    return await assistant.history.tail(caller, chat_id, MAX_TURNS)
