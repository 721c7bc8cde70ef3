from collections import Counter

import pytest

from llmanager.gateway.balance import Balance, least
from llmanager.gateway.ports import Upstream

A, B, C = (Upstream(id=name, base_url="http://127.0.0.1:1") for name in "abc")


@pytest.mark.parametrize(
    ("open_requests", "turn", "chosen"),
    [({}, 0, A), ({}, 1, B), ({}, 5, C), ({"a": 1}, 0, B), ({"a": 1, "b": 1}, 0, C), ({"a": 2, "b": 1, "c": 1}, 2, C)],
)
def test_the_least_busy_is_chosen_and_ties_take_turns(open_requests: dict[str, int], turn: int, chosen: Upstream):
    assert least((A, B, C), open_requests, turn) is chosen


def test_a_request_counts_until_its_block_is_left_even_by_an_error():
    balance = Balance()

    def fail() -> None:
        with balance.one_of([A]):
            assert balance.open_requests == Counter({"a": 1})
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not balance.open_requests


def test_idle_replicas_share_the_requests_evenly():
    balance, served = Balance(), Counter()
    for _ in range(9):
        with balance.one_of([A, B, C]) as upstream:
            served[upstream.id] += 1
    assert served == Counter(a=3, b=3, c=3)
