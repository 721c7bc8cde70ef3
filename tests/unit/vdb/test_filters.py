import pytest

from llmanager.vdb.filters import And, Compare, Exists, In, Not, Op, Or, comparable, fields_of, matches

BOOK = {"lang": "en", "year": 2020, "is_new": True, "none": None, "tags": ["a"], "nested": {"a": 1}}
IS_ENGLISH = Compare("lang", Op.EQ, "en")
IS_OLD = Compare("year", Op.LT, 2000)


@pytest.mark.parametrize(
    ("op", "value", "is_met"),
    [
        (Op.EQ, 2020, True),
        (Op.EQ, 2020.0, True),
        (Op.EQ, 2021, False),
        (Op.NE, 2021, True),
        (Op.NE, 2020, False),
        (Op.LT, 2021, True),
        (Op.LT, 2020, False),
        (Op.LE, 2020, True),
        (Op.GT, 2019.5, True),
        (Op.GT, 2020, False),
        (Op.GE, 2020, True),
    ],
)
def test_numbers_compare_whether_whole_or_not(op, value, is_met):
    assert matches(Compare("year", op, value), BOOK) is is_met


@pytest.mark.parametrize("op", list(Op))
@pytest.mark.parametrize("field", ["absent", "none", "tags", "nested", "lang"])
def test_a_field_that_is_absent_or_of_another_type_meets_no_condition_and_every_negated_one(op, field):
    assert not matches(Compare(field, op, 1), BOOK)
    assert matches(Not(Compare(field, op, 1)), BOOK)


def test_true_is_no_number():
    assert matches(Compare("is_new", Op.EQ, True), BOOK)
    assert not matches(Compare("is_new", Op.EQ, 1), BOOK)
    assert not matches(Compare("year", Op.EQ, True), {"year": 1})


def test_texts_compare_by_code_point():
    assert matches(Compare("name", Op.LT, "é"), {"name": "z"})
    assert matches(Compare("name", Op.GT, "\uffff"), {"name": "🦙"})


def test_in_is_met_by_any_of_its_values_and_not_in_by_an_item_without_the_field():
    assert matches(In("lang", ("de", "en")), BOOK)
    assert not matches(In("lang", ("de", "fr")), BOOK)
    assert matches(Not(In("absent", ("de",))), BOOK)


@pytest.mark.parametrize(
    ("field", "is_there"),
    [
        ("lang", True),
        ("year", True),
        ("is_new", True),
        ("none", False),
        ("tags", False),
        ("nested", False),
        ("x", False),
    ],
)
def test_only_scalars_are_there(field, is_there):
    assert matches(Exists(field), BOOK) is is_there


def test_conditions_join():
    assert matches(And((IS_ENGLISH, Not(IS_OLD))), BOOK)
    assert not matches(And((IS_ENGLISH, IS_OLD)), BOOK)
    assert matches(Or((IS_OLD, IS_ENGLISH)), BOOK)
    assert not matches(Or((IS_OLD,)), BOOK)
    assert matches(And(()), BOOK)
    assert not matches(Or(()), BOOK)


def test_fields_are_those_of_every_part():
    tree = And((IS_ENGLISH, Or((Not(IS_OLD), Exists("tag"))), In("author", ("x",))))
    assert fields_of(tree) == {"lang", "year", "tag", "author"}
    assert fields_of(And(())) == frozenset()


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (2**53 + 1, 2.0**53),
        (10**400, float("inf")),
        (-(10**400), float("-inf")),
        (float("nan"), None),
        (None, None),
        ([], None),
        ({}, None),
        ("", ""),
        (False, False),
    ],
)
def test_numbers_are_seen_as_64_bit_floats_and_what_is_no_scalar_not_at_all(value, seen):
    assert comparable(value) == seen
    assert type(comparable(value)) is type(seen)


def test_there_is_one_zero():
    assert str(comparable(-0.0)) == "0.0"
