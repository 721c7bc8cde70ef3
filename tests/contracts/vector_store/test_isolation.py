"""Whatever a tenant asks, in whatever words: it gets its own items and those that match, all of them, and no others."""

import random

import pytest

from llmanager.vdb.conditions import parse
from llmanager.vdb.entities import Item, Shape
from llmanager.vdb.filters import matches
from tests.contracts.vector_store.samples import ADAPTERS, ids, row, upsert

TENANTS = ("acme", "rival", "third")
ROWS = 30
DIM = 4
CASES = 10_000
FEW = 300  # of the slower adapters, where they run with every change

SQL = [
    "' OR '1'='1",
    "'; DROP TABLE items; --",
    "') OR TRUE --",
    '" OR ""="',
    "1 OR 1=1",
    "NULL",
    "id IS NOT NULL",
    "fields LIKE '%'",
    "\\' OR 1=1 --",
    "`id` = `id`",
    "/**/UNION/**/SELECT",
    "%",
    "_",
    "*",
    "\x00",
    "a\x00' OR 1=1",
    "\u2019 OR 1=1",
    "🦙'",
    "${jndi}",
    "{{x}}",
    "",
    " ",
    "acme",
    "rival",
]
FIELDS = [
    "tenant",
    "secret",
    "n",
    "tag",
    "text",
    "id",
    "metadata",
    "vector",
    "fields",
    "_rowid",
    "_distance",
    *SQL[:12],
]
WORDS = ["llama", "camel", "acme", "rival", "OR", "AND", "NOT", *SQL[:14]]


class Guesser:
    """Deterministic: values, metadata, filters and queries as an attacker or a mishap would send them."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def value(self):
        kind = self.chance.randrange(4)
        if kind == 0:
            return self.chance.choice([0, 1, -1, 0.5, 2**53, 1e300, -0.0])
        return self.chance.choice([True, False]) if kind == 1 else self.chance.choice(SQL)

    def field(self):
        return self.chance.choice(FIELDS)

    def metadata(self):
        return {self.field(): self.value() for _ in range(self.chance.randrange(5))}

    def text(self):
        return " ".join(self.chance.choices(WORDS, k=self.chance.randrange(6)))

    def vector(self):
        return row(*(self.chance.choice([-1.0, -0.5, 0.0, 0.5, 1.0]) for _ in range(DIM)))

    def condition(self, depth=0):
        """JSON, as a request brings it."""
        match self.chance.randrange(7 if depth < 3 else 4):
            case 0:
                return {self.field(): self.value()}
            case 1:
                return {self.field(): {self.chance.choice(["$ne", "$eq"]): self.value()}}
            case 2:
                of = self.chance.choice([SQL, [0, 1, 2**53]])
                return {self.field(): {self.chance.choice(["$in", "$nin"]): self.chance.choices(of, k=3)}}
            case 3:
                op = self.chance.choice(["$lt", "$lte", "$gt", "$gte"])
                return {self.field(): {op: self.chance.choice([0, 0.5, *SQL])}}
            case 4:
                return {"$not": self.condition(depth + 1)}
            case _:
                return {self.chance.choice(["$or", "$and"]): [self.condition(depth + 1) for _ in range(2)]}


def filled(store, guess):
    """What each tenant has."""
    held = {}
    for tenant in TENANTS:
        store.create(tenant, Shape(DIM))
        names = list(dict.fromkeys([*SQL, *(f"row {n}" for n in range(ROWS))]))[:ROWS]  # the same ids for every tenant
        items = [Item(name, guess.text(), {**guess.metadata(), "tenant": tenant}, tenant) for name in names]
        store.apply(tenant, upsert(*items, vectors=[guess.vector() for _ in items]))
        held[tenant] = {item.id: item for item in items}
    return held


def check(store, held, guess):
    """Ask once; whether that found anything."""
    tenant = guess.chance.choice(TENANTS)
    own, told = held[tenant], guess.condition()
    where = parse(told)
    matching = {id_ for id_, item in own.items() if matches(where, item.metadata)}
    match guess.chance.randrange(4):
        case 0:
            wanted = guess.chance.choices([*own, *SQL], k=4)
            found = [one.item for one in store.get(tenant, wanted)]
            assert ids(found) == [id_ for id_ in wanted if id_ in own]
        case 1:
            found = [hit.item for hit in store.search_text(tenant, guess.text(), k=ROWS, where=where)]
            assert set(ids(found)) <= matching, told
        case _:
            found = [hit.item for hit in store.search(tenant, guess.vector(), k=ROWS, where=where)]
            assert set(ids(found)) == matching, told
    for item in found:
        assert item == own[item.id]
        assert item.source == tenant
    return bool(found)


def run(store, cases):
    guess = Guesser(seed=20_261_120)
    held = filled(store, guess)
    assert sum(check(store, held, guess) for _ in range(cases)) > cases / 3, "nothing found proves little"


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_nobody_gets_what_is_anothers_or_what_does_not_match(adapter, tmp_path):
    run(ADAPTERS[adapter](tmp_path), CASES if adapter == "fake" else FEW)


@pytest.mark.e2e
@pytest.mark.parametrize("adapter", [name for name in ADAPTERS if name != "fake"])
def test_nobody_gets_what_is_anothers_in_ten_thousand_cases(adapter, tmp_path):
    run(ADAPTERS[adapter](tmp_path), CASES)
