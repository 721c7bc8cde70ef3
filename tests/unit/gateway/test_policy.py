import pytest

from llmanager.gateway.errors import UpstreamBusy, UpstreamRefused, UpstreamUnreached
from llmanager.gateway.policy import Limits, RetryBudget, is_worth_another_try
from llmanager.kernel.errors import UpstreamFailed, UpstreamTimeout


@pytest.mark.parametrize(
    ("failure", "retries", "is_worth_it"),
    [
        (UpstreamUnreached(""), 0, True),
        (UpstreamBusy(""), 1, True),
        (UpstreamBusy(""), 2, False),
        (UpstreamFailed(""), 0, False),
        (UpstreamRefused(""), 0, False),
        (UpstreamTimeout(""), 0, False),
    ],
)
def test_only_what_no_server_worked_on_is_tried_again(failure, retries: int, is_worth_it: bool):
    assert is_worth_another_try(failure, retries, Limits(max_retries=2)) == is_worth_it


def test_a_budget_lets_a_burst_through_and_then_one_in_ten():
    budget = RetryBudget(0.1, 5)
    spent = 0
    for _ in range(1000):
        budget.earn()
        spent += budget.spend()
    assert 100 <= spent <= 105


def test_a_budget_does_not_grow_while_all_is_well():
    budget = RetryBudget(0.5, 3)
    for _ in range(1000):
        budget.earn()
    assert [budget.spend() for _ in range(4)] == [True, True, True, False]
