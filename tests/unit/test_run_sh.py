"""run.sh, as far as it goes without installing anything."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIMS = ("python3", "python3.11", "python3.12", "python3.13", "python3.14")
TOO_OLD = "#!/bin/sh\nexit 1\n"
WITHOUT_VENV = '#!/bin/sh\ncase "$*" in *version_info*) exit 0 ;; esac\nexit 1\n'


def run(
    where: Path, *arguments: str, cwd: Path = ROOT, path: str = "/usr/bin:/bin", **more: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [where / "run.sh", *arguments],
        cwd=cwd,
        env={"PATH": path, "HOME": str(cwd), **more},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.fixture
def fresh(tmp_path):
    """A checkout that was never set up, in a folder with a space."""
    root = tmp_path / "a checkout"
    shutil.copytree(ROOT / "requirements", root / "requirements")
    shutil.copy(ROOT / "run.sh", root)
    return root


def pythons(folder: Path, script: str) -> str:
    """A PATH on which every Python is that script."""
    folder.mkdir()
    for name in SHIMS:
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


def test_help_lists_every_command_there_is():
    cases = (ROOT / "run.sh").read_text().split("case $command in\n")[1]
    patterns = re.findall(r"^    ([^\n*)]+)\)", cases, flags=re.MULTILINE)
    commands = {
        word for pattern in patterns for word in pattern.split(" | ") if re.fullmatch(r"[a-z]+(-[a-z]+)*", word)
    }
    usages = re.findall(r"^\./run\.sh ([a-z |-]+)", run(ROOT, "help").stdout, flags=re.MULTILINE)
    listed = {usage.split()[0] for line in usages for usage in line.split(" | ") if usage.strip()}
    assert commands == listed
    assert {"local", "key", "test", "check"} <= commands


@pytest.mark.parametrize("arguments", [(), ("deploy",), ("diff", "--stage", "dev"), ("destroy",)], ids=str)
def test_what_needs_an_account_says_what_is_missing_and_what_runs_without(tmp_path, arguments):
    done = run(ROOT, *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "no AWS credentials were found" in done.stderr
    assert "./run.sh local" in done.stderr
    assert "./run.sh emulate" in done.stderr


def test_an_unknown_command_is_told_the_known_ones(tmp_path):
    done = run(ROOT, "lokal", cwd=tmp_path)
    assert done.returncode == 2
    assert "no command 'lokal'" in done.stderr
    assert "./run.sh local" in done.stderr


@pytest.mark.parametrize(
    ("script", "says"),
    [(TOO_OLD, "no Python 3.11 or newer"), (WITHOUT_VENV, "cannot make a virtual environment")],
)
def test_a_machine_that_lacks_something_is_told_what_to_install(fresh, tmp_path, script, says):
    done = run(fresh, "check", cwd=tmp_path, path=pythons(tmp_path / "bin", script))
    assert done.returncode == 1
    assert says in done.stderr
    assert "apt-get install" in done.stderr
    assert "python3-venv" in done.stderr
    assert not (fresh / ".venv").exists()


@pytest.mark.parametrize(
    ("regions", "told"),
    [
        ({"AWS_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-west-2"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "us-west-2"}, "us-west-2"),
        ({}, "none"),
    ],
    ids=str,
)
def test_boto3_hears_of_the_region_too(fresh, tmp_path, regions, told):
    path = pythons(tmp_path / "bin", '#!/bin/sh\necho "region ${AWS_DEFAULT_REGION:-none}" >&2\nexit 1\n')
    text = (fresh / "run.sh").read_text()
    (fresh / "run.sh").write_text(text.replace(">/dev/null 2>&1 || continue", ">/dev/null || continue"))
    assert f"region {told}\n" in run(fresh, "verify", path=path, **regions).stderr
