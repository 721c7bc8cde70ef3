from llmanager.chat.entities import Cosines, Passage, Question, Search, Traits
from llmanager.chat.followup import together
from llmanager.chat.ports import Retriever
from llmanager.chat.ranking import scores
from llmanager.chat.selection import Candidate, candidates, compared, select
from llmanager.kernel.errors import LLManagerError
from llmanager.kernel.principal import Principal

TEXT_ALONE = "text"  # the mode of a search that asks no embedder


async def retrieved(
    retriever: Retriever, caller: Principal, question: Question, traits: Traits, previous: str
) -> tuple[Passage, ...] | None:
    """What the prompt may have of the question's database, the best first: chunks, or the best of their sentences.

    None where no database is asked. `previous`: the question that this one leans on, or nothing.
    Raises NotFound, InvalidInput, what is Retryable.
    """
    search = question.search
    if search is None:
        return None
    found = await retriever.search(caller, search, together(question.text, previous))
    passages = tuple(passage for passage in found if passage.text.strip())
    if (search.context or traits.context) == "chunks":
        return passages
    near = compared(question.text, candidates(passages), previous)
    cosines = await _cosines(retriever, caller, search, together(question.text, previous), near)
    values = cosines.values if cosines else None
    ranks = scores(question.text, [candidate.ranked for candidate in near], values, previous=previous)
    return select(near, ranks, traits.budget, values if cosines and cosines.are_wide else None) or passages


async def _cosines(
    retriever: Retriever, caller: Principal, search: Search, query: str, found: tuple[Candidate, ...]
) -> Cosines | None:
    """None where there are none to be had: words alone rank then."""
    if search.mode == TEXT_ALONE or len(found) <= 1:
        return None
    try:
        return await retriever.cosines(caller, search.vdb, query, [candidate.told for candidate in found])
    except LLManagerError:
        return None
