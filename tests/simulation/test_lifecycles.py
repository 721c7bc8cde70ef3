"""500 whole lives with faults: no leak, no row, the bill to the cent. `./run.sh simulate --days` lives 10,000."""

import pytest

from tests.simulation.lifecycles import CALM, Told, run

pytestmark = pytest.mark.simulation


def check(told: Told) -> None:
    assert told.leaks == []
    assert told.rows_left == []
    assert told.unended == []
    assert abs(told.bill_error_usd) * 100 < 1, "the emulator's bill is what its instances' times come to"
    assert told.tenants_off == [], "our ledger is the bill, but for 1 % or a minute a resource"


def test_lives_with_faults_leave_nothing_and_every_cent_is_accounted_for() -> None:
    told = run(500, seed=7)
    check(told)
    assert told.lives == 500
    assert told.instances > 700, "they slept and woke"


def test_without_faults_each_ledger_is_right_to_a_minute_an_instance() -> None:
    told = run(120, seed=8, faults=CALM)
    check(told)
    assert told.off == []
