from llmanager.chat import budget
from llmanager.chat.entities import Draft, Prompt
from llmanager.chat.errors import QuestionTooLong
from llmanager.chat.ports import Models
from llmanager.chat.prompt import messages
from llmanager.kernel.principal import Principal

ROUNDS = 3  # of fitting anew what the model counts as too much still
GENEROUS = 4  # times the limit, by estimate: more never fits, and would only take long to count


async def fitted(models: Models, caller: Principal, model: str, draft: Draft, limit: int) -> Prompt:
    """The prompt of as much of the draft as has at most `limit` tokens. One count where all of it fits.

    Otherwise it is fitted by estimate, with the limit at the rate of what was counted last, and counted again.
    Raises QuestionTooLong, and what counting raises.
    """
    bare, rounds = budget.bare(draft), 0
    kept = budget.fit(draft, GENEROUS * limit)
    while (tokens := await _counted(models, caller, model, kept)) > limit:
        if kept == bare:
            raise QuestionTooLong(model, over=tokens - limit, limit=limit)
        estimate = budget.estimated_prompt(messages(kept))
        kept = budget.fit(draft, limit * estimate // tokens) if rounds < ROUNDS else bare
        rounds += 1
    return Prompt(messages(kept), kept.passages or ())


async def _counted(models: Models, caller: Principal, model: str, draft: Draft) -> int:
    prompt = messages(draft)
    tokens = await models.count(caller, model, prompt)
    return budget.estimated_prompt(prompt) if tokens is None else tokens
