"""The README's lines work as they are printed."""

import re
import subprocess

import pytest

from tests.api.server import ROOT

PRINTED = "http://127.0.0.1:8080"


def block_below(heading: str) -> str:
    section = (ROOT / "README.md").read_text().split(f"## {heading}\n", 1)[1]
    return re.search(r"```sh\n(.*?)```", section, flags=re.DOTALL).group(1)


def test_what_it_tells_to_try_works(api, tmp_path):
    if api.key:
        pytest.skip("the lines are for a server without keys")
    lines = block_below("Try it")
    assert PRINTED in lines
    script = f"set -euo pipefail\n{lines.replace(PRINTED, api.base_url)}"

    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )

    assert done.returncode == 0, done.stderr
    assert '"error":{' not in done.stdout.replace(" ", ""), done.stdout
    signs = ('"plan"', '"response"', "data: [DONE]", '"asleep"', '"embedding"', '"Are you clever?"', '"deleting"')
    for sign in (*signs, "330 metres high", '"failures":0', '"citations"', '"model":"demo@chat:facts"'):
        assert sign in done.stdout, f"no {sign} in {done.stdout}"
