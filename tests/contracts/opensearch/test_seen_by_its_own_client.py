"""What the adapter wrote, as OpenSearch's own client sees it: an observer that shares no line with the adapter."""

from collections.abc import Iterator

import pytest
from opensearchpy import OpenSearch as Client

from llmanager.adapters.aws.opensearch_http import OpenSearch, http_session, unsigned
from llmanager.adapters.aws.opensearch_kind import Kind
from llmanager.adapters.aws.opensearch_shape import index_name
from llmanager.adapters.aws.opensearch_store import OpenSearchVectorStore
from llmanager.kernel.clock import SystemClock
from llmanager.vdb.entities import Item
from tests.contracts.vector_store.samples import SHAPE, upsert
from tests.opensearch import PATIENCE, fresh_prefix, url


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(url()) as client:
        yield client


def test_an_index_is_there_as_long_as_its_collection_and_holds_texts_and_vectors_to_search(client):
    clock, prefix = SystemClock(), fresh_prefix()
    http = OpenSearch(url(), http_session(PATIENCE), unsigned, clock, patience=PATIENCE)
    store, name = OpenSearchVectorStore(http, Kind.OPEN, prefix, clock), index_name(prefix, "books")
    assert not client.indices.exists(index=name)
    store.create("books", SHAPE)
    store.apply("books", upsert(Item("1", "a red fox"), Item("2", "a grey wolf")))
    client.indices.refresh(index=name)
    mapped = client.indices.get_mapping(index=name)[name]["mappings"]["properties"]["vector"]
    assert (mapped["type"], mapped["dimension"]) == ("knn_vector", SHAPE.dim)
    found = client.search(index=name, body={"query": {"match": {"text": "wolf"}}})["hits"]["hits"]
    assert [hit["_source"]["text"] for hit in found] == ["a grey wolf"]
    store.drop("books")
    assert not client.indices.exists(index=name)
