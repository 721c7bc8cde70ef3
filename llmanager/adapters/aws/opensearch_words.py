"""A text query as OpenSearch takes it: no word twice, and no more words than one query may have there. Pure."""

import re
from typing import Final

MAX_WORDS: Final = 900  # OpenSearch refuses a query of more than 1,024 clauses

_WORDS = re.compile(r"[^\W_]+|_+|[^\w\s]")
_IDEOGRAPH: Final = 0x2E80  # from here on a single character may be a word


def words(query: str, at_most: int = MAX_WORDS) -> str:
    """The first words of the query, each once, and as many as are `at_most` words to OpenSearch in any case.

    It splits at spaces alone, since only OpenSearch knows that "3.14" is a word.
    """
    kept, left = [], at_most
    for part in dict.fromkeys(query.lower().split()):
        if (size := _at_most(part)) > left:
            kept.append(part[:left])
            break
        kept.append(part)
        left -= size
    return " ".join(kept)


def _at_most(part: str) -> int:
    """How many words OpenSearch may see in it."""
    return sum(
        1 + len(word) // 255 + sum(ord(letter) >= _IDEOGRAPH for letter in word) for word in _WORDS.findall(part)
    )
