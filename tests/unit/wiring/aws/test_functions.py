"""The table of functions says what is true: handlers that exist, settings that exist, and all that each one reads."""

import pytest

from llmanager.wiring import settings as common
from llmanager.wiring.aws import settings as on_aws
from llmanager.wiring.aws.functions import FUNCTIONS, settings_of

DECLARED = {s.name for s in (*common.declared().values(), *on_aws.declared().values())}
TABLES = {"registry", "auth", "history", "vdb", "files", "jobs", "ingested", "idempotency"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_reads_only_what_is_declared(name):
    assert settings_of(name) <= DECLARED
    assert FUNCTIONS[name].tables <= TABLES


def test_the_watchdog_works_without_any_table():
    assert FUNCTIONS["watchdog"].tables == frozenset()


def test_every_table_is_somebodys():
    assert set().union(*(function.tables for function in FUNCTIONS.values())) == TABLES
