"""What is kept between two commands, and who may change it."""

import subprocess
import sys

import pytest

from tools.emulation.processes import Part
from tools.emulation.state import PARTS, State, exclusive, forget


def test_it_is_found_again(tmp_path):
    state = State.of(tmp_path)
    state.parts["front"] = Part("front", 1, 2.5, state.ports["front"])
    state.save()
    assert State.of(tmp_path) == state


def test_it_is_readable_by_its_owner_alone(tmp_path):
    state = State.of(tmp_path / "emulation")
    state.save()
    assert (tmp_path / "emulation" / "state.json").stat().st_mode & 0o077 == 0
    assert (tmp_path / "emulation").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"secret": "a", "ports": {}, "parts": {"a": {}}}'])
def test_what_was_cut_short_counts_as_none(tmp_path, content):
    (tmp_path / "state.json").write_text(content)
    assert set(State.of(tmp_path).ports) == set(PARTS)


def test_every_part_has_a_port_of_its_own(tmp_path):
    assert len(set(State.of(tmp_path).ports.values())) == len(PARTS)


def test_forgetting_twice_is_fine(tmp_path):
    State.of(tmp_path / "a").save()
    forget(tmp_path / "a")
    forget(tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_whoever_comes_second_says_so_and_waits(tmp_path):
    folder = tmp_path / "emulation"
    code = (
        "from pathlib import Path; from tools.emulation.state import exclusive\n"
        f"with exclusive(Path({str(folder)!r})): print('in')"
    )
    with exclusive(folder):
        second = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert second.stdout is not None
        assert "waiting" in second.stdout.readline()
        assert second.poll() is None
    assert second.communicate(timeout=30)[0] == "in\n"
