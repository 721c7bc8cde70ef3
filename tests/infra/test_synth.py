"""`./run.sh synth` and the options of the app: what is refused, and how it is told."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.conftest import ROOT, cdk

PLANTED = """
from aws_cdk import App, Stack, aws_sqs
from infra.app import review
app = App(outdir={out!r})
aws_sqs.Queue(Stack(app, "Planted"), "Open")
review(app)
app.synth()
"""


def test_the_templates_are_clean_for_cfn_lint(aws, emulated):
    files = [file for stage in (aws, emulated) for file in sorted(stage.folder.glob("*.template.json"))]
    assert len(files) == 4
    linter = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([linter, "--", *files], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_cdk_nag_finds_and_nobody_accepted_is_not_synthesised(tmp_path):
    done = cdk(["-c", PLANTED.format(out=str(tmp_path / "out"))])
    assert done.returncode != 0
    assert "AwsSolutions-SQS4" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ("stage=Production", "stage is 1 to 7 lower-case letters"),
        ("stage=files", "stage is not the first part of a route"),
        ("target=elsewhere", "target is one of aws, emulated"),
        ("region=moon", "region is the code of an AWS region"),
        ("monthly_budget_usd=0", "monthly_budget_usd is a whole number above 0"),
        ("alarm_email=nobody", "alarm_email is an e-mail address"),
        ("snap_start=perhaps", "snap_start is true or false"),
        ("code=nowhere", "is not built"),
    ],
)
def test_an_option_that_nothing_can_be_made_of_is_named(context, said):
    """Without CDK: options are checked before anything is built."""
    key, _, value = context.partition("=")
    script = (
        "import sys; from infra.options import BadOption, Options\n"
        f"given = {{{key!r}: {value!r}}}\n"
        "try:\n    Options.from_context(given.get).folder('api')\n"
        "except BadOption as error:\n    sys.exit(str(error))\n"
    )
    done = cdk(["-c", script])
    assert done.returncode == 1
    assert said in done.stderr


def test_without_node_it_says_what_to_install(tmp_path):
    (tmp_path / "bash").symlink_to("/bin/bash")
    for name in ("dirname", "env"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    done = subprocess.run(
        [ROOT / "run.sh", "synth"],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "needs Node 20 or newer" in done.stderr
