from llmanager.auth.usecases.authenticate import authenticate
from llmanager.auth.usecases.create import create_key
from llmanager.auth.usecases.revoke import revoke_key
from llmanager.auth.usecases.rotate import rotate_key
from llmanager.kernel.ids import random_id
from llmanager.kernel.principal import SCOPES, Principal
from tests.fakes.clock import FakeClock
from tests.fakes.table import FakeTable

ROOT = Principal("acme", "cli", SCOPES)


class Door:
    """The use cases with a table, a clock and an actor filled in."""

    def __init__(self):
        self.clock = FakeClock()
        self.table = FakeTable(self.clock)

    def create(self, name="ci", scopes=("model:query",), expires_in_s=None, caller=ROOT):
        return create_key(
            self.table,
            caller=caller,
            name=name,
            scopes=scopes,
            expires_in_s=expires_in_s,
            now=self.clock.now(),
            new_id=random_id,
        )

    def enter(self, secret):
        return authenticate(self.table, secret=secret, now=self.clock.now())

    def rotate(self, key_id, grace_s=0, caller=ROOT):
        return rotate_key(self.table, caller=caller, key_id=key_id, grace_s=grace_s, now=self.clock.now())

    def revoke(self, key_id, tenant="acme"):
        return revoke_key(self.table, tenant=tenant, key_id=key_id, now=self.clock.now())
