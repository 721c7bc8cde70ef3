import threading

import pytest

from llmanager.kernel.errors import InvalidInput, Unavailable, UpstreamFailed
from llmanager.vdb.entities import Vectors
from llmanager.vdb.usecases.embed import EMBED_TEXTS
from llmanager.vdb.usecases.embed_ahead import CALL_S, EMBED_CHARACTERS, FIRST_TEXTS, EmbedAhead, next_size
from tests.fakes.clock import FakeClock
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
    with EmbedAhead(counting, FakeClock()) as ahead:
        for _ in range(2):  # the first time it is not known yet how quick the embedder is
            assert ahead.begin(texts)() == list(map(vector_of, texts))
        assert ahead.begin([])() == []
    assert sizes[0][0] == FIRST_TEXTS
    assert max(count for count, _ in sizes) == EMBED_TEXTS
    assert max(characters for _, characters in sizes) <= EMBED_CHARACTERS


def test_refused_texts_are_told_and_their_neighbours_embedded():
    texts = [f"{'LONG' if n in (3, 40) else 'text'} {n}" for n in range(64)]
    with EmbedAhead(embed, FakeClock()) as ahead:
        vectors = ahead.begin(texts)()
    assert [n for n, vector in enumerate(vectors) if isinstance(vector, InvalidInput)] == [3, 40]
    assert vectors[4] == vector_of("text 4")


def test_two_calls_are_under_way_at_once_and_the_rest_is_dropped_on_leaving():
    calls, is_over = [], threading.Event()

    def failing_first(texts):
        calls.append(texts)
        if len(calls) == 1:
            raise Unavailable("It sleeps.")
        is_over.wait(0.2)  # longer than it takes to leave: what has not begun by then is dropped
        return embed(texts)

    with EmbedAhead(failing_first, FakeClock()) as ahead, pytest.raises(Unavailable):
        ahead.begin(["x"] * 6400)()
    assert 1 <= len(calls) <= 5


def test_vectors_of_another_number_are_no_answer():
    with EmbedAhead(lambda texts: embed(texts[1:]), FakeClock()) as ahead, pytest.raises(UpstreamFailed):
        ahead.begin(["a", "b"])()


def test_a_call_holds_as_many_texts_as_take_about_half_a_second():
    """A question to the same embedder waits behind no more than the calls under way."""
    for text_s in (0.001, 0.02, 0.1, 3.0):
        size = FIRST_TEXTS
        for _ in range(20):
            size = next_size(size, size * text_s)
        assert size == 1 or size * text_s <= 2 * CALL_S
        assert size == EMBED_TEXTS or 2 * size * text_s >= CALL_S / 2
