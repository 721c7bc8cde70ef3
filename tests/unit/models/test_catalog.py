"""The list of models known by a short name."""

from llmanager.models.catalog import ENTRIES, SMALL_PARAMETERS, entry_of, find
from llmanager.models.entities import Backend, Kind, ModelSpec


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
    assert "A demo" in entry.note
    assert "knows nothing else" in entry.note


def test_small_models_get_sentences_in_a_chat_and_others_chunks():
    for entry in ENTRIES:
        if entry.kind is Kind.EMBEDDING:
            assert entry.context is None
        else:
            assert entry.context == ("sentences" if entry.parameters < SMALL_PARAMETERS else "chunks")


def test_demo_tiny_may_only_quote_a_few_sentences():
    entry = find("demo-tiny")

    assert entry is not None
    assert (entry.context, entry.sentence_tokens, entry.max_sentences, entry.quotes_only) == ("sentences", 160, 3, True)
    assert (entry.least_share, entry.answer_tokens) == (0.95, 512)
    assert [other.alias for other in ENTRIES if other.quotes_only] == ["demo-tiny"]


def test_only_of_minilm_it_is_known_how_near_a_cosine_means():
    assert [entry.alias for entry in ENTRIES if entry.has_wide_cosines] == ["minilm"]


def test_a_models_entry_is_found_by_its_name_or_its_place_where_it_runs():
    qwen = find("qwen2.5-0.5b")

    assert qwen is not None
    assert entry_of(ModelSpec(qwen.alias), ENTRIES) is qwen
    assert entry_of(ModelSpec(qwen.source.removeprefix("hub:")), ENTRIES) is qwen
    assert entry_of(ModelSpec(qwen.alias, backend=Backend.SAGEMAKER), ENTRIES) is None
    assert entry_of(ModelSpec("somebody/else"), ENTRIES) is None
