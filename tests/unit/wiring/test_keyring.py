import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmanager.auth.errors import BadKey
from llmanager.auth.usecases.authenticate import authenticate
from llmanager.kernel.errors import Unauthenticated, Unavailable
from llmanager.kernel.principal import SCOPES, Principal
from llmanager.wiring.keyring import UNKNOWN_AGE_S, CachedKeyring, OpenKeyring, ShutKeyring
from tests.fakes.clock import FakeClock
from tests.fakes.table import FakeTable

ALICE = Principal("acme", "alice", frozenset({"chat"}))
BOB = Principal("acme", "bob", frozenset({"chat"}))


class Book:
    """Stands for auth's `authenticate`: the secrets it knows, how often it was asked, and whether it answers."""

    def __init__(self):
        self.known = {"alice": ALICE, "bob": BOB}
        self.asked = []
        self.down = False
        self.open = threading.Event()
        self.open.set()

    def __call__(self, secret):
        self.asked.append(secret)
        assert self.open.wait(timeout=10)
        if self.down:
            raise Unavailable("The table is down.")
        if secret not in self.known:
            raise BadKey
        return self.known[secret]


def keyring(book, clock, **limits):
    return CachedKeyring(book, clock, **limits)


def ask(ring, secret):
    return asyncio.run(ring.principal(f"Bearer {secret}"))


@pytest.fixture
def book():
    return Book()


@pytest.fixture
def clock():
    return FakeClock()


def test_a_known_key_is_looked_up_once_a_minute(book, clock):
    ring = keyring(book, clock)
    assert ask(ring, "alice") == ask(ring, "alice") == ALICE
    clock.advance(59)
    ask(ring, "alice")
    assert book.asked == ["alice"]
    clock.advance(1)
    ask(ring, "alice")
    assert book.asked == ["alice", "alice"]


def test_being_used_does_not_keep_a_revoked_key_alive(book, clock):
    ring = keyring(book, clock)
    ask(ring, "alice")
    del book.known["alice"]
    for _ in range(6):
        clock.advance(9)
        ask(ring, "alice")
    clock.advance(6)
    with pytest.raises(Unauthenticated):
        ask(ring, "alice")


def test_a_fresh_key_outlives_an_outage_of_the_table_and_a_stale_one_does_not(book, clock):
    ring = keyring(book, clock)
    ask(ring, "alice")
    book.down = True
    assert ask(ring, "alice") == ALICE
    with pytest.raises(Unavailable):
        ask(ring, "bob")
    clock.advance(60)
    with pytest.raises(Unavailable):
        ask(ring, "alice")


def test_an_outage_is_not_remembered(book, clock):
    ring = keyring(book, clock)
    book.down = True
    with pytest.raises(Unavailable):
        ask(ring, "alice")
    book.down = False
    assert ask(ring, "alice") == ALICE


def test_an_unknown_key_is_remembered_only_briefly(book, clock):
    ring = keyring(book, clock)
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            ask(ring, "carol")
    assert book.asked == ["carol"]
    book.known["carol"] = ALICE
    clock.advance(UNKNOWN_AGE_S)
    assert ask(ring, "carol") == ALICE


def test_a_flood_of_unknown_keys_evicts_no_good_one_and_takes_bounded_room(book, clock):
    ring = keyring(book, clock, max_entries=2)
    ask(ring, "alice")
    for n in range(20):
        with pytest.raises(Unauthenticated):
            ask(ring, f"guess{n}")
    book.asked.clear()
    ask(ring, "alice")
    with pytest.raises(Unauthenticated):
        ask(ring, "guess19")  # among the last two: remembered
    with pytest.raises(Unauthenticated):
        ask(ring, "guess0")  # long evicted
    assert book.asked == ["guess0"]


def test_of_known_keys_too_the_oldest_makes_room(book, clock):
    ring = keyring(book, clock, max_entries=1)
    for secret in ("alice", "bob", "alice"):
        ask(ring, secret)
    assert book.asked == ["alice", "bob", "alice"]


def test_many_requests_at_once_make_one_lookup_and_one_that_leaves_does_not_end_it(book, clock):
    async def scenario():
        ring = keyring(book, clock)
        book.open.clear()
        requests = [asyncio.create_task(ring.principal("Bearer alice")) for _ in range(10)]
        await asyncio.sleep(0)
        requests[0].cancel()
        await asyncio.sleep(0)
        book.open.set()
        return await asyncio.gather(*requests, return_exceptions=True)

    first, *rest = asyncio.run(scenario())
    assert isinstance(first, asyncio.CancelledError)
    assert rest == [ALICE] * 9
    assert book.asked == ["alice"]


def test_a_slow_lookup_does_not_hold_up_the_event_loop(book, clock):
    async def scenario():
        ring = keyring(book, clock)
        await ring.principal("Bearer alice")
        book.open.clear()
        slow = asyncio.create_task(ring.principal("Bearer bob"))
        await asyncio.sleep(0)
        meanwhile = await ring.principal("Bearer alice")
        book.open.set()
        return meanwhile, await slow

    assert asyncio.run(scenario()) == (ALICE, BOB)


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Basic alice", "alice", "Bearer\talice", "Bearer alice bob", "Bearer " + "a" * 10_000],
)
def test_what_is_no_bearer_header_is_unauthenticated(header, book, clock):
    with pytest.raises(Unauthenticated):
        asyncio.run(keyring(book, clock).principal(header))


def test_the_scheme_is_read_in_any_case(book, clock):
    assert asyncio.run(keyring(book, clock).principal("bEARER alice")) == ALICE


@given(st.one_of(st.none(), st.text(), st.text().map("Bearer {}".format)))
def test_no_header_whatsoever_raises_anything_but_unauthenticated(header):
    clock = FakeClock()
    table = FakeTable(clock)
    ring = CachedKeyring(lambda secret: authenticate(table, secret=secret, now=clock.now()), clock)
    with pytest.raises(Unauthenticated):
        asyncio.run(ring.principal(header))


@given(st.data())
def test_keys_that_differ_in_any_place_never_share_an_identity(data):
    alphabet = st.characters(codec="ascii", categories=["L", "N"])
    first = data.draw(st.text(alphabet, min_size=40, max_size=60))
    position = data.draw(st.integers(0, len(first) - 1))
    second = first[:position] + ("a" if first[position] != "a" else "b") + first[position + 1 :]
    book = Book()
    book.known = {first: ALICE, second: BOB}
    ring = keyring(book, FakeClock())
    assert (ask(ring, first), ask(ring, second), ask(ring, first)) == (ALICE, BOB, ALICE)


def test_with_auth_off_everyone_is_the_local_tenant_with_every_scope():
    for header in (None, "Bearer whatever"):
        principal = asyncio.run(OpenKeyring("local").principal(header))
        assert (principal.tenant, principal.scopes) == ("local", SCOPES)


def test_a_shut_one_lets_nobody_in():
    with pytest.raises(Unauthenticated):
        asyncio.run(ShutKeyring().principal("Bearer lm-anything"))
