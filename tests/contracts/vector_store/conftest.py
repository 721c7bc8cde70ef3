import pytest

from tests.contracts.vector_store.samples import ADAPTERS, SHAPE


@pytest.fixture(params=ADAPTERS)
def store(request, tmp_path):
    store = ADAPTERS[request.param](tmp_path)
    yield store
    for name in store.indexes():
        store.drop(name)


@pytest.fixture
def index(store):
    store.create("books", SHAPE)
    return "books"
