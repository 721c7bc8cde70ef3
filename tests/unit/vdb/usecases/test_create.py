from dataclasses import replace

import pytest

from llmanager.kernel.errors import InvalidInput, Unavailable
from llmanager.kernel.principal import Principal
from llmanager.vdb.entities import MAX_DIM, IndexState, Metric, Shape
from llmanager.vdb.errors import (
    CollectionExists,
    CollectionNotFound,
    DimensionMismatch,
    EmbedderMissing,
    EmbedderUnfit,
    TooManyCollections,
)
from llmanager.vdb.usecases.create import Creation, bind, declare, propose, with_embedder
from llmanager.vdb.usecases.delete import finish_delete
from llmanager.vdb.usecases.hibernate import hibernate
from tests.fakes.word_embedder import WordEmbedder
from tests.unit.vdb.usecases.world import DOCS, refused


def test_a_collection_with_dimensions_has_its_index_at_once(world):
    made = world.create(dim=2, metric=Metric.L2, has_text=False)
    world.store.create(made.resource, Shape(2, Metric.L2, False))  # raises where it is of another shape
    assert world.index().state is IndexState.READY


def test_a_collection_with_only_a_name_is_up_and_empty_and_holds_no_index(world):
    world.create()
    assert world.index().is_up
    assert world.held() == []
    assert world.store.indexes() == ()


def test_a_name_is_given_once_a_tenant(world):
    world.create()
    with pytest.raises(CollectionExists):
        world.create()
    assert world.create(tenant="rival").resource != world.collection().resource


def test_of_two_creates_at_once_one_succeeds(world):
    world.table.before_write = lambda _: world.create()
    with pytest.raises(CollectionExists):
        world.create(dim=2)
    assert world.collection().dim is None


def test_a_create_that_comes_a_moment_later_does_no_harm_to_the_first(world):
    """The second one looked before the first wrote, and looks again after."""
    scan = world.table.scan

    def overtaken(**page):
        world.table.scan = scan
        found = scan(**page)
        world.create(dim=2)
        world.write("a")
        return found

    world.table.scan = overtaken
    with pytest.raises(CollectionExists):
        world.create()
    assert world.held() == ["a"]


def test_what_was_not_marked_as_leaving_is_never_removed(world):
    made = world.create(dim=2)
    with pytest.raises(ValueError):
        finish_delete(world.vdbs, made)
    assert world.store.indexes() == (made.resource,)


def test_an_embedder_is_told_to_a_collection_that_sleeps_without_waking_it(world):
    world.create(dim=2)
    hibernate(world.vdbs, DOCS)
    bind(world.vdbs, DOCS, model="minilm", dim=2)
    assert world.index().state is IndexState.ASLEEP


def test_a_name_outside_the_pattern_is_refused(world):
    with pytest.raises(InvalidInput):
        world.create("../docs")


@pytest.mark.parametrize("dim", [0, MAX_DIM + 1])
def test_dimensions_outside_the_limits_are_refused(world, dim):
    with pytest.raises(InvalidInput):
        world.create(dim=dim)


def test_there_are_so_many_of_all_tenants_and_no_more(world):
    for number in range(10):
        world.create(f"docs-{number}", tenant=f"t{number % 3}")
    with pytest.raises(TooManyCollections, match="10 vector databases"):
        world.create()


def test_a_proposal_writes_nothing(world):
    assert propose(world.vdbs, Creation("acme", "docs", dim=2)).dim == 2
    with pytest.raises(CollectionNotFound):
        world.collection()
    assert world.store.indexes() == ()


def test_an_index_that_cannot_be_made_now_is_made_by_the_first_use(world):
    world.store.down = Unavailable("away")
    world.create(dim=2)
    assert world.index().state is IndexState.RESTORING
    world.store.down = None
    assert world.held() == []
    assert world.index().is_up


def test_a_create_whose_rows_were_refused_leaves_nothing(world):
    world.table.before_write = refused(Unavailable("away"))
    with pytest.raises(Unavailable):
        world.create(dim=2)
    assert world.store.indexes() == ()
    world.create(dim=2)


def test_the_first_binding_tells_embedder_and_dimensions_and_makes_the_index(world):
    world.create()
    bound = bind(world.vdbs, DOCS, model="minilm", dim=2)
    assert (bound.model, bound.dim) == ("minilm", 2)
    assert bound == world.collection()
    assert world.store.indexes() == (bound.resource,)
    assert world.index().is_up


def test_binding_again_changes_nothing(world):
    world.create()
    bind(world.vdbs, DOCS, model="minilm", dim=2)
    before = world.collection()
    assert bind(world.vdbs, DOCS, model="minilm", dim=2) == before
    assert bind(world.vdbs, DOCS, model=None, dim=2) == before


def test_an_embedder_can_be_told_after_the_vectors(world):
    world.create(dim=2)
    assert bind(world.vdbs, DOCS, model="minilm", dim=2).model == "minilm"


def test_another_embedder_or_dimension_is_refused(world):
    world.create(model="minilm", dim=2)
    with pytest.raises(EmbedderUnfit, match="'minilm', not by 'other'"):
        bind(world.vdbs, DOCS, model="other", dim=2)
    with pytest.raises(DimensionMismatch, match=r"have 3 dimensions.*have 2"):
        bind(world.vdbs, DOCS, model="minilm", dim=3)


def test_of_two_bindings_at_once_the_second_is_checked_against_the_first(world):
    world.create()
    taken = world.vdbs.exclusive

    def after_another(resource):
        object.__setattr__(world.vdbs, "exclusive", taken)
        bind(world.vdbs, DOCS, model="minilm", dim=3)
        return taken(resource)

    object.__setattr__(world.vdbs, "exclusive", after_another)
    with pytest.raises(DimensionMismatch):
        bind(world.vdbs, DOCS, model="minilm", dim=2)


def test_a_declaration_sets_dimensions_and_metric_of_an_empty_collection(world):
    world.create()
    assert declare(world.vdbs, DOCS, dim=2, metric=Metric.L2).metric is Metric.L2
    assert declare(world.vdbs, DOCS, dim=2).metric is Metric.L2
    with pytest.raises(InvalidInput, match="measures by l2"):
        declare(world.vdbs, DOCS, dim=2, metric=Metric.DOT)
    with pytest.raises(DimensionMismatch):
        declare(world.vdbs, DOCS, dim=3)


def test_a_binding_that_was_cut_short_is_finished_by_the_next_use(world):
    world.create()
    world.store.down = Unavailable("away")
    with pytest.raises(Unavailable):
        bind(world.vdbs, DOCS, model=None, dim=2)
    world.store.down = None
    world.write("a")
    assert world.held() == ["a"]


def test_a_creation_that_names_an_embedder_knows_its_dimensions_and_is_refused_where_they_cannot_be():
    caller, embedder = Principal("acme", "k", frozenset()), WordEmbedder(minilm=16)
    asked = Creation("acme", "docs", model="minilm")
    assert with_embedder(asked, embedder, caller).dim == 16
    assert with_embedder(replace(asked, model=None, dim=3), embedder, caller).dim == 3
    with pytest.raises(DimensionMismatch, match="16 dimensions, and 'dim' is 3"):
        with_embedder(replace(asked, dim=3), embedder, caller)
    with pytest.raises(EmbedderMissing):
        with_embedder(replace(asked, model="nobody"), embedder, caller)
