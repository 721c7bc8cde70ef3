"""A key from creation to its end."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmanager.auth.entities import MAX_GRACE_S, MAX_LIFE_S, checked_scopes, hash_of, random_secret
from llmanager.auth.errors import BadKey, KeyChanged, KeyNotFound, KeyNotLive, ScopeNotHeld
from llmanager.auth.rows import key_row, to_key
from llmanager.auth.usecases.list import list_keys
from llmanager.kernel.errors import InvalidInput
from llmanager.kernel.principal import SCOPES, Principal
from tests.unit.auth.door import Door


@pytest.fixture
def door():
    return Door()


def test_a_new_key_opens_the_door_for_its_tenant_and_scopes(door):
    made = door.create(scopes=["model:query", "chat"])
    assert door.enter(made.secret) == Principal("acme", made.key.id, frozenset({"model:query", "chat"}))


def test_a_secret_has_256_random_bits_and_is_kept_only_as_its_hash(door):
    made = door.create()
    assert re.fullmatch(r"lmk_[A-Za-z0-9_-]{43}", made.secret)
    assert made.secret != door.create().secret
    rows = json.dumps([[row.partition, row.sort, dict(row.body)] for row in door.table.scan().rows])
    assert hash_of(made.secret) in rows
    assert made.secret.removeprefix("lmk_") not in rows


def test_neither_secret_nor_hash_shows_in_a_repr(door):
    made = door.create()
    rotated = door.rotate(made.key.id, grace_s=60)
    for secret in (made.secret, rotated.secret, made.key.hash, rotated.key.hash):
        assert secret not in repr(made) + repr(rotated)


def test_a_key_survives_the_round_trip_through_its_row(door):
    made = door.create(expires_in_s=60)
    assert (
        to_key(key_row(door.rotate(made.key.id, grace_s=5).key))
        == list_keys(door.table, tenant="acme", limit=10).items[0]
    )


def test_an_expired_key_reads_like_an_unknown_one(door):
    made = door.create(expires_in_s=60)
    door.clock.advance(59)
    door.enter(made.secret)
    door.clock.advance(1)
    assert_like_unknown(door, made.secret)


def test_a_revoked_key_reads_like_an_unknown_one_and_stays_listed(door):
    made = door.create()
    first = door.revoke(made.key.id)
    door.clock.advance(5)
    assert door.revoke(made.key.id) == first  # again: nothing changes
    assert_like_unknown(door, made.secret)
    assert list_keys(door.table, tenant="acme", limit=10).items == (first,)


def test_a_hash_whose_key_row_is_gone_opens_nothing(door):
    made = door.create()
    door.table.delete("apikey#acme", made.key.id)
    assert_like_unknown(door, made.secret)


def assert_like_unknown(door, secret):
    with pytest.raises(BadKey) as unknown:
        door.enter(random_secret())
    with pytest.raises(BadKey) as met:
        door.enter(secret)
    assert str(met.value) == str(unknown.value)


def test_rotation_changes_the_secret_and_nothing_else(door):
    made = door.create(scopes=["model:query"], expires_in_s=600)
    rotated = door.rotate(made.key.id)
    assert door.enter(rotated.secret) == made.key.principal
    assert_like_unknown(door, made.secret)
    assert rotated.key.expires_at == made.key.expires_at


def test_a_grace_lets_the_old_secret_live_that_long(door):
    made = door.create()
    rotated = door.rotate(made.key.id, grace_s=60)
    door.clock.advance(59)
    assert door.enter(made.secret) == door.enter(rotated.secret)
    door.clock.advance(1)
    assert_like_unknown(door, made.secret)
    door.enter(rotated.secret)


def test_a_second_rotation_ends_the_grace_of_the_first(door):
    made = door.create()
    second = door.rotate(made.key.id, grace_s=600)
    third = door.rotate(made.key.id, grace_s=600)
    assert_like_unknown(door, made.secret)
    assert door.enter(second.secret) == door.enter(third.secret)


def test_revocation_ends_the_grace_too(door):
    made = door.create()
    rotated = door.rotate(made.key.id, grace_s=600)
    door.revoke(made.key.id)
    assert_like_unknown(door, made.secret)
    assert_like_unknown(door, rotated.secret)


def test_revocation_wins_against_a_rotation_in_between(door):
    made = door.create()
    rotated = []
    door.table.before_write = lambda _: rotated.append(door.rotate(made.key.id))
    door.revoke(made.key.id)
    assert_like_unknown(door, rotated[0].secret)
    assert list_keys(door.table, tenant="acme", limit=10).items[0].hash == rotated[0].key.hash


def test_rotations_leave_no_row_of_a_dead_secret_behind(door):
    made = door.create()
    door.rotate(made.key.id, grace_s=60)
    door.rotate(made.key.id)
    last = door.rotate(made.key.id, grace_s=60)
    assert len(door.table.scan().rows) == 3  # the key, its secret, and the one that retires
    door.clock.advance(60)
    left = [(row.partition, row.sort) for row in door.table.scan().rows]
    assert sorted(left) == [("apikey#acme", made.key.id), ("apikey-hash", last.key.hash)]


def test_of_two_rotations_at_once_one_is_told_to_look_again(door):
    made = door.create()
    winner = []
    door.table.before_write = lambda _: winner.append(door.rotate(made.key.id))
    with pytest.raises(KeyChanged):
        door.rotate(made.key.id)
    door.enter(winner[0].secret)


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_a_dead_key_cannot_be_rotated_back_to_life(door, end):
    made = door.create(expires_in_s=60)
    door.revoke(made.key.id) if end == "revoked" else door.clock.advance(60)
    with pytest.raises(KeyNotLive):
        door.rotate(made.key.id)


def test_another_tenants_key_reads_as_absent(door):
    made = door.create()
    rival = Principal("rival", "k", SCOPES)
    errors = []
    for act in (
        lambda: door.revoke(made.key.id, tenant="rival"),
        lambda: door.rotate(made.key.id, caller=rival),
        lambda: door.revoke("no-such-key"),
    ):
        with pytest.raises(KeyNotFound) as error:
            act()
        errors.append(str(error.value))
    assert len(set(errors)) == 1
    assert list_keys(door.table, tenant="rival", limit=10).items == ()
    door.enter(made.secret)


def test_nobody_takes_over_a_stronger_key_by_rotating_it(door):
    strong = door.create(scopes=["admin", "model:write"])
    weak = door.create(scopes=["admin"])
    with pytest.raises(ScopeNotHeld, match="lacks model:write"):
        door.rotate(strong.key.id, caller=weak.key.principal)
    door.enter(strong.secret)


@given(
    held=st.frozensets(st.sampled_from(sorted(SCOPES)), min_size=1),
    wanted=st.frozensets(st.sampled_from(sorted(SCOPES)), min_size=1),
)
def test_a_child_never_has_a_scope_that_its_parent_lacks(held, wanted):
    door = Door()
    try:
        child = door.create(scopes=wanted, caller=Principal("acme", "parent", held))
    except ScopeNotHeld:
        assert not wanted <= held
        assert door.table.scan().rows == ()
    else:
        assert door.enter(child.secret).scopes == wanted <= held


def test_a_star_stands_for_every_scope_of_its_kind_and_no_more():
    assert checked_scopes(["vdb:*", "chat"]) == {"vdb:read", "vdb:write", "vdb:query", "chat"}


@pytest.mark.parametrize("scopes", [[], ["*"], ["nosuch"], ["chat", "nosuch:*"], ["admin:*"], ["vdb:"], [""]])
def test_unknown_or_no_scopes_are_refused_by_name(scopes):
    with pytest.raises(InvalidInput) as error:
        checked_scopes(scopes)
    assert error.value.param == "scopes"


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"name": "a b"}, "name"),
        ({"name": "../x"}, "name"),
        ({"expires_in_s": 0}, "expires_in_s"),
        ({"expires_in_s": MAX_LIFE_S + 1}, "expires_in_s"),
        ({"caller": Principal("a#b", "cli", SCOPES)}, "tenant"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_written(door, wrong, param):
    with pytest.raises(InvalidInput) as error:
        door.create(**wrong)
    assert error.value.param == param
    assert door.table.scan().rows == ()


@pytest.mark.parametrize("grace_s", [-1, MAX_GRACE_S + 1])
def test_a_grace_is_bounded(door, grace_s):
    made = door.create()
    with pytest.raises(InvalidInput, match="grace_s"):
        door.rotate(made.key.id, grace_s=grace_s)


def test_keys_are_listed_newest_first_in_pages(door):
    for name in ("first", "second", "third"):
        door.create(name=name)
        door.clock.advance(1)
    page = list_keys(door.table, tenant="acme", limit=2)
    assert [key.name for key in page.items] == ["third", "second"]
    rest = list_keys(door.table, tenant="acme", limit=2, cursor=page.cursor)
    assert [key.name for key in rest.items] == ["first"]
    assert rest.cursor is None
