"""The marker: what counts, in which order writes are numbered, and when it may be shortened."""

import json
from datetime import timedelta

from llmanager.adapters.aws.opensearch_marker import (
    FOLD_AFTER_S,
    FOLD_AT,
    Marker,
    document,
    living,
    marker_of,
    new_seq,
    residue,
)
from llmanager.vdb.entities import Shape
from llmanager.vdb.ports import FieldType
from tests.fakes.clock import NOON

FIRST = Marker(0, "generation", Shape(3))
FIELDS = frozenset({("year", FieldType.NUMBER)})


def hit(marker):
    return {"_source": {"n": marker.n, "generation": marker.generation}}


def test_a_write_counts_from_the_next_marker_on_and_what_it_replaced_no_longer():
    made = FIRST.after(7, ["old-1"], FIELDS, has_undirected=False)
    assert (made.n, made.seqs, made.dead, made.fields) == (1, (7,), ("old-1",), FIELDS)
    query = json.dumps(living(made))
    assert "[7]" in query
    assert "old-1" in query


def test_fields_and_vectors_without_a_direction_are_never_forgotten():
    made = FIRST.after(7, [], FIELDS, has_undirected=True).after(8, [], frozenset(), has_undirected=False)
    assert made.fields == FIELDS
    assert made.has_undirected


def test_an_answer_is_of_the_marker_only_if_it_is_the_newest_of_its_index():
    later = FIRST.after(7, [], FIELDS, has_undirected=False)
    assert FIRST.is_at_top_of([hit(FIRST), {"_source": {"id": "a"}}])
    assert not FIRST.is_at_top_of([hit(later), hit(FIRST)])
    assert not FIRST.is_at_top_of([hit(Marker(0, "another", Shape(3)))])
    assert not FIRST.is_at_top_of([{"_source": {"id": "a"}}])
    assert not FIRST.is_at_top_of([])


def test_numbers_of_writes_grow_with_time_and_are_an_attempts_own():
    seqs = [new_seq(NOON + timedelta(milliseconds=n)) for n in range(100)]
    assert seqs == sorted(set(seqs))
    assert seqs[-1] < 2**63
    assert len({new_seq(NOON) for _ in range(100)}) > 90


def test_only_writes_that_are_long_over_are_folded_and_only_many_at_once():
    old, new = NOON - timedelta(seconds=FOLD_AFTER_S + 1), NOON
    few = Marker(1, "g", Shape(3), seqs=tuple(new_seq(old) for _ in range(FOLD_AT - 1)))
    assert few.foldable(NOON) is None
    seqs = tuple(new_seq(old) for _ in range(FOLD_AT))
    last = new_seq(new)
    many = Marker(1, "g", Shape(3), seqs=(*seqs, last))
    assert many.foldable(NOON) == max(seqs)
    tidied = many.tidied(["dead"], max(seqs))
    assert (tidied.n, tidied.base, tidied.seqs, tidied.dead) == (2, max(seqs), (last,), ("dead",))


def test_what_is_left_of_failed_writes_is_what_neither_counts_nor_is_new():
    query = json.dumps(residue(Marker(1, "g", Shape(3), base=5, seqs=(7, 9)), 9))
    assert '"gt": 5' in query
    assert '"lte": 9' in query
    assert "[7, 9]" in query


def test_a_marker_comes_back_as_it_was_written():
    marker = Marker(3, "g", Shape(3, has_text=False), 5, (7, 9), ("x",), FIELDS, has_undirected=True)
    assert marker_of(json.loads(json.dumps(document(marker)))) == marker
