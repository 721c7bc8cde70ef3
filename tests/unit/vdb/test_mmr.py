import random
from array import array

import pytest

from llmanager.vdb.entities import Hit, Item
from llmanager.vdb.mmr import MAX_RERANKED, mmr


def vector(*numbers: float) -> bytes:
    return array("f", numbers).tobytes()


EAST = vector(1, 0)
HITS = [
    Hit(Item("best"), 0.99, vector(1, 0.1)),
    Hit(Item("its twin"), 0.98, vector(2, 0.2)),
    Hit(Item("other side"), 0.9, vector(1, -0.5)),
    Hit(Item("far"), 0.1, vector(0, 1)),
]


def names(chosen) -> list[str]:
    return [hit.item.id for hit in chosen]


def test_a_twin_of_what_was_chosen_comes_later_than_something_else():
    assert names(mmr(EAST, HITS, k=2)) == ["best", "other side"]
    assert set(names(mmr(EAST, HITS, k=9))) == {"best", "other side", "its twin", "far"}


def test_relevance_alone_is_the_order_of_nearness_and_equal_ones_stay_in_theirs():
    assert names(mmr(EAST, HITS, k=4, relevance=1)) == ["best", "its twin", "other side", "far"]


def test_difference_alone_takes_what_is_most_unlike():
    assert names(mmr(EAST, HITS, k=2, relevance=0)) == ["best", "far"]
    opposite = [*HITS, Hit(Item("opposite"), -1, vector(-1, 0))]
    assert names(mmr(EAST, opposite, k=2, relevance=0)) == ["best", "opposite"]


def test_the_length_of_a_vector_does_not_count():
    longer = [
        Hit(hit.item, hit.score, array("f", [1000 * x for x in array("f", hit.vector)]).tobytes()) for hit in HITS
    ]
    assert names(mmr(EAST, longer, k=4)) == names(mmr(EAST, HITS, k=4))


def test_hits_keep_their_scores_and_vectors():
    assert mmr(EAST, HITS, k=1) == (HITS[0],)


@pytest.mark.parametrize("k", [0, 1, 4, 9])
def test_there_are_at_most_k_and_none_twice(k):
    chosen = names(mmr(EAST, HITS, k=k))
    assert len(chosen) == len(set(chosen)) == min(k, 4)


def test_nothing_and_vectors_without_a_direction_are_fine():
    assert mmr(EAST, [], k=3) == ()
    still = Hit(Item("still"), 0, vector(0, 0))
    assert names(mmr(EAST, [still, *HITS], k=2)) == ["best", "other side"]
    assert names(mmr(vector(0, 0), [HITS[1], still], k=2)) == ["its twin", "still"]


def test_only_so_many_hits_are_looked_at():
    many = [Hit(Item(f"{n}"), 0, vector(1, n)) for n in range(MAX_RERANKED)]
    assert "one too many" not in names(mmr(EAST, [*many, Hit(Item("one too many"), 0, EAST)], k=5))


def test_every_choice_is_the_best_one_left():
    """Against the definition, said as it is in the books."""
    chance = random.Random(4)
    rows = [[chance.gauss(0, 1) for _ in range(5)] for _ in range(30)]
    query = [chance.gauss(0, 1) for _ in range(5)]
    hits = [Hit(Item(f"{n}"), 0, vector(*row)) for n, row in enumerate(rows)]

    def cosine(one, other):
        lengths = (sum(x * x for x in one) * sum(x * x for x in other)) ** 0.5
        return sum(x * y for x, y in zip(one, other, strict=True)) / lengths

    expected: list[int] = []
    while len(expected) < 8:
        left = [n for n in range(30) if n not in expected]
        expected.append(
            max(
                left,
                key=lambda n: (
                    0.7 * cosine(rows[n], query) - 0.3 * max((cosine(rows[n], rows[m]) for m in expected), default=0)
                ),
            )
        )
    assert names(mmr(vector(*query), hits, k=8, relevance=0.7)) == [f"{n}" for n in expected]
