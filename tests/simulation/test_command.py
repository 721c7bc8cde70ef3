"""`./run.sh simulate` spreads its work over processes and says in its last line what it found."""

import re

import pytest

from tests.simulation import catalog
from tests.simulation.__main__ import main
from tests.simulation.toy import TOYS
from tests.simulation.workers import Plant, Worker


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.splitlines()[-1]


def test_a_world_without_faults_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--scenario", "toy-swept-3", "--schedules", "1500", "--seed", "1"]) == 0
    line = re.fullmatch(r"schedules: (\d+) leaks: 0 leased-kills: 0 past-ttl: 0", last_line(capsys))
    assert line is not None
    assert int(line[1]) >= 1500


def test_what_is_found_fails_it_and_can_be_replayed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--scenario", "toy-uns*", "--schedules", "100", "--seed", "1", "--processes", "1"]) == 1
    out = capsys.readouterr().out
    assert re.search(r"leaks: [1-9]", out.splitlines()[-1])
    token = re.search(r"--replay '(.*)'", out)
    assert token is not None
    assert main(["--replay", token[1]]) == 1
    assert "VIOLATION leak" in capsys.readouterr().out


def test_a_pattern_that_fits_nothing_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--scenario", "nothing", "--processes", "1"]) == 2
    assert "no scenario is called like 'nothing'" in capsys.readouterr().err


@pytest.mark.parametrize(("toy", "kinds", "is_found"), [("remember", ("leak",), True), ("locks", ("leak",), False)])
def test_a_planted_bug_counts_when_it_shows_as_what_it_is(
    monkeypatch: pytest.MonkeyPatch, toy: str, kinds: tuple[str, ...], is_found: bool
) -> None:
    scenario = next(s for s in TOYS if s.name == f"toy-{toy}")
    monkeypatch.setattr(catalog, "PLANTED", (catalog.Planted("bug", "what it is", scenario, kinds),))
    (report,) = Worker().obey(Plant("bug", executions=2_000, seed=1))
    assert any(kind in kinds for kind in report.result.violations) == is_found
