"""DynamoDB's own ways: how many calls, what is repeated, lost answers, refusals. What every Table does is told in
tests/contracts.
"""

from datetime import timedelta

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from llmanager.adapters.aws.dynamodb_errors import TRIES
from llmanager.adapters.aws.dynamodb_items import MAX_COUNT
from llmanager.adapters.aws.dynamodb_table import DynamoDBTable
from llmanager.kernel.errors import Conflict, OutOfSpace, Throttled, TooLarge, Unavailable
from llmanager.kernel.table import Check, Delete, Put, Row
from tests import aws
from tests.fakes.aws_client import FaultyClient, refusal
from tests.fakes.clock import FakeClock

THROTTLED = refusal("ProvisionedThroughputExceededException")
CANCELLED = "TransactionCanceledException"
UNREACHABLE = EndpointConnectionError(endpoint_url="https://aws")


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def client():
    with aws.moto() as clients:
        real = clients.dynamodb
        aws.make_table(real, "things")
        yield FaultyClient(real)


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def table(client, clock, pauses):
    return DynamoDBTable(client, "things", clock, pause=pauses.append)


@pytest.fixture
def other(client, clock):
    """Another process."""
    return DynamoDBTable(client._client, "things", clock)


class TestRoundTrips:
    @pytest.mark.parametrize(
        ("operation", "act"),
        [
            ("get_item", lambda table: table.get("p", "a")),
            ("put_item", lambda table: table.put(Row("p", "a"))),
            ("put_item", lambda table: table.put(Row("p", "a"), "absent")),
            ("put_item", lambda table: table.transact([Put(Row("p", "a"))])),
            ("delete_item", lambda table: table.delete("p", "a")),
            ("delete_item", lambda table: table.transact([Delete("p", "a")])),
            ("get_item", lambda table: table.transact([Check("p", "a", "absent")])),
            ("transact_write_items", lambda table: table.transact([Put(Row("p", "a")), Check("p", "b", "absent")])),
            ("query", lambda table: table.query("p")),
            ("scan", lambda table: table.scan()),
            ("update_item", lambda table: table.add("p", "n")),
        ],
    )
    def test_are_one(self, table, client, operation, act):
        act(table)
        assert client.calls == {operation: 1}

    def test_are_none_where_nothing_can_be_or_be_done(self, table, client):
        table.query("p", prefix="b", after="c")
        table.query("p", after="b", until="a")
        table.transact([])
        table.transact([Check("p", "a", "any"), Check("p", "b", "any")])
        assert client.calls == {}

    def test_of_a_counter_that_begins_anew_are_two(self, table, client, clock):
        table.add("p", "n", 5, expires_at=clock.now() + timedelta(seconds=1))
        clock.advance(1)
        client.calls.clear()
        assert table.add("p", "n") == 1
        assert client.calls == {"update_item": 1, "put_item": 1}

    def test_of_a_query_are_no_more_than_its_page_needs(self, table, client):
        for sort in "abc":
            table.put(Row("p", sort))
        client.calls.clear()
        assert table.query("p", limit=2).next_after == "b"
        assert client.calls == {"query": 1}


class TestThrottling:
    @pytest.mark.parametrize(
        "refused",
        [
            THROTTLED,
            refusal("ThrottlingException"),
            refusal("TransactionConflictException"),
            refusal("TransactionInProgressException"),
            refusal(
                "TransactionCanceledException", CancellationReasons=[{"Code": "None"}, {"Code": "ThrottlingError"}]
            ),
            refusal(CANCELLED, CancellationReasons=[{"Code": "TransactionConflict"}]),
        ],
        ids=lambda error: str(error)[:60],
    )
    def test_is_waited_out(self, table, client, pauses, refused):
        client.refuses = [refused, refused]
        table.transact([Put(Row("p", "a")), Put(Row("p", "b"))])
        assert client.calls == {"transact_write_items": 3}
        assert 0 < pauses[0] < pauses[1] * 2 < 1

    def test_that_goes_on_is_told(self, table, client):
        client.refuses = [THROTTLED] * TRIES
        with pytest.raises(Throttled, match="nothing was done"):
            table.put(Row("p", "a"))
        assert table.get("p", "a") is None


class TestALostAnswer:
    def test_of_a_read_costs_nothing_but_time(self, table, client):
        row = table.put(Row("p", "a"))
        client.loses = 2
        assert table.get("p", "a") == row

    @pytest.mark.parametrize("expect", ["any", "absent"])
    def test_of_a_put_does_not_make_it_conflict_with_itself(self, table, client, expect):
        client.loses = 1
        written = table.put(Row("p", "a", {"n": 1}), expect)
        assert table.get("p", "a") == written

    def test_of_a_put_over_a_version_neither(self, table, client):
        old = table.put(Row("p", "a"))
        client.loses = 2
        assert table.get("p", "a") != table.put(Row("p", "a", {"n": 2}), old.version) == table.get("p", "a")

    def test_of_a_put_that_another_one_overwrote_is_no_conflict(self, table, client, other):
        """Ours was there: who is told "conflict" would take it for never done."""
        client.after = lambda: other.put(Row("p", "a", {"n": 2}), "present")
        client.loses = 1
        with pytest.raises(Unavailable, match="not known"):
            table.put(Row("p", "a"), "absent")
        assert table.get("p", "a").body == {"n": 2}

    def test_of_an_unconditional_put_that_another_one_overwrote_never_brings_its_version_back(
        self, table, client, other
    ):
        seen = []
        client.after = lambda: seen.append(other.get("p", "a").version) or other.put(Row("p", "a"), seen[0])
        client.loses = 1
        assert table.put(Row("p", "a")).version not in seen

    def test_of_a_conditional_delete_leaves_open_who_did_it(self, table, client):
        row = table.put(Row("p", "a"))
        client.loses = 1
        with pytest.raises(Unavailable, match="not known"):
            table.delete("p", "a", row.version)
        assert table.get("p", "a") is None

    def test_of_a_delete_is_none(self, table, client):
        table.put(Row("p", "a"))
        client.loses = 1
        table.delete("p", "a")

    def test_that_stays_lost_is_told_with_what_to_do(self, table, client):
        client.loses = TRIES
        with pytest.raises(Unavailable, match="Read it again"):
            table.put(Row("p", "a"))
        assert table.get("p", "a") is not None

    def test_of_a_transaction_is_asked_for_again_with_the_same_token(self, table, client):
        tokens = []
        real = client._client.transact_write_items
        client.transact_write_items = lambda **request: (
            tokens.append(request["ClientRequestToken"]) or _lost_once(tokens, real, request)
        )
        table.transact([Put(Row("p", "a"), "absent"), Put(Row("p", "b"), "absent")])
        assert len(tokens) == 2
        assert len(set(tokens)) == 1

    def test_because_nothing_was_reached_is_tried_again(self, table, client):
        client.refuses = [UNREACHABLE, refusal("InternalServerError", status=500)]
        assert table.add("p", "n") == 1


def _lost_once(tokens, real, request):
    """moto knows no tokens: the second time it is answered as DynamoDB would."""
    if len(tokens) == 1:
        real(**request)
        raise UNREACHABLE
    return {}


class TestRefusals:
    @pytest.mark.parametrize(
        ("refused", "kind", "text"),
        [
            (refusal("ValidationException", "Item size has exceeded the maximum allowed size"), TooLarge, "less"),
            (refusal("ValidationException", "Size of hashkey has exceeded the maximum size limit"), TooLarge, "less"),
            (refusal("ItemCollectionSizeLimitExceededException"), OutOfSpace, "nothing was written"),
            (refusal("ResourceNotFoundException"), Unavailable, "no such table"),
            (refusal("AccessDeniedException", "arn:aws:iam::123456789012:role/x"), Unavailable, "permission"),
            (refusal("ExpiredTokenException"), Unavailable, "credentials"),
            (refusal("UnrecognizedClientException"), Unavailable, "credentials"),
            (NoCredentialsError(), Unavailable, "credentials"),
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_say_what_to_do(self, table, client, refused, kind, text):
        client.refuses = [refused]
        with pytest.raises(kind, match=text) as caught:
            table.put(Row("p", "a"))
        assert "123456789012" not in str(caught.value)
        assert client.calls == {"put_item": 1}

    def test_of_a_transaction_too_large_together(self, table, client):
        reasons = [{"Code": "ValidationError", "Message": "Item size to update has exceeded the maximum allowed size"}]
        client.refuses = [refusal(CANCELLED, CancellationReasons=reasons)]
        with pytest.raises(TooLarge):
            table.transact([Put(Row("p", "a")), Put(Row("p", "b"))])

    @pytest.mark.parametrize("unknown", [refusal("ValidationException", "bad"), refusal(CANCELLED), refusal("New")])
    def test_that_nobody_knows_stay_what_they_are(self, table, client, unknown):
        client.refuses = [unknown]
        with pytest.raises(ClientError) as caught:
            table.put(Row("p", "a"))
        assert caught.value is unknown

    def test_of_a_condition_outweigh_a_transaction_in_the_way(self, table, client):
        reasons = [{"Code": "TransactionConflict"}, {"Code": "ConditionalCheckFailed"}]
        client.refuses = [refusal(CANCELLED, CancellationReasons=reasons)]
        with pytest.raises(Conflict):
            table.transact([Put(Row("p", "a")), Put(Row("p", "b"))])


class TestItems:
    def test_may_be_removed_by_dynamodb_only_after_their_end(self, table, client, clock):
        at = clock.now() + timedelta(microseconds=1)
        table.put(Row("p", "a", expires_at=at))
        item = client._client.get_item(TableName="things", Key={"pk": {"S": "p"}, "sk": {"S": "a"}})["Item"]
        assert item["expires_at"] == {"N": str(int(clock.now().timestamp()) + 1)}

    @pytest.mark.parametrize("sort", ["", "\0", "\0\0", "\0a", "a\0", "a"])
    def test_have_any_key(self, table, sort):
        row = table.put(Row(sort, sort))
        assert table.get(sort, sort) == row
        assert table.query(sort).rows == table.scan().rows == (row,)

    def test_keep_the_order_of_keys_that_dynamodb_would_refuse(self, table):
        sorts = ["", "\0", "\0\0", "\0a", "\1", "a"]
        for sort in reversed(sorts):
            table.put(Row("p", sort))
        assert [row.sort for row in table.query("p").rows] == sorts
        assert [row.sort for row in table.query("p", prefix="\0").rows] == ["\0", "\0\0", "\0a"]
        assert [row.sort for row in table.query("p", after="").rows] == sorts[1:]

    @pytest.mark.parametrize("value", [MAX_COUNT, -(2**200), MAX_COUNT - 1])
    @pytest.mark.parametrize("amount", [1, MAX_COUNT, -(10**50)])
    def test_count_beyond_what_dynamodb_can(self, table, value, amount):
        table.put(Row("p", "n", {"value": value, "more": "x"}))
        assert table.add("p", "n", amount) == value + amount
        assert table.get("p", "n").body == {"value": value + amount, "more": "x"}

    def test_that_never_counted_begin_with_nothing(self, table):
        table.put(Row("p", "n", {"more": "x"}))
        assert [table.add("p", "n", 2), table.add("p", "n")] == [2, 3]
        assert table.get("p", "n").body == {"value": 3, "more": "x"}
