"""The GitHub workflows: pinned, least permissions, and linters that would notice a breach."""

import re
import stat
from pathlib import Path

import pytest
import yaml

from tools import workflows

FILES = sorted((workflows.ROOT / workflows.WORKFLOWS).glob("*.yml"))
USES = re.compile(r"^\s*(?:- )?uses: (?P<action>\S+)(?P<comment>.*)$", re.MULTILINE)
PINNED = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}")


def jobs():
    for file in FILES:
        for name, job in yaml.safe_load(file.read_text())["jobs"].items():
            yield pytest.param(job, id=f"{file.stem}-{name}")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_actions_are_pinned_by_commit_with_the_version_beside(file):
    used = [match.groupdict() for match in USES.finditer(file.read_text())]
    assert used
    assert all(PINNED.fullmatch(one["action"]) for one in used)
    assert all(re.match(r" # v\d+\.\d+\.\d+", one["comment"]) for one in used)


def test_one_action_has_one_pin():
    pins = {match["action"] for file in FILES for match in USES.finditer(file.read_text())}
    assert len(pins) == len({pin.split("@")[0] for pin in pins})


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_workflow_may_nothing_and_its_jobs_read(file):
    workflow = yaml.safe_load(file.read_text())
    assert workflow["permissions"] == {}
    granted = {scope for job in workflow["jobs"].values() for scope in job["permissions"].items()}
    assert granted <= {("contents", "read"), ("id-token", "write")}
    assert ("id-token", "write") not in granted or file.stem == "deploy"


@pytest.mark.parametrize("job", list(jobs()))
def test_a_job_ends_by_itself_and_leaves_no_credentials(job):
    assert job["timeout-minutes"]
    checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_no_key_of_an_account_is_stored():
    assert all("secrets." not in file.read_text() for file in FILES)


def plant(tmp_path, old: str, new: str) -> list[str]:
    text = (workflows.ROOT / workflows.WORKFLOWS / "ci.yml").read_text()
    assert old in text
    file = tmp_path / ".github/workflows/planted.yml"
    file.parent.mkdir(parents=True)
    file.write_text(text.replace(old, new))
    return [str(file)]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("        with:\n          persist-credentials: false\n", "", "artipacked"),
        ("@08c6903cd8c0fde910a37f88322edcfb5dd907a8", "@v5", "unpinned-uses"),
        ("permissions: {}\n", "permissions: write-all\n", "excessive-permissions"),
        ("- run: ./run.sh check", '- run: echo "${{ github.head_ref }}"', "template-injection"),
    ],
)
def test_zizmor_notices(tmp_path, capsys, old, new, says):
    assert workflows.zizmor(plant(tmp_path, old, new)) == 1
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("runs-on: ubuntu-24.04", "runs-on: ubuntu-4", "ubuntu-4"),
        ("timeout-minutes: 15", "timeout-minute: 15", "timeout-minute"),
        ("${{ matrix.os }}", "${{ matrix.system }}", "system"),
    ],
)
def test_actionlint_notices(tmp_path, capsys, old, new, says):
    program, why_not = workflows.found_or_built(workflows.ROOT / ".cache/bin")
    if program is None:
        pytest.skip(why_not)
    assert workflows.lint(program, plant(tmp_path, old, new)) == 1
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(("told", "is_pinned"), [("v1.7.12", True), ("1.7.12", True), ("1.7.1", False), ("", False)])
def test_another_version_of_actionlint_is_not_taken(tmp_path, told, is_pinned):
    program = tmp_path / "actionlint"
    program.write_text(f"#!/bin/sh\necho {told}\necho installed somehow\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    assert workflows.is_pinned(program) is is_pinned
    assert workflows.is_pinned(tmp_path / "absent") is False


def test_a_build_that_fails_says_why(tmp_path):
    broken = tmp_path / "go"
    broken.write_text("#!/bin/sh\necho no way there >&2\nexit 1\n")
    broken.chmod(broken.stat().st_mode | stat.S_IXUSR)
    program, why_not = workflows.built(str(broken), tmp_path / "bin")
    assert program is None
    assert why_not.endswith("failed: no way there")


def test_without_go_and_without_actionlint_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(Path(tmp_path)))
    program, why_not = workflows.found_or_built(tmp_path / "bin")
    assert program is None
    assert "no Go" in why_not
