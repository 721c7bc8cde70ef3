"""The catalog for SageMaker, as GET /model/catalog lists it."""

from llmanager.adapters.aws.sagemaker_catalog import catalog, choose
from llmanager.adapters.aws.sagemaker_entries import GATED, entries
from llmanager.models.entities import Backend, Kind, ModelSpec


def test_every_name_that_can_be_created_is_listed_once_and_in_order():
    names = [entry.alias for entry in entries()]
    assert names == sorted(catalog().models)
    assert {"mistral-7b", "mixtral-8x7b", "llama-2-7b", "llama-2-70b", "gte-large"} <= set(names)


def test_what_is_listed_can_be_chosen():
    for entry in entries():
        spec = ModelSpec(model=entry.alias, kind=entry.kind, backend=entry.backend)
        assert choose(catalog(), spec, "us-east-1").model.kind is entry.kind
        assert entry.backend is Backend.SAGEMAKER


def test_what_needs_more_than_a_name_says_so():
    listed = {entry.alias: entry for entry in entries()}
    assert listed["llama-2-7b"].note.startswith(GATED)
    assert GATED not in listed["mistral-7b"].note
    assert listed["gte-large"].kind is Kind.EMBEDDING
    assert listed["gte-large"].dimensions == 1024
