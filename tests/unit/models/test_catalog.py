"""The list of models known by a short name."""

from llmanager.models.catalog import ENTRIES, find
from llmanager.models.entities import Kind


def test_an_alias_is_found_and_another_word_is_not():
    entry = find("demo-tiny")

    assert entry is not None
    assert entry.source == "builtin:demo-tiny"
    assert find("gpt-5") is None


def test_no_alias_is_there_twice():
    assert len({entry.alias for entry in ENTRIES}) == len(ENTRIES)


def test_every_kind_can_be_had_without_a_network_and_for_real():
    for kind in Kind:
        schemes = {entry.source.partition(":")[0] for entry in ENTRIES if entry.kind is kind}
        assert schemes == {"builtin", "hub"}


def test_every_entry_is_filled_in():
    for entry in ENTRIES:
        assert min(entry.size_mib, entry.parameters, entry.context_tokens) > 0
        assert entry.note.endswith(".")
        assert entry.licence


def test_demo_tiny_is_not_mistaken_for_a_model_to_use():
    entry = find("demo-tiny")

    assert entry is not None
    assert "does not read your question" in entry.note
