"""Programs that are not there, too old, or broken: each named, with the package that brings it."""

import pytest

from tools.deployment.needs import JAVA, MAVEN, NODE, check
from tools.deployment.refusal import Refusal


@pytest.fixture
def machine(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def has(program, script):
        (tmp_path / program).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / program).chmod(0o755)

    return has


def test_what_is_there_and_new_enough_is_fine(machine):
    machine("node", "echo v22.1.0")
    machine("java", "echo 'openjdk version \"17.0.15\" 2025-04-15' >&2")
    machine("mvn", r"printf '\033[1mApache Maven 3.8.7\033[m\n'")
    check([NODE, JAVA, MAVEN])


@pytest.mark.parametrize(
    ("script", "words"),
    [("echo v18.20.1", "version 18.20.1; 20 or newer"), ("exit 1", "does not run"), ("echo hello", "does not run")],
)
def test_what_is_not_is_named_with_the_package_that_brings_it(machine, script, words):
    machine("node", script)
    with pytest.raises(Refusal, match=words) as caught:
        check([NODE])
    assert caught.value.code == 2
    assert "apt-get install nodejs" in str(caught.value)
    assert "brew install node" in str(caught.value)


def test_all_that_is_missing_is_said_at_once(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refusal, match=r"node is not installed[\s\S]*mvn is not installed"):
        check([NODE, MAVEN])
