"""What of a text can be quoted: rows of its words without the signs around them, and its numbers."""

import pytest

from llmanager.gateway.pieces import MAX_CHARS, MAX_PIECES, pieces


def texts(said: str) -> set[str]:
    return {*pieces(said, 1).texts}


def test_a_row_of_words_comes_once_and_in_the_order_of_the_text():
    assert pieces("a b, a b", 1).texts == ["a", "a b", "a b, a", "a b, a b", "b", "b, a", "b, a b"]


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        ("Move 1,200 boxes by 2.5 m at -3 C, port 8080.", [1200, 2.5, -3, 8080]),
        ("Add 3,5,8", [3, 5, 8]),
        ("1,234,567.5 or 1,2345", [1234567.5, 1, 2345]),
        ("Print pages 3-5", [3, 5]),
        ("2026-11-28", [2026, 11, 28]),
        ("(-3) x=-4 −5 a-6", [-3, -4, -5, 6]),
        ("Version 1.2.3 of 10.0.0.1", []),
        ("7 and 7", [7]),
    ],
)
def test_a_comma_joins_thousands_and_a_dash_between_is_no_sign(said: str, numbers: list[float]):
    assert pieces(said, 1).numbers == numbers


def test_a_number_of_more_digits_than_a_double_holds_is_none():
    assert pieces("-999999999999999 1234567890.12345", 1).numbers == [-999999999999999, 1234567890.12345]
    assert pieces(f"1000000000000000 12345678901.12345 {'9' * 5000} {'9' * 400}.5", 1).numbers == []


def test_who_owns_a_thing_can_be_named_alone():
    assert {"Anna", "Anna's", "Anna's number"} <= texts("Anna's number")
    assert {"Ann Lee", "Ann Lee’s"} <= texts("Ask Ann Lee’s office")
    assert pieces("Ann's", 1).texts == ["Ann's", "Ann"]


def test_brackets_and_quotes_are_taken_off_where_they_open_or_close_alone_or_around_it_all():
    assert {"Report (final)", "open Report (final)", "final"} <= texts("open Report (final)")
    assert {"f(x)", "a", "[a](b)"} <= texts("f(x) [a](b) (a)")
    assert not {"Report (final", "(final)", "final)"} & texts("open Report (final)")
    assert {"Ann Lee", "Ann", "Lee", 'name "Ann Lee"'} <= texts('name "Ann Lee"')
    assert {"a) or (b", "(a) or (b)"} & texts("(a) or (b)") == {"(a) or (b)"}


@pytest.mark.parametrize("said", ["“Ann Lee”", "‘Ann Lee’", "«Ann Lee»", "»Ann Lee«", "„Ann Lee“", "**Ann Lee**"])
def test_quotes_of_all_languages_are_signs(said: str):
    assert texts(f"Ring {said}, now") >= {"Ann Lee", "Ann", "Lee"}
    assert pieces(said, 1).texts == ["Ann", "Ann Lee", "Lee"]


@pytest.mark.parametrize("path", ["*.py", "**/*.py", "*.*", "src/*", ".gitignore", "./a", ".."])
def test_the_stars_and_dots_of_a_path_are_no_signs(path: str):
    assert {path, f"find {path}"} <= texts(f"find {path} now")


@pytest.mark.parametrize("end", ["", " ", "\n", "\r\n", " \t\r\nMore", "\n\n"])
def test_a_dot_at_the_end_of_a_line_is_a_full_stop(end: str):
    assert texts(f"To Mr. Ito.{end}") >= {"Mr.", "Mr", "Mr. Ito"}
    assert not {"Ito.", "Mr. Ito."} & texts(f"To Mr. Ito.{end}")
    assert {"Ito.", "Ito"} <= texts("To Mr. Ito. Now.")


def test_a_row_has_at_most_14_words_and_fewer_where_places_are_many():
    said = " ".join(map(str, range(100, 140)))
    assert max(len(row.split()) for row in pieces(said, 1).texts) == 14
    many = pieces(said, 20)
    assert max(len(row.split()) for row in many.texts) == 7
    assert 20 * len(many.texts) <= MAX_PIECES
    assert pieces(said, 51).texts == []


def test_no_more_characters_come_than_a_grammar_is_to_have():
    said = " ".join(f"{number:0100}" for number in range(200))
    assert 0 < 2 * sum(map(len, pieces(said, 2).texts)) <= MAX_CHARS
    assert pieces(" ".join(f"{number:05000}" for number in range(420)), 1).texts == []


def test_no_more_numbers_come_than_a_grammar_is_to_have():
    said = ";".join(map(str, range(1000)))
    assert len(pieces(said, 6).numbers) == 1000
    assert pieces(said, 7).numbers == []


@pytest.mark.parametrize("sign", ["(", "*", ".", '"', ")"])
def test_a_text_of_signs_alone_is_soon_done_with(sign: str):
    assert len(pieces(sign * 90_000, 1).texts) <= 1
    assert pieces(sign * 5, 1).texts == []
