"""What the catalog says fits together: every model has a machine it fits on, with a price, and an image."""

from dataclasses import replace
from decimal import Decimal

import botocore.session
import pytest

from llmanager.adapters.aws.sagemaker_catalog import catalog, choose
from llmanager.adapters.aws.sagemaker_quote import check, quoted
from llmanager.kernel.errors import InvalidInput
from llmanager.models.entities import Kind, ModelSpec, Scaling
from tests.fakes.sagemaker import GOOD, REGION, sagemaker_world


def quote(spec: ModelSpec, region: str = REGION):
    return quoted(spec, choose(catalog(), spec, region), catalog().priced_on)


@pytest.mark.parametrize("alias", sorted(catalog().models))
def test_every_model_fits_on_its_own_machine_at_a_known_price(alias):
    told = quote(ModelSpec(alias))
    assert told.fits, told.fit_reason
    assert told.usd_per_hour is not None
    assert told.cold_start_ms > 180_000
    assert (told.dimensions is None) == (catalog().models[alias].kind is Kind.CHAT)


def test_aws_knows_every_instance_type_and_ami():
    model = botocore.session.get_session().get_service_model("sagemaker")
    assert set(catalog().machines) <= set(model.shape_for("ProductionVariantInstanceType").enum)
    amis = {image.ami for image in catalog().images.values() if image.ami is not None}
    assert amis <= set(model.shape_for("ProductionVariantInferenceAmiVersion").enum)
    assert all(set(prices) <= set(catalog().machines) for prices in catalog().usd_per_hour.values())


def test_the_price_is_that_of_the_awake_copies_and_says_what_it_assumes():
    told = quote(replace(GOOD, scaling=Scaling(min=2, max=3)))
    assert told.usd_per_instance_hour == Decimal("1.222")
    assert told.usd_per_hour == Decimal("2.444")
    assert told.usd_per_month == Decimal("2.444") * 8 * 30
    assert told.assumption == (
        "2 instances awake 8 h a day, 30 days a month, asleep otherwise; list price of 2026-09-27"
    )


def test_in_a_region_without_prices_the_price_is_unknown_and_not_zero():
    told = quote(GOOD, "eu-west-1")
    assert (told.usd_per_hour, told.usd_per_month, told.usd_per_instance_hour) == (None, None, None)
    assert "not known" in told.assumption


def test_what_does_not_fit_says_so_with_figures():
    told = quote(ModelSpec("llama-2-70b", instance_type="ml.g6.2xlarge"))
    assert not told.fits
    assert "131563 MiB" in told.fit_reason
    assert "24576 MiB (1 x L4 of 24 GiB)" in told.fit_reason
    assert "larger instance type" in told.fit_reason


def test_a_gpu_engine_does_not_fit_on_a_machine_without():
    told = quote(ModelSpec("qwen3-0.6b", instance_type="ml.c6i.2xlarge"))
    assert not told.fits
    assert "needs a GPU" in told.fit_reason


def test_the_embedder_takes_the_image_of_its_machine():
    on_gpu = choose(catalog(), ModelSpec("gte-large"), REGION)
    on_cpu = choose(catalog(), ModelSpec("gte-large", instance_type="ml.c6i.2xlarge"), REGION)
    assert "/tei:" in on_gpu.image
    assert "/tei-cpu:" in on_cpu.image


def test_context_is_at_most_what_the_model_was_trained_for():
    assert quote(replace(GOOD, context_tokens=4096)).context_tokens == 4096
    assert quote(replace(GOOD, context_tokens=10_000_000)).context_tokens == 32768


@pytest.mark.parametrize(
    ("spec", "region", "param", "names"),
    [
        (ModelSpec("gpt-9"), REGION, "model", "qwen3-4b"),
        (replace(GOOD, instance_type="ml.huge"), REGION, "instance_type", "ml.g6.2xlarge"),
        (GOOD, "mars-1", "image", "us-east-1"),
    ],
)
def test_what_is_unknown_is_refused_naming_what_is_known(spec, region, param, names):
    with pytest.raises(InvalidInput, match=names) as raised:
        quote(spec, region)
    assert raised.value.param == param


def test_a_model_is_known_by_its_hub_id_too():
    assert choose(catalog(), ModelSpec("Qwen/Qwen3-4B"), REGION).model.alias == "qwen3-4b"


def test_gated_weights_need_a_token_or_a_bucket():
    gated = ModelSpec("llama-2-7b")
    with pytest.raises(InvalidInput, match="licence"):
        sagemaker_world().host.quote(gated)
    assert sagemaker_world(hub_token="hf_x").host.quote(gated).fits
    assert sagemaker_world().host.quote(replace(gated, weights="s3://b/llama/")).fits
    assert sagemaker_world().host.quote(replace(gated, env={"HF_TOKEN": "hf_x"})).fits


def test_more_settings_than_a_container_takes_are_refused():
    choice = choose(catalog(), GOOD, REGION)
    for env in ({f"A{i}": "x" for i in range(81)}, {"A": "x" * 1025}):
        with pytest.raises(InvalidInput, match="env"):
            check(replace(GOOD, env=env), choice, has_hub_token=False)
