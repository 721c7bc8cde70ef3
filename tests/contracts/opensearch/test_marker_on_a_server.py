"""What goes wrong in the middle of a write, on a real OpenSearch: nothing of it is seen, and what is left goes away."""

from datetime import timedelta

import pytest
from botocore.exceptions import ReadTimeoutError

from llmanager.adapters.aws.opensearch_http import OpenSearch, http_session, unsigned
from llmanager.adapters.aws.opensearch_kind import Kind
from llmanager.adapters.aws.opensearch_marker import FOLD_AFTER_S, FOLD_AT, MAX_WRITE_S
from llmanager.adapters.aws.opensearch_shape import index_name
from llmanager.adapters.aws.opensearch_store import OpenSearchVectorStore
from llmanager.kernel.clock import SystemClock
from llmanager.kernel.errors import Unavailable
from llmanager.vdb.entities import Item
from llmanager.vdb.errors import IndexMissing, WriteUnsettled
from tests.contracts.vector_store.samples import SHAPE, A, B, delete, ids, row, upsert
from tests.fakes.clock import FakeClock
from tests.opensearch import PATIENCE, fresh_prefix, url


class Server:
    """A store on a real OpenSearch, and what a test does to its requests. `clock` is the writers' clock."""

    def __init__(self):
        self.session, self.prefix, self.clock = http_session(PATIENCE), fresh_prefix(), FakeClock(SystemClock().now())
        self.lost, self.refused, self.bulks = set(), set(), 0
        self.http = OpenSearch(url(), self, unsigned, self.clock, patience=PATIENCE, pause=self.clock.advance)
        self.store = OpenSearchVectorStore(self.http, Kind.OPEN, self.prefix, self.clock)

    def send(self, request):
        if "_bulk" not in request.url:
            return self.session.send(request)
        self.bulks += 1
        if self.bulks in self.refused:
            raise ReadTimeoutError(endpoint_url=request.url)
        answer = self.session.send(request)
        if self.bulks in self.lost:
            raise ReadTimeoutError(endpoint_url=request.url)
        return answer

    def from_now(self, lost=(), refused=()):
        """Numbers of bulk requests from here on, the first being 1."""
        self.bulks, self.lost, self.refused = 0, set(lost), set(refused)

    def documents(self, name="books"):
        self.http.ask("POST", f"{index_name(self.prefix, name)}/_refresh", what="refresh")
        body = {"size": 1000, "query": {"match_all": {}}}
        found = self.http.ask("POST", f"{index_name(self.prefix, name)}/_search", body, what="look").body
        return [hit["_source"] for hit in found["hits"]["hits"]]


@pytest.fixture
def server():
    server = Server()
    server.store.create("books", SHAPE)
    yield server
    server.from_now()
    server.store.drop("books")


ALL = range(1, 1000)


def test_a_write_whose_marker_never_gets_there_is_not_seen_and_said_to_be_unsettled(server):
    server.store.apply("books", upsert(A))
    server.from_now(refused=ALL[1:])
    with pytest.raises(WriteUnsettled):
        server.store.apply("books", upsert(B, deleted_ids=("a",)))
    server.from_now()
    assert ids(server.store.list("books")) == ["a"]
    assert ids(server.store.search("books", row(1, 0, 0), k=9)) == ["a"]
    server.store.apply("books", upsert(B, deleted_ids=("a",)))
    assert ids(server.store.list("books")) == ["b"]


def test_a_write_whose_items_never_get_there_is_not_there_at_all(server):
    server.store.apply("books", upsert(A))
    server.from_now(refused=ALL)
    with pytest.raises(Unavailable) as raised:
        server.store.apply("books", upsert(B))
    assert not isinstance(raised.value, WriteUnsettled)
    server.from_now()
    assert ids(server.store.list("books")) == ["a"]


@pytest.mark.parametrize("lost", [{1}, {2}, {1, 2, 3}])
def test_an_answer_that_gets_lost_is_asked_for_again(server, lost):
    server.from_now(lost=lost)
    server.store.apply("books", upsert(A, B))
    server.from_now()
    server.store.apply("books", upsert(Item("a", "new"), deleted_ids=("b",)))
    assert [(item.id, item.text) for item in server.store.list("books")] == [("a", "new")]


def test_a_write_whose_answers_all_get_lost_may_be_seen_whole(server):
    server.from_now(lost=ALL[1:])
    with pytest.raises(WriteUnsettled):
        server.store.apply("books", upsert(A, B))
    server.from_now()
    assert ids(server.store.list("books")) == ["a", "b"]


def test_a_writer_that_was_frozen_does_not_go_on(server):
    send = server.send

    def freeze(request):
        if "_bulk" in request.url:
            server.clock.advance(MAX_WRITE_S + 1)
        return send(request)

    server.http._session.send = freeze
    with pytest.raises(Unavailable, match="too long"):
        server.store.apply("books", upsert(A))
    server.http._session.send = send
    assert server.store.list("books") == ()


def test_what_failed_writes_left_goes_away_with_tending_and_the_marker_gets_short(server):
    server.store.apply("books", upsert(A))
    server.from_now(refused=ALL[1:])
    with pytest.raises(WriteUnsettled):
        server.store.apply("books", upsert(Item("left behind")))
    server.from_now()
    for n in range(FOLD_AT):
        server.clock.advance(1)
        server.store.apply("books", upsert(Item("b", f"version {n}")))
    server.store.tend("books")
    assert any(source.get("id") == "left behind" for source in server.documents())
    server.clock.set(server.clock.now() + timedelta(seconds=FOLD_AFTER_S + 1))
    server.store.tend("books")
    documents = server.documents()
    assert sorted(source["id"] for source in documents if "id" in source) == ["a", "b"]
    (newest,) = [source for source in documents if source.get("n") == max(one.get("n", 0) for one in documents)]
    assert newest["seqs"] == []
    assert ids(server.store.list("books")) == ["a", "b"]
    server.store.apply("books", delete("a"))
    assert ids(server.store.list("books")) == ["b"]


def test_an_index_that_opensearch_made_by_itself_is_made_anew(server):
    name = index_name(server.prefix, "stray")
    server.http.ask("POST", f"{name}/_bulk", b'{"index": {}}\n{"any": "thing"}\n', what="write too late")
    with pytest.raises(IndexMissing):
        server.store.list("stray")
    assert server.store.indexes() == ("books",)
    server.store.create("stray", SHAPE)
    server.store.apply("stray", upsert(A))
    assert server.store.indexes() == ("books", "stray")
    assert [source.get("any") for source in server.documents("stray")] == [None] * 3
    server.store.drop("stray")


def test_an_index_whose_making_broke_off_is_missing_until_it_is_made(server):
    server.from_now(refused=ALL)
    with pytest.raises(Unavailable):
        server.store.create("films", SHAPE)
    server.from_now()
    with pytest.raises(IndexMissing):
        server.store.fields("films")
    assert "films" in server.store.indexes()
    server.store.create("films", SHAPE)
    assert server.store.list("films") == ()
    server.store.drop("films")


def test_stages_share_an_opensearch_and_not_their_indexes(server):
    other = Server()
    assert other.store.indexes() == ()
    other.store.create("books", SHAPE)
    other.store.apply("books", upsert(A))
    assert server.store.list("books") == ()
    other.store.drop("books")
    assert server.store.indexes() == ("books",)
