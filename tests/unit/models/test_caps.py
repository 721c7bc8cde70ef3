"""What the fleet may take at worst, and what is told when it is too much."""

from dataclasses import replace
from decimal import Decimal

import pytest

from llmanager.models.caps import Caps, Claim, grows, refuse_over, worst_case
from llmanager.models.entities import ModelSpec, Scaling, Window
from llmanager.models.errors import FleetFull, InstanceTypeNotAllowed, TooManyModels
from tests.unit.models.samples import quote

TWO = Decimal(2)
CAPS = Caps(max_models=3, max_instances=4, max_usd_per_hour=Decimal(5), instance_types=None)
ONE_PAID = Claim(1, TWO)
FREE = Claim(0, Decimal(0))
UNPRICED = Claim(1, None)


@pytest.mark.parametrize(
    ("scaling", "instances"),
    [
        (Scaling(), 1),
        (Scaling(min=0, max=0), 1),  # awake, it runs one
        (Scaling(min=1, max=3), 3),
        (Scaling(min=3, max=1), 3),
        (Scaling(max=2, schedule=(Window("08:00", "18:00", min=4), Window("09:00", "10:00", min=3))), 4),
        (Scaling(max=5, schedule=(Window("08:00", "18:00", min=4),)), 5),
    ],
)
def test_the_worst_case_is_the_most_that_may_ever_run(scaling, instances):
    spec = ModelSpec("m", scaling=scaling)
    assert worst_case(spec, quote(usd_per_instance_hour=TWO)) == Claim(instances, instances * TWO)
    assert worst_case(spec, quote(usd_per_instance_hour=TWO), 1) == Claim(instances + 1, (instances + 1) * TWO)
    assert worst_case(spec, quote(usd_per_instance_hour=None)) == Claim(instances, None)
    assert worst_case(spec, quote(usd_per_instance_hour=Decimal(0))) == FREE


def test_up_to_the_caps_and_no_further():
    refuse_over(CAPS, [ONE_PAID], Claim(1, Decimal(3)), "ml.g5.xlarge")
    refuse_over(replace(CAPS, max_usd_per_hour=None), [ONE_PAID], Claim(3, Decimal(600)), "ml.g5.xlarge")
    with pytest.raises(FleetFull) as dear:
        refuse_over(CAPS, [ONE_PAID], Claim(1, Decimal("3.01")), "ml.g5.xlarge")
    assert "up to 5.01 USD an hour; this server's operator allows 5, " in str(dear.value)
    with pytest.raises(FleetFull) as many:
        refuse_over(CAPS, [ONE_PAID, FREE], Claim(4, Decimal("0.1")), "ml.g5.xlarge")
    assert "up to 5 billed instances; this server's operator allows 4, " in str(many.value)
    assert dear.value.code == "fleet_full"


def test_a_cap_of_nothing_allows_nothing_that_is_billed():
    with pytest.raises(FleetFull):
        refuse_over(replace(CAPS, max_instances=0), [], ONE_PAID, "t")
    with pytest.raises(FleetFull):
        refuse_over(replace(CAPS, max_usd_per_hour=Decimal(0)), [], ONE_PAID, "t")


def test_what_is_free_is_only_counted_as_a_model():
    full = [Claim(4, Decimal(5)), FREE]
    refuse_over(replace(CAPS, instance_types=frozenset()), full, FREE, "local")
    with pytest.raises(TooManyModels):
        refuse_over(CAPS, [*full, FREE], FREE, "local")


def test_only_instance_types_that_the_operator_named():
    few = replace(CAPS, instance_types=frozenset({"ml.g6.xlarge", "ml.g5.xlarge"}))
    refuse_over(few, [], ONE_PAID, "ml.g5.xlarge")
    with pytest.raises(InstanceTypeNotAllowed) as refused:
        refuse_over(few, [], ONE_PAID, "ml.p5.48xlarge")
    assert str(refused.value) == (
        "Instance type 'ml.p5.48xlarge' may not be used here. "
        "This server's operator allows: ml.g5.xlarge, ml.g6.xlarge."
    )
    assert (refused.value.code, refused.value.param) == ("instance_type_not_allowed", "instance_type")
    with pytest.raises(InstanceTypeNotAllowed, match="allows: none"):
        refuse_over(replace(CAPS, instance_types=frozenset()), [], ONE_PAID, "ml.p5.48xlarge")


def test_an_unknown_price_needs_a_type_that_the_operator_named():
    with pytest.raises(InstanceTypeNotAllowed, match="every type whose price is known"):
        refuse_over(CAPS, [], UNPRICED, "ml.new")
    named = replace(CAPS, instance_types=frozenset({"ml.new"}))
    refuse_over(named, [ONE_PAID, ONE_PAID], UNPRICED, "ml.new")
    with pytest.raises(FleetFull, match="5 billed instances"):
        refuse_over(replace(named, max_models=9), [UNPRICED] * 4, UNPRICED, "ml.new")


def test_one_of_unknown_price_does_not_hide_what_the_others_cost():
    named = replace(CAPS, instance_types=frozenset({"t"}))
    with pytest.raises(FleetFull, match="6 USD an hour"):
        refuse_over(named, [UNPRICED, Claim(1, Decimal(4))], ONE_PAID, "t")


def test_without_a_word_from_the_operator_the_fleet_is_small():
    assert Caps() == Caps(1000, 4, Decimal(5), None)


@pytest.mark.parametrize(
    ("new", "old", "is_more"),
    [
        (ONE_PAID, ONE_PAID, False),
        (UNPRICED, UNPRICED, False),
        (Claim(1, Decimal(1)), ONE_PAID, False),
        (Claim(1, TWO), Claim(2, TWO), False),
        (Claim(2, Decimal(1)), ONE_PAID, True),
        (Claim(1, Decimal(3)), ONE_PAID, True),
        (Claim(1, Decimal(3)), Claim(2, TWO), True),
        (UNPRICED, ONE_PAID, True),
        (Claim(1, Decimal("0.5")), UNPRICED, True),
        (FREE, UNPRICED, False),
        (FREE, ONE_PAID, False),
    ],
)
def test_more_is_what_has_more_instances_or_costs_more_or_may(new, old, is_more):
    assert grows(new, old) is is_more
