"""`./run.sh example` as a newcomer runs it: an empty home, no server."""

import subprocess
import sys

import pytest

from llmanager.chat.quoting import UNKNOWN
from tests.api.server import ROOT, environment

pytestmark = pytest.mark.e2e


def test_it_prints_passages_and_answers_and_leaves_nothing(tmp_path):
    command = [sys.executable, "-m", "example_app", "--url", "http://127.0.0.1:9"]
    ran = subprocess.run(
        command, cwd=ROOT, env=environment(tmp_path / "home"), capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    out = ran.stdout
    assert "No Person shall be a Senator who shall not have attained to the Age of thirty Years" in out
    assert "attained to the Age of twenty five Years" in out
    answers = [line.removeprefix("A: ") for line in out.splitlines() if line.startswith("A: ")]
    assert len(answers) == 2
    assert all(answer == UNKNOWN or answer.startswith("According to [") for answer in answers)
    assert all(answer == UNKNOWN or answer.endswith('"') for answer in answers), "a quote was cut off"
    assert "2 turns" in out
    assert "removed: models and vector database" in out
    assert "demo-tiny answered, a demo" in out
    assert 'POST /model/create {"name": "assistant", "model": "qwen2.5-0.5b"}' in out
