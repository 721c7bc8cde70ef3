import pytest

from tests.contracts.vector_store.samples import ADAPTERS, SHAPE


@pytest.fixture(params=ADAPTERS)
def store(request, tmp_path):
    return ADAPTERS[request.param](tmp_path)


@pytest.fixture
def index(store):
    store.create("books", SHAPE)
    return "books"
