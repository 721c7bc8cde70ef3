"""What opens the door and what does not: nothing but a live secret, and nothing but BadKey for the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmanager.auth.entities import ApiKey
from llmanager.auth.errors import BadKey
from llmanager.kernel.errors import Unavailable
from tests.fakes.clock import NOON
from tests.unit.auth.door import Door


@pytest.fixture
def door():
    return Door()


def test_a_table_that_is_down_is_not_a_bad_key(door):
    made = door.create()
    door.table.down = Unavailable("The table is down.")
    with pytest.raises(Unavailable):
        door.enter(made.secret)


HOSTILE = [
    *["", " ", "\x00", "\ud800", "' OR '1'='1", "'; DROP TABLE rows; --", "%27%20OR%201=1", "a" * 1_000_000],
    *["lmk_", "lmk_" + "a" * 42, "lmk_" + "a" * 44, "lmk_" + "a" * 42 + "'", "lmk_" + "a" * 43 + "\n"],
    *["LMK_" + "a" * 43, "lmk_" + "é" * 43, "lmk_" + "۱" * 43],
]


@pytest.mark.parametrize("secret", HOSTILE, ids=range(len(HOSTILE)))
def test_what_cannot_be_a_key_is_refused_without_a_lookup(door, secret):
    door.table.down = Unavailable("Nobody may ask the table.")
    with pytest.raises(BadKey):
        door.enter(secret)


@given(st.one_of(st.text(), st.from_regex(r"lmk_[A-Za-z0-9_-]{43}", fullmatch=True), st.sampled_from(HOSTILE)))
def test_no_text_but_the_secret_ever_opens_the_door(secret):
    door = Door()
    door.create()
    with pytest.raises(BadKey):
        door.enter(secret)


@given(position=st.integers(0, 46), letter=st.characters(codec="ascii"))
def test_a_secret_with_any_one_character_changed_is_unknown(position, letter):
    door = Door()
    secret = door.create().secret
    changed = secret[:position] + letter + secret[position + 1 :]
    if changed != secret:
        with pytest.raises(BadKey):
            door.enter(changed)


def test_admission_is_decided_by_the_hash_in_the_row_not_by_the_pointer_that_led_to_it():
    key = ApiKey("id", "acme", "ci", frozenset({"chat"}), "a" * 64, NOON, "cli")
    assert key.admits("a" * 64, NOON)
    assert not key.admits("b" * 64, NOON)
    assert not key.admits("", NOON)
