"""Whoever deploys into a new account is told that it runs few functions at once."""

import pytest
from botocore.exceptions import ClientError

from tools.deployment.concurrency import warning


class Lambda:
    def __init__(self, limit: int | str) -> None:
        self._limit = limit

    def get_account_settings(self):
        if isinstance(self._limit, str):
            raise ClientError({"Error": {"Code": self._limit, "Message": "no"}}, "GetAccountSettings")
        return {"AccountLimit": {"ConcurrentExecutions": self._limit}}


def test_a_new_accounts_limit_is_told_with_where_it_is_raised():
    told = warning(Lambda(10))
    assert "at most 10 functions" in told
    assert "Service Quotas" in told


@pytest.mark.parametrize("limit", [50, 1000])
def test_nothing_is_said_where_there_is_room(limit):
    assert warning(Lambda(limit)) is None


def test_nothing_is_said_to_who_may_not_ask():
    assert warning(Lambda("AccessDeniedException")) is None
