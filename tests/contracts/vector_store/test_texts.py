"""Texts are found by their words."""

import pytest

from llmanager.kernel.errors import NotSupported
from llmanager.vdb.entities import Item, Shape
from tests.contracts.vector_store.samples import floats, ids, row, upsert

LLAMAS = Item("llamas", "Llamas are domesticated South American camelids.")
CAMELS = Item("camels", "Camels, and camels only, have humps: camels!")
GOATS = Item("goats", "Goats are not camelids, they said (in 1999).")


@pytest.fixture
def animals(store, index):
    store.apply(index, upsert(LLAMAS, CAMELS, GOATS, Item("nothing"), vectors=[row(n, 1, 0) for n in range(4)]))
    return index


def test_a_text_is_found_by_any_of_its_words_whatever_their_case(store, animals):
    assert set(ids(store.search_text(animals, "CAMELIDS", k=9))) == {"llamas", "goats"}
    assert set(ids(store.search_text(animals, "humps 1999", k=9))) == {"camels", "goats"}
    assert store.search_text(animals, "camel", k=9) == ()
    assert store.search_text(animals, "penguins", k=9) == ()
    assert len(store.search_text(animals, "camelids", k=1)) == 1


def test_more_of_the_words_and_rarer_ones_score_higher(store, animals):
    hits = store.search_text(animals, "domesticated camelids are", k=9)
    assert ids(hits) == ["llamas", "goats"]
    assert hits[0].score > hits[1].score > 0


@pytest.mark.parametrize(
    "query",
    [
        "",
        " ",
        "*",
        "?",
        '"',
        "'",
        '"unclosed',
        "(",
        "text:",
        "~",
        "^2",
        "+",
        "&&",
        "||",
        "\\",
        "\x00",
        "🦙",
        "[a TO b]",
    ],
)
def test_nothing_in_a_query_is_syntax(store, animals, query):
    assert store.search_text(animals, query, k=9) == ()
    assert ids(store.search_text(animals, f"{query} humps {query}", k=9)) == ["camels"]
    assert ids(store.search_text(animals, f"{query} NOT humps", k=9)) == ids(
        store.search_text(animals, "not humps", k=9)
    )


def test_words_of_a_long_query_are_all_looked_for(store, animals):
    assert ids(store.search_text(animals, "x " * 2000 + "humps", k=9)) == ["camels"]


def test_a_text_search_brings_vectors_where_asked_for(store, animals):
    (hit,) = store.search_text(animals, "humps", k=1, with_vectors=True)
    assert (hit.item, floats(hit.vector)) == (CAMELS, (1, 1, 0))
    assert store.search_text(animals, "humps", k=1)[0].vector is None


def test_an_index_made_without_texts_keeps_them_and_does_not_search_them(store):
    store.create("mute", Shape(3, has_text=False))
    store.apply("mute", upsert(LLAMAS))
    with pytest.raises(NotSupported):
        store.search_text("mute", "llamas", k=1)
    assert store.get("mute", ["llamas"])[0].item == LLAMAS
