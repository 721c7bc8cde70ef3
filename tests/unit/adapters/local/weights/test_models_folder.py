"""Weights that need no hub: the catalog and the files that a user put into the models folder."""

from pathlib import Path

import pytest

from llmanager.adapters.local.weights import LocalWeights
from llmanager.adapters.local.weights_port import Missing, Present
from llmanager.kernel.errors import InvalidInput
from llmanager.models.entities import Kind
from tests.fakes.hub_server import FakeHub
from tests.fakes.tiny_gguf import write_tiny_chat, write_tiny_embedding
from tests.unit.adapters.local.weights.hub import Open, closed_port, missed


def test_a_catalogued_size_needs_no_network(open_weights: Open):
    facts = open_weights(endpoint=closed_port()).facts("qwen2.5-0.5b", Kind.CHAT)

    assert (facts.size_mib, facts.download_mib, facts.context_tokens) == (469, 469, 32768)


def test_an_embedding_models_dimensions_are_known_before_it_is_here(open_weights: Open):
    assert open_weights().facts("nomic-embed-text", Kind.EMBEDDING).dimensions == 768


@pytest.mark.parametrize(("model", "kind"), [("demo-tiny", Kind.CHAT), ("minilm", Kind.EMBEDDING)])
def test_what_is_made_here_is_no_download(open_weights: Open, model: str, kind: Kind):
    facts = open_weights(endpoint=closed_port()).facts(model, kind)

    assert facts.size_mib > 0
    assert facts.download_mib == 0


def test_an_encoder_cannot_be_had_for_chat(weights: LocalWeights, hub: FakeHub, tmp_path: Path):
    write_tiny_embedding(tmp_path / "mine" / "encoder.gguf")

    assert missed(weights, "encoder.gguf") == Missing(
        "This is a model for embedding. Ask for kind 'embedding'.", is_final=True
    )
    assert weights.facts("encoder.gguf", Kind.EMBEDDING).dimensions == 32


def test_a_file_of_the_models_folder_is_there_at_once(weights: LocalWeights, tmp_path: Path):
    write_tiny_chat(tmp_path / "mine" / "own.gguf")
    state = weights.ensure("own.gguf", Kind.CHAT)

    assert state == Present(tmp_path / "mine" / "own.gguf", weights.facts("own.gguf", Kind.CHAT))


def test_a_broken_file_of_the_models_folder_is_final(weights: LocalWeights, tmp_path: Path):
    (tmp_path / "mine" / "own.gguf").write_bytes(b"GGUF" + bytes(100))

    assert missed(weights, "own.gguf").is_final
    with pytest.raises(InvalidInput, match="not usable") as raised:
        weights.facts("own.gguf", Kind.CHAT)
    assert raised.value.code == "broken_model_file"


def test_a_file_that_is_replaced_is_read_again(weights: LocalWeights, tmp_path: Path):
    write_tiny_chat(tmp_path / "mine" / "own.gguf")
    before = weights.facts("own.gguf", Kind.EMBEDDING)
    write_tiny_embedding(tmp_path / "mine" / "own.gguf")

    assert weights.facts("own.gguf", Kind.EMBEDDING) != before


def test_a_nonsense_name_is_final(weights: LocalWeights):
    assert missed(weights, "../../etc/passwd").is_final
    with pytest.raises(InvalidInput, match="catalog"):
        weights.facts("../../etc/passwd", Kind.CHAT)
