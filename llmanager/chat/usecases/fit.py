from functools import partial

from llmanager.chat import budget
from llmanager.chat.entities import Draft, Prompt
from llmanager.chat.errors import QuestionTooLong
from llmanager.chat.ports import Models
from llmanager.chat.prompt import messages
from llmanager.kernel.principal import Principal

ROUNDS = 3  # of fitting anew what the model counts as too much still


async def fitted(models: Models, caller: Principal, model: str, draft: Draft, limit: int) -> Prompt:
    """The prompt of as much of the draft as has at most `limit` tokens. One count where all of it fits.

    Otherwise sizes are estimated, at the rate of tokens that the whole draft had, and what was chosen is counted.
    Raises QuestionTooLong, and what counting raises.
    """
    whole = await _counted(models, caller, model, draft)
    if whole <= limit:
        return _prompt(draft)
    size = partial(_size, whole, budget.estimated_prompt(messages(draft)))
    target = limit
    for _ in range(ROUNDS):
        kept = budget.fit(draft, target, size)
        tokens = await _counted(models, caller, model, kept)
        if tokens <= limit:
            return _prompt(kept)
        target -= tokens - limit
    bare = budget.bare(draft)
    tokens = await _counted(models, caller, model, bare)
    if tokens > limit:
        raise QuestionTooLong(model, over=tokens - limit, limit=limit)
    return _prompt(bare)


async def _counted(models: Models, caller: Principal, model: str, draft: Draft) -> int:
    prompt = messages(draft)
    tokens = await models.count(caller, model, prompt)
    return budget.estimated_prompt(prompt) if tokens is None else tokens


def _size(tokens: int, estimate: int, text: str) -> int:
    return -(-budget.estimated(text) * tokens // estimate)


def _prompt(draft: Draft) -> Prompt:
    return Prompt(messages(draft), draft.passages or ())
