"""The import contracts and the house rules hold, and each of them would notice a breach."""

import configparser
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tools.budgets import MAX_FILE_LINES, MAX_FUNCTION_STATEMENTS, problems

ROOT = Path(__file__).resolve().parents[2]
LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True, no_logo=True))"

# What is planted, where, and the contract (.importlinter) that must reject it.
BREACHES = [
    ("kernel/planted.py", "import llmanager.models.entities", "point inwards"),
    ("models/usecases/planted.py", "import llmanager.history", "point inwards"),
    ("history/usecases/planted.py", "import llmanager.auth", "point inwards"),
    ("gateway/planted.py", "import llmanager.models.ports", "point inwards"),
    ("gateway/planted.py", "import llmanager.api.errors", "point inwards"),
    ("wire/planted.py", "import llmanager.models.entities", "point inwards"),
    ("wire/planted.py", "import llmanager.gateway.ports", "point inwards"),
    ("api/routes/planted.py", "import llmanager.wiring", "point inwards"),
    ("wiring/planted.py", "import llmanager.cli", "point inwards"),
    ("utils/__init__.py", "", "point inwards"),
    ("models/planted.py", "", "Inside a capability"),
    ("models/entities.py", "import llmanager.models.ports", "Inside a capability"),
    ("models/ports.py", "import llmanager.models.usecases", "Inside a capability"),
    ("models/rows.py", "import llmanager.models.reconcile", "Inside a capability"),
    ("adapters/local/planted.py", "import llmanager.adapters.remote", "Platforms"),
    ("adapters/remote/planted.py", "import llmanager.adapters.local", "Platforms"),
    ("adapters/aws/planted.py", "import llmanager.adapters.local", "Platforms"),
    ("adapters/remote/planted.py", "import llmanager.adapters.aws", "Platforms"),
    ("adapters/aws/planted.py", "import lancedb", "local engines"),
    ("adapters/aws/planted.py", "import pypdf", "document adapters"),
    ("adapters/aws/planted.py", "import aiohttp", "aiohttp"),
    ("adapters/remote/planted.py", "import boto3", "AWS adapters"),
    ("wiring/planted.py", "import boto3", "AWS adapters"),
    ("models/usecases/planted.py", "import botocore.exceptions", "AWS adapters"),
    ("api/routes/planted.py", "import llmanager.adapters.local", "Only wiring touches adapters"),
    ("cli/planted.py", "import llmanager.adapters.remote", "Only wiring touches adapters"),
    ("adapters/local/planted.py", "import llmanager.models.usecases", "never call a use case"),
    ("vdb/usecases/planted.py", "import llmanager.models", "point inwards"),
    ("chat/planted.py", "import llmanager.vdb", "point inwards"),
    ("vdb/usecases/planted.py", "import lancedb", "local engines"),
    ("files/usecases/planted.py", "import llmanager.jobs.entities", "point inwards"),
    ("jobs/planted.py", "", "Inside a capability"),
    ("vdb/entities.py", "import llmanager.vdb.filters", "Inside a capability"),
    ("vdb/ingested.py", "import llmanager.vdb.chunks", "Inside a capability"),
    ("files/rows.py", "import llmanager.files.usecases.files", "Inside a capability"),
    ("adapters/local/planted.py", "import llmanager.vdb.usecases.log", "never call a use case"),
    ("api/routes/planted.py", "import llmanager.adapters.documents.reader", "Only wiring touches adapters"),
    ("adapters/documents/planted.py", "import lancedb", "local engines"),
    ("wiring/planted.py", "import pyarrow", "local engines"),
    ("adapters/local/planted.py", "import pypdf", "document adapters"),
    ("vdb/usecases/planted.py", "import docx", "document adapters"),
    ("adapters/documents/reader.py", "import llmanager.adapters.documents.pdf", "in child processes"),
    ("adapters/documents/splitter.py", "import zipfile", "in child processes"),
    ("adapters/documents/planted.py", "import aiohttp", "aiohttp"),
    ("chat/planted.py", "import fastapi", "web framework"),
    ("jobs/usecases/planted.py", "import pydantic", "Schemas stay at the edge"),
    ("vdb/usecases/planted.py", "import os", "Capabilities decide"),
    ("files/usecases/planted.py", "import tempfile", "Capabilities decide"),
    ("jobs/usecases/planted.py", "import time", "Capabilities decide"),
    ("adapters/documents/planted.py", "import llmanager.adapters.local", "Platforms"),
    ("history/usecases/planted.py", "import sqlite3", "local engines"),
    ("adapters/remote/planted.py", "import xllamacpp", "local engines"),
    ("wiring/planted.py", "import numpy", "local engines"),
    ("models/usecases/planted.py", "import huggingface_hub", "local engines"),
    ("gateway/planted.py", "import aiohttp", "aiohttp"),
    ("adapters/local/planted.py", "import aiohttp", "aiohttp"),
    ("gateway/planted.py", "import fastapi", "web framework"),
    ("wire/planted.py", "import starlette.responses", "web framework"),
    ("auth/usecases/planted.py", "import pydantic", "Schemas stay at the edge"),
    ("gateway/planted.py", "import pydantic", "Schemas stay at the edge"),
    ("models/usecases/planted.py", "import time", "Capabilities decide"),
    ("auth/usecases/planted.py", "import os", "Capabilities decide"),
    ("../emulator/planted.py", "import llmanager.kernel", "The emulator imports nothing"),
    ("../emulator/sagemaker/planted.py", "import llmanager.models.entities", "The emulator imports nothing"),
    ("models/planted.py", "import emulator", "The product imports nothing"),
    ("wiring/planted.py", "import emulator.cloud", "The product imports nothing"),
    ("../lambdas/history/planted.py", "import llmanager.history.usecases.find", "Handlers on AWS"),
    ("../lambdas/planted.py", "import llmanager.adapters.aws.session", "Handlers on AWS"),
    ("../lambdas/planted.py", "import boto3", "Handlers on AWS"),
    ("wiring/planted.py", "import lambdas.auth.handler", "nothing of its handlers"),
    ("../infra/planted.py", "import llmanager.kernel.errors", "templates import nothing"),
    ("../infra/stacks/planted.py", "import lambdas.auth.handler", "templates import nothing"),
    ("wiring/planted.py", "import aws_cdk", "Only infra knows the CDK"),
    ("../lambdas/planted.py", "import infra.names", "Only infra knows the CDK"),
    ("api/planted.py", "import llmanager.api.routes.planted", "No cycles"),
]


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LINT]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def skeleton(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    for package in ("llmanager", "emulator", "lambdas", "infra"):
        shutil.copytree(
            ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__", "node_modules", "cdk.out")
        )
    shutil.copy(ROOT / ".importlinter", root)
    return root


def test_the_tree_as_it_is_keeps_every_contract(skeleton):
    done = lint(skeleton)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("where", "what", "contract"), BREACHES, ids=[f"{w}:{i}" for w, i, _ in BREACHES])
def test_a_planted_breach_is_rejected(skeleton, tmp_path, where, what, contract):
    shutil.copytree(skeleton, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "llmanager" / where
    file.parent.mkdir(exist_ok=True)
    before = file.read_text() if file.exists() else ""
    file.write_text(f"{before}\n{what}\n")
    if "reconcile" in what:
        (tmp_path / "llmanager/models/reconcile.py").touch()
    if contract == "No cycles":
        (tmp_path / "llmanager/api/routes/planted.py").write_text("import llmanager.api.planted\n")

    done = lint(tmp_path)

    assert done.returncode == 1, done.stdout + done.stderr
    said = " ".join(done.stdout.split())
    broken = re.findall(r"((?:(?!KEPT|BROKEN).)*?) (KEPT|BROKEN)", said)
    assert any(contract in name and verdict == "BROKEN" for name, verdict in broken), done.stdout


def test_the_shape_of_a_capability_names_only_modules_that_there_are():
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    shape = contracts["importlinter:contract:shape"]
    folders = [ROOT / name.replace(".", "/") for name in shape["containers"].split()]
    there = {path.stem for folder in folders for path in folder.iterdir()}
    assert set(re.findall(r"\w+", shape["layers"])) <= there


def test_every_budget_is_kept():
    assert problems(ROOT) == []


@pytest.mark.parametrize(
    ("path", "source", "says"),
    [
        ("llmanager/kernel/utils.py", "", "nothing is named 'utils'"),
        ("llmanager/manager/planted.py", "", "nothing is named 'manager'"),
        ("tests/fakes/helpers.py", "", "nothing is named 'helpers'"),
        ("llmanager/planted.py", "x = 1\n" * (MAX_FILE_LINES + 1), "at most 300"),
        ("tests/planted.py", "def f():\n" + "    x = 1\n" * (MAX_FUNCTION_STATEMENTS + 1), "41 statements"),
        ("llmanager/api/planted.py", "import os\nos.environ['A']\n", "read in llmanager/wiring/settings.py only"),
        ("llmanager/api/planted.py", "import os\nos.getenv('A')\n", "read in llmanager/wiring/settings.py only"),
        ("llmanager/cli/planted.py", "from os import environ\n", "read in llmanager/wiring/settings.py only"),
        ("tests/unit/planted.py", "from unittest.mock import patch\n", "no mocks"),
        ("tests/unit/planted.py", "from unittest import mock\n", "no mocks"),
        ("tests/unit/planted.py", "import unittest.mock\n", "no mocks"),
        ("docs/planted.md", "see " + "/" + "root/project\n", "one machine"),
        ("run.sh", "cd " + "/" + "home/someone\n", "one machine"),
    ],
)
def test_a_planted_breach_of_a_budget_is_found(tmp_path, path, source, says):
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source)

    found = problems(tmp_path)

    assert len(found) == 1
    assert says in found[0]


def test_a_function_at_the_limit_and_the_settings_file_are_fine(tmp_path):
    settings = tmp_path / "llmanager/wiring/settings.py"
    settings.parent.mkdir(parents=True)
    body = "    x = 1\n" * MAX_FUNCTION_STATEMENTS
    settings.write_text(f'import os\n\ndef f():\n    """Says what."""\n{body}\nos.environ\n')

    assert problems(tmp_path) == []


def locks() -> list[Path]:
    return sorted((ROOT / "requirements").glob("*.txt"))


def pins(lock: Path) -> set[str]:
    """Name, version and markers of every requirement of a lock file; a name may stand twice, with other markers."""
    return set(re.findall(r"^[A-Za-z0-9_.-]+==[^\n\\]+", lock.read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize("lock", locks(), ids=lambda lock: lock.name)
def test_a_lock_has_a_hash_for_everything_and_no_download_address(lock):
    text = lock.read_text()
    entries = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries if "==" in entry)
    assert len([entry for entry in entries if "==" in entry]) == len(pins(lock)) > 0
    assert "://" not in text
    assert "index-url" not in text


def test_the_development_lock_pins_what_the_runtime_lock_pins():
    runtime, dev = pins(ROOT / "requirements/runtime.txt"), pins(ROOT / "requirements/dev.txt")
    assert runtime <= dev


def declared(name: str) -> set[str]:
    lines = (ROOT / "requirements" / name).read_text().splitlines()
    return {line.replace("'", '"') for line in lines if line and not line.startswith(("#", "-"))}


def test_pyproject_and_the_lock_inputs_name_the_same_dependencies():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {key: {d.replace("'", '"') for d in value} for key, value in project["optional-dependencies"].items()}
    assert {d.replace("'", '"') for d in project["dependencies"]} | extras["local"] == declared("runtime.in")
    assert extras["dev"] == declared("dev.in")
    assert extras["embeddings"] == declared("embeddings.in")
