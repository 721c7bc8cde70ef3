"""What a function loads is in its package: what its group does without would only be missed on AWS."""

import subprocess
import sys

import pytest

from tests.api.server import ROOT

LACKS = {  # tools/lambda_packages.py, requirements/lambda-*.in
    "llmanager.wiring.aws.apps": ("aiohttp", "uvicorn", "pypdf", "docx", "llmanager.adapters.documents"),
    "llmanager.wiring.aws.jobs": ("aiohttp", "uvicorn", "pypdf", "docx", "llmanager.adapters.documents"),
    "llmanager.wiring.aws.chat": ("pypdf", "docx", "llmanager.adapters.documents"),
    "llmanager.wiring.aws.vdb": ("uvicorn",),
    "llmanager.wiring.aws.working": ("uvicorn",),
    "llmanager.wiring.aws.vdb_care": ("uvicorn", "aiohttp"),
}
NOWHERE = (
    "lancedb",
    "numpy",
    "sqlite3",
    "xllamacpp",
    "gguf",
    "huggingface_hub",
    "opensearchpy",
    "llmanager.wiring.local",
)


@pytest.mark.parametrize("module", LACKS)
def test_a_function_loads_nothing_that_its_package_lacks(module):
    wanted = [*LACKS[module], *NOWHERE]
    code = f"import sys, {module}; print(*(name for name in {wanted!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == []
