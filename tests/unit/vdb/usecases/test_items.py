import pytest

from llmanager.kernel.errors import InvalidInput
from llmanager.vdb.conditions import parse
from llmanager.vdb.entities import MAX_ITEMS_AT_ONCE
from llmanager.vdb.errors import CollectionNotFound, UnknownField, WriteTooLarge
from llmanager.vdb.usecases import delete_items as module
from llmanager.vdb.usecases.delete_items import delete_items, delete_matching
from llmanager.vdb.usecases.hibernate import hibernate
from llmanager.vdb.usecases.read import MAX_PAGE_CHARACTERS, get_items, list_items
from tests.unit.vdb.usecases.world import DOCS


@pytest.fixture
def docs(world):
    world.create(dim=2)
    world.write("a", "b", "c", kind="early")
    world.write("d", "é", kind="late")
    return world


def test_items_come_by_id_in_the_order_asked_for(docs):
    found = get_items(docs.vdbs, DOCS, ["d", "nobody", "a"])
    assert [one.item.id for one in found] == ["d", "a"]
    assert (found[0].item.text, found[0].item.metadata) == ("text of d", {"kind": "late"})


def test_items_come_page_by_page_without_gap_or_double(docs):
    seen, cursor = [], None
    while True:
        page = list_items(docs.vdbs, DOCS, limit=2, cursor=cursor)
        seen += [item.id for item in page.items]
        if (cursor := page.cursor) is None:
            break
    assert seen == ["a", "b", "c", "d", "é"]


def test_a_page_of_long_texts_is_short(world):
    world.create(dim=2)
    world.write(*"abcde" * 1, text="x" * (MAX_PAGE_CHARACTERS // 20) + "{}")
    world.write(*[f"id-{n:02}" for n in range(30)], text="x" * (MAX_PAGE_CHARACTERS // 20) + "{}")
    page = list_items(world.vdbs, DOCS, limit=200)
    assert len(page.items) == 19
    assert page.cursor is not None


def test_a_cursor_that_is_none_is_refused(docs):
    with pytest.raises(InvalidInput):
        list_items(docs.vdbs, DOCS, limit=2, cursor="!")


def test_an_empty_collection_has_no_items(world):
    world.create()
    assert get_items(world.vdbs, DOCS, ["a"]) == ()
    assert delete_items(world.vdbs, DOCS, ["a"]) == 0
    assert delete_matching(world.vdbs, DOCS, parse({"kind": "late"})) == 0


@pytest.mark.parametrize("id_", ["", "x" * 513, "\ud800"])
def test_an_id_that_is_none_is_refused(docs, id_):
    with pytest.raises(InvalidInput):
        get_items(docs.vdbs, DOCS, [id_])


def test_too_many_ids_are_refused(docs):
    with pytest.raises(WriteTooLarge):
        get_items(docs.vdbs, DOCS, ["a"] * (MAX_ITEMS_AT_ONCE + 1))


def test_deleted_items_are_gone_after_a_restore_too(docs):
    assert delete_items(docs.vdbs, DOCS, ["a", "d", "a", "nobody"]) == 2
    assert docs.held() == ["b", "c", "é"]
    hibernate(docs.vdbs, DOCS)
    assert docs.held() == ["b", "c", "é"]


def test_a_delete_of_what_is_not_there_writes_nothing(docs):
    before = docs.segments()
    assert delete_items(docs.vdbs, DOCS, ["nobody"]) == 0
    assert docs.segments() == before


def test_what_matches_is_deleted(docs):
    assert delete_matching(docs.vdbs, DOCS, parse({"kind": "early"})) == 3
    assert docs.held() == ["d", "é"]


def test_many_that_match_are_deleted_in_several_writes(docs, monkeypatch):
    monkeypatch.setattr(module, "MAX_ITEMS_AT_ONCE", 2)
    monkeypatch.setattr(module, "READ_AT_ONCE", 2)
    assert delete_matching(docs.vdbs, DOCS, parse({"kind": {"$exists": True}})) == 5
    assert docs.held() == []
    assert docs.segments() == 2 + 3


def test_a_field_that_no_item_has_deletes_nothing(docs):
    with pytest.raises(UnknownField):
        delete_matching(docs.vdbs, DOCS, parse({"$not": {"color": "red"}}))
    assert len(docs.held()) == 5


@pytest.mark.parametrize(
    "call",
    [
        lambda vdbs: get_items(vdbs, ("rival", "docs"), ["a"]),
        lambda vdbs: list_items(vdbs, ("rival", "docs"), limit=1),
        lambda vdbs: delete_items(vdbs, ("rival", "docs"), ["a"]),
        lambda vdbs: delete_matching(vdbs, ("rival", "docs"), parse({"kind": "late"})),
    ],
)
def test_anothers_items_are_not_found(docs, call):
    with pytest.raises(CollectionNotFound):
        call(docs.vdbs)
