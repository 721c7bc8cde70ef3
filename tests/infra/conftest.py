"""One synthesis for all of tests/infra, in a process of its own: CDK is slow to load and holds much memory."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.templates import Stage

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {
    "PYTHONPATH": str(ROOT),
    "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
    "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
}
# With the placeholder for code, whatever is built here: no test may depend on it.
SYNTHESISE = """
import sys
from pathlib import Path
from infra.synth import synthesise
CHOSEN = {
    "alarm_email": "someone@example.com",
    "max_instances": "2",
    "monthly_budget_usd": "7",
    "snap_start": "true",
    "tracing": "true",
}
for stage, target, chosen in (("dev", "aws", {}), ("dev", "emulated", {}), ("two", "aws", CHOSEN)):
    synthesise(Path(sys.argv[1]), stage, target, {"code": "placeholder", **chosen})
"""


def cdk(arguments: list[str], timeout_s: float = 300.0) -> subprocess.CompletedProcess[str]:
    """Python with CDK, without anybody's credentials."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        [sys.executable, *arguments],
        env={**kept, **ENVIRONMENT},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


@pytest.fixture(scope="session")
def synthesised(tmp_path_factory, worker_id):
    """The folder of all stages, made once even where several processes share the tests."""
    if shutil.which("node") is None:
        pytest.skip("the CDK runs on Node, which is not installed here")
    own = tmp_path_factory.getbasetemp()
    out = (own if worker_id == "master" else own.parent) / "cdk.out"
    with out.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not out.exists():
            unfinished = out.with_suffix(".unfinished")
            done = cdk(["-c", SYNTHESISE, str(unfinished)])
            assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
            unfinished.rename(out)
    return out


@pytest.fixture(scope="session")
def aws(synthesised):
    return Stage(synthesised / "dev-aws")


@pytest.fixture(scope="session")
def emulated(synthesised):
    return Stage(synthesised / "dev-emulated")


@pytest.fixture(scope="session")
def second_stage(synthesised):
    """With every option chosen."""
    return Stage(synthesised / "two-aws")
