import pytest

from llmanager.kernel.errors import InvalidInput, Unavailable, UpstreamFailed
from llmanager.vdb.entities import Vectors
from llmanager.vdb.usecases.embed import EMBED_TEXTS
from llmanager.vdb.usecases.embed_ahead import EMBED_CHARACTERS, EmbedAhead
from tests.fakes.documents import vector_of

DIM = 4


def embed(texts):
    if any("LONG" in text for text in texts):
        raise InvalidInput("Too long.")
    return Vectors(DIM, b"".join(map(vector_of, texts)))


def test_every_text_gets_its_vector_in_batches_of_bounded_count_and_size():
    sizes = []

    def counting(texts):
        sizes.append((len(texts), sum(map(len, texts))))
        return embed(texts)

    texts = [f"text {n}" for n in range(130)] + ["x" * (EMBED_CHARACTERS // 2 + 1)] * 3
    with EmbedAhead(counting) as ahead:
        assert ahead.begin(texts)() == list(map(vector_of, texts))
        assert ahead.begin([])() == []
    assert max(count for count, _ in sizes) == EMBED_TEXTS
    assert max(characters for _, characters in sizes) <= EMBED_CHARACTERS


def test_refused_texts_are_told_and_their_neighbours_embedded():
    texts = [f"{'LONG' if n in (3, 40) else 'text'} {n}" for n in range(64)]
    with EmbedAhead(embed) as ahead:
        vectors = ahead.begin(texts)()
    assert [n for n, vector in enumerate(vectors) if isinstance(vector, InvalidInput)] == [3, 40]
    assert vectors[4] == vector_of("text 4")


def test_two_calls_are_under_way_at_once_and_the_rest_is_dropped_on_leaving():
    calls = []

    def failing(texts):
        calls.append(texts)
        raise Unavailable("It sleeps.")

    with EmbedAhead(failing) as ahead, pytest.raises(Unavailable):
        ahead.begin(["x"] * 64 * 100)()
    assert 1 <= len(calls) <= 100


def test_vectors_of_another_number_are_no_answer():
    with EmbedAhead(lambda texts: embed(texts[1:])) as ahead, pytest.raises(UpstreamFailed):
        ahead.begin(["a", "b"])()
