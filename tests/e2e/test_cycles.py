"""Sleep, wake and swap under load, as `./run.sh bench cycles` does it, a few times."""

import pytest

from bench.cycles import SEED, cycled

pytestmark = pytest.mark.e2e


def test_models_that_swap_under_load_lose_no_request_and_leave_no_worker(tmp_path, record_property):
    report = cycled(tmp_path, cycles=30, seed=SEED)
    record_property("report", vars(report))
    assert report.problems == []
    assert report.cycles >= 30
    assert report.most_workers == 1, "memory for one"
    assert report.whys["to make room"] > 5
    assert report.requests["streams"] > 30
    assert report.requests["whole answers"] > 30
    assert report.requests["/model/sleep"] > 0
