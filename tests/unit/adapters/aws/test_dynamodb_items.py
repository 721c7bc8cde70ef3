"""Where a query reads: DynamoDB knows one stretch of keys and a start within it, and refuses a start that is not."""

import pytest

from llmanager.adapters.aws.dynamodb_items import Stretch, stretch

SORTS = ["", "a", "b", "b1", "b1x", "b2", "c", "\U0010ffff", "\U0010ffffz"]


def is_wanted(sort, prefix, after, until, newest_first):
    first, last = (until, after) if newest_first else (after, until)
    is_within = (first or "") <= sort and (last is None or sort <= last)
    return sort.startswith(prefix) and is_within and sort != after


def is_read(sort: str, found: Stretch | None, newest_first: bool) -> bool:
    if found is None or sort < found.low or (found.high is not None and sort > found.high):
        return False
    return found.start is None or (sort < found.start if newest_first else sort > found.start)


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("prefix", ["", "b", "b1", "\U0010ffff"])
@pytest.mark.parametrize("after", [None, *SORTS])
@pytest.mark.parametrize("until", [None, *SORTS[1:]])
def test_it_reads_what_is_wanted_and_beyond_that_only_what_the_prefix_tells_apart(prefix, after, until, newest_first):
    found = stretch(prefix, after, until, newest_first=newest_first)
    for sort in SORTS:
        wanted = is_wanted(sort, prefix, after, until, newest_first)
        assert (is_read(sort, found, newest_first) and sort.startswith(prefix)) == wanted, sort


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("prefix", ["", "b", "\U0010ffff"])
@pytest.mark.parametrize("after", [None, *SORTS])
@pytest.mark.parametrize("until", [None, *SORTS])
def test_its_ends_are_in_order_and_its_start_lies_between_them(prefix, after, until, newest_first):
    found = stretch(prefix, after, until, newest_first=newest_first)
    if found is not None:
        assert found.high is None or found.low <= found.high
        assert found.start is None or is_read(found.start, Stretch(found.low, found.high, None), newest_first)
