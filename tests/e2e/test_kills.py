"""`kill -9` under load, as `./run.sh bench kills` does it, a few times."""

import pytest

from bench.kills import SEED, chaos

pytestmark = pytest.mark.e2e


def test_kills_under_load_lose_nothing_that_was_acknowledged_and_leave_no_orphans(tmp_path, record_property):
    report = chaos(tmp_path, kills=12, seed=SEED)
    record_property("report", vars(report))
    assert report.problems == []
    assert report.kills["server"] >= 2
    assert report.kills["worker"] >= 2
    assert report.acknowledged["turns"] > 100
    assert report.acknowledged["create"] > 0
    assert report.streams["complete"] > 0
