import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmanager.gateway import sse
from llmanager.kernel.errors import UpstreamFailed

lines = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1)
events = st.lists(st.tuples(st.lists(lines, min_size=1, max_size=3), st.sampled_from(["\n", "\r\n"])), max_size=8)


def split(chunks: list[bytes]) -> list[bytes]:
    splitter = sse.Splitter(10_000)
    return [event for chunk in chunks for event in splitter.feed(chunk)]


@given(events, st.data())
def test_any_cutting_of_a_stream_gives_the_same_events_byte_for_byte(parts, data):
    wanted = [(end.join(texts) + end + end).encode() for texts, end in parts]
    stream = b"".join(wanted)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert split(chunks) == split([stream]) == wanted


def test_what_is_not_whole_is_kept_back():
    splitter = sse.Splitter(100)
    assert list(splitter.feed(b"data: a\n")) == []
    assert list(splitter.feed(b"\ndata: b\n\nda")) == [b"data: a\n\n", b"data: b\n\n"]


@pytest.mark.parametrize("chunk", [b"x" * 101, b"x" * 100 + b"\n\n", b"a\nb" * 40])
def test_an_event_beyond_the_limit_is_refused_after_those_before_it(chunk: bytes):
    for pieces in ([b"data: a\n\n" + chunk], [b"data: a\n\n", chunk]):
        splitter = sse.Splitter(100)
        found = []
        with pytest.raises(UpstreamFailed):
            found.extend(event for piece in pieces for event in splitter.feed(piece))
        assert found == [b"data: a\n\n"]


def test_data_lines_are_joined_and_comments_have_none():
    assert sse.data_of(b"event: x\r\ndata: a\r\ndata:b\r\n\r\n") == b"a\nb"
    assert sse.data_of(b"data:  a\n\n") == b" a"
    assert sse.data_of(b": ping\n\n") is None
    assert sse.data_of(b"\n\n") is None


def test_a_comment_is_one_event_whatever_its_text():
    assert sse.comment("waking m:\n\ndata: 34 %\r\n") == b": waking m: data: 34 %\n\n"
