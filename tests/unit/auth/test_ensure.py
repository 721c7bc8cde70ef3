"""The admin key: made once, kept in a vault, made anew when it is worth nothing."""

import pytest

from llmanager.auth.errors import AdminKeyInTheMaking, BadKey
from llmanager.auth.usecases.ensure import LEASE_S, ensure_admin_key
from llmanager.kernel.errors import Unavailable
from llmanager.kernel.ids import random_id
from llmanager.kernel.principal import SCOPES
from tests.fakes.vault import FakeVault
from tests.unit.auth.door import Door


class Entrance(Door):
    def __init__(self):
        super().__init__()
        self.vault = FakeVault()

    def ensure(self):
        return ensure_admin_key(self.table, self.vault, tenant="acme", now=self.clock.now(), new_id=random_id)


@pytest.fixture
def door():
    return Entrance()


def test_the_first_time_a_key_that_may_do_everything_is_made_and_kept(door):
    key = door.ensure()
    assert key.scopes == SCOPES
    assert door.enter(door.vault.secret) == key.principal


def test_asked_again_nothing_changes(door):
    key, secret = door.ensure(), door.vault.secret
    assert (door.ensure().id, door.vault.secret) == (key.id, secret)


@pytest.mark.parametrize("kept", ["", "a password that a stack generated", "lmk_" + "x" * 43])
def test_what_is_no_key_of_this_installation_is_replaced(door, kept):
    door.vault.secret = kept
    door.ensure()
    assert door.enter(door.vault.secret).scopes == SCOPES


def test_a_revoked_key_is_replaced_by_another(door):
    first = door.ensure()
    door.revoke(first.id)
    second = door.ensure()
    assert second.id != first.id
    assert door.enter(door.vault.secret).key_id == second.id


def test_a_key_that_may_not_do_everything_is_replaced(door):
    door.vault.secret = door.create(scopes=("model:query",)).secret
    assert door.ensure().scopes == SCOPES
    assert door.enter(door.vault.secret).scopes == SCOPES


def test_a_key_whose_secret_was_never_kept_works_no_more_once_another_is(door):
    def down():
        raise Unavailable("no answer")

    door.vault.before_write = down
    with pytest.raises(Unavailable):
        door.ensure()
    assert door.vault.secret is None
    door.ensure()
    lost = [row.body for row in door.table.query("apikey#acme").rows if row.body["revoked_at"]]
    assert len(lost) == 1
    assert len(door.table.query("apikey#acme").rows) == 2


def test_keys_that_others_made_are_left_alone(door):
    made = door.create()
    door.ensure()
    assert door.enter(made.secret) == made.key.principal


def test_of_two_at_once_one_makes_it_and_the_other_comes_again(door):
    refused = []

    def meanwhile():
        with pytest.raises(AdminKeyInTheMaking) as told:
            door.ensure()
        refused.append(told)

    door.vault.before_write = meanwhile
    key = door.ensure()
    assert len(refused) == 1
    assert door.ensure().id == key.id
    assert door.enter(door.vault.secret).key_id == key.id


def test_one_that_was_killed_at_it_holds_the_next_up_for_a_minute_at_most(door):
    class Killed(BaseException):
        pass

    def kill():
        door.table.down = Unavailable("gone")  # the lease cannot be given back either
        raise Killed

    door.vault.before_write = kill
    with pytest.raises((Killed, Unavailable)):
        door.ensure()
    door.table.down = None
    with pytest.raises(AdminKeyInTheMaking):
        door.ensure()
    door.clock.advance(LEASE_S)
    door.ensure()
    assert door.enter(door.vault.secret).scopes == SCOPES


def test_the_secret_of_a_replaced_key_opens_nothing(door):
    door.ensure()
    old = door.vault.secret
    door.vault.secret = None  # somebody emptied it
    door.ensure()
    with pytest.raises(BadKey):
        door.enter(old)
