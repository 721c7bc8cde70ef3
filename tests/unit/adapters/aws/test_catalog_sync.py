"""The catalog's JSON is made from what the sagemaker package and AWS say, and from nothing else.

The documents here are of our own making, in the shapes that AWS's service models (through botocore's Stubber) and the
package's tables have.
"""

import copy
import json
import tomllib
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import boto3
import pytest
from botocore.stub import Stubber

from llmanager.adapters.aws.catalog_sync import jumpstart, prices
from llmanager.adapters.aws.catalog_sync.draft import NAMES, current, drafted, text
from llmanager.adapters.aws.catalog_sync.fetch import (
    OWN_VENV,
    PAGE,
    VERSION,
    Account,
    ImageTables,
    NoSageMakerPackage,
    image_tables,
)
from llmanager.adapters.aws.catalog_sync.images import TABLES, engine_images, newest
from llmanager.adapters.aws.sagemaker_catalog import catalog
from llmanager.kernel.errors import UpstreamFailed

TODAY = date(2026, 11, 28)
REGISTRIES = {"us-east-1": "111122223333", "eu-west-1": "444455556666", "cn-north-1": "777788889999"}


def table(version="1.2.0", **entry):
    newer = {"repository": "vllm", "registries": REGISTRIES, **entry}
    older = {"repository": "vllm", "registries": {}, "tag_prefix": "0.9"}
    return {"inference": {"processors": ["gpu", "cpu"], "versions": {version: newer, "0.9.9": older, "latest": older}}}


def tables():
    entry = {"py_versions": ["py310", "py312"], "container_version": {"gpu": "cu130-ubuntu", "cpu": "ubuntu"}}
    return {name: table(**entry) for name, _ in TABLES.values()}


def offered(usage="USE1-Host:ml.g6.2xlarge", usd="1.3000000000", unit="Hrs", **attributes):
    """A product of the price list."""
    facts = {"regionCode": "us-east-1", "usagetype": usage, "vCpu": "8", "memory": "32 GiB", **attributes}
    price = {"unit": unit, "pricePerUnit": {"USD": usd}}
    return json.dumps(
        {
            "product": {"attributes": facts, "productFamily": "ML Instance", "sku": "ABC"},
            "serviceCode": "AmazonSageMaker",
            "terms": {"OnDemand": {"ABC.1": {"priceDimensions": {"ABC.1.2": price}}}},
        }
    )


def described(id_="huggingface-llm-mistral-7b-instruct", **document):
    return {
        "HubContentName": id_,
        "HubContentArn": f"arn:aws:sagemaker:us-east-1:aws:hub-content/SageMakerPublicHub/Model/{id_}/3.1.0",
        "HubContentVersion": "3.1.0",
        "HubContentType": "Model",
        "DocumentSchemaVersion": "2.4.0",
        "HubName": "SageMakerPublicHub",
        "HubArn": "arn:aws:sagemaker:us-east-1:aws:hub/SageMakerPublicHub",
        "HubContentDocument": json.dumps(
            {
                "Url": "https://huggingface.co/mistralai/Mistral-7B-Instruct-v0.3",
                "DefaultInferenceInstanceType": "ml.g5.2xlarge",
                "SupportedInferenceInstanceTypes": ["ml.g5.xlarge", "ml.g5.2xlarge"],
                **document,
            }
        ),
        "HubContentStatus": "Available",
        "CreationTime": datetime(2026, 8, 1, tzinfo=UTC),
    }


def summary(id_):
    return {
        key: value for key, value in described(id_).items() if key not in ("HubContentDocument", "HubName", "HubArn")
    }


@pytest.fixture
def stubs(monkeypatch):
    """Real boto3 clients; what is answered is checked against AWS's models."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    clients = [boto3.client(name, region_name="us-east-1") for name in ("pricing", "sagemaker")]
    stubbers = [Stubber(client) for client in clients]
    for stubber in stubbers:
        stubber.activate()
    yield Account(*clients), *stubbers
    for stubber in stubbers:
        stubber.assert_no_pending_responses()


# --- images ---


def test_the_newest_version_its_tag_and_its_registries():
    image = engine_images(tables())["vllm"]
    assert image == {
        "repository": "vllm",
        "tag": "1.2.0-gpu-py312-cu130-ubuntu",
        "ami": "al2023-ami-sagemaker-inference-gpu-4-1",
        "accounts": {"eu-west-1": "444455556666", "us-east-1": "111122223333"},
    }
    on_cpu = engine_images(tables())["tei-cpu"]
    assert (on_cpu["tag"], on_cpu["ami"]) == ("1.2.0-cpu-py312-ubuntu", None)


def test_a_table_without_processors_has_its_whole_tag_in_the_prefix():
    plain = {"scope": ["inference"], "versions": {"0.38.0": {**table()["inference"]["versions"]["1.2.0"]}}}
    plain["versions"]["0.38.0"]["tag_prefix"] = "0.38.0-lmi29.0.0-cu124"
    image = engine_images({**tables(), "djl-lmi": plain})["lmi"]
    assert (image["tag"], image["ami"]) == ("0.38.0-lmi29.0.0-cu124", None)


def test_versions_are_numbers_and_not_letters():
    assert newest({"0.9.0": 1, "0.10.0": 1, "0.10": 1, "latest": 1}) == "0.10.0"


@pytest.mark.parametrize("wrong", [{}, {"inference": {}}, {"inference": {"versions": {}}}, {"versions": {"1.0": {}}}])
def test_a_table_of_another_shape_says_so(wrong):
    with pytest.raises(UpstreamFailed, match="djl-lmi"):
        engine_images({**tables(), "djl-lmi": wrong})


def test_the_package_is_found_in_its_own_environment(tmp_path):
    site = tmp_path / OWN_VENV / "lib/python3.11/site-packages"
    folder = site / "sagemaker/core/image_uri_config"
    folder.mkdir(parents=True)
    (site / "sagemaker-3.99.0.dist-info").mkdir()
    (site / "sagemaker_core-2.1.0.dist-info").mkdir()
    for name, _ in TABLES.values():
        (folder / f"{name}.json").write_text("{}")
    found = image_tables(tmp_path)
    assert (found.version, set(found.tables)) == ("3.99.0", {name for name, _ in TABLES.values()})


def test_the_version_is_that_of_the_extra():
    project = tomllib.loads((Path(__file__).resolve().parents[4] / "pyproject.toml").read_text())["project"]
    assert f"sagemaker=={VERSION}" in project["optional-dependencies"]["catalog"]


def test_without_the_package_it_says_how_to_get_it(tmp_path):
    with pytest.raises(NoSageMakerPackage, match=f"pip install sagemaker=={VERSION}"):
        image_tables(tmp_path)


# --- prices and sizes ---


def test_an_offer_is_read():
    (offer,) = prices.offers([offered(memory="1,152 GiB", vCpu="192")])
    assert offer == prices.Offer("us-east-1", "ml.g6.2xlarge", Decimal("1.3"), 192, 1152)


@pytest.mark.parametrize(
    "other",
    [
        offered("USE1-Train:ml.g6.2xlarge"),
        offered("USE1-Host:VolumeUsage.gp2"),
        offered("USE1-Host:ml.g6.2xlarge-spot"),
        offered(usd="0.0000000000"),
        offered(usd=""),
        offered(unit="GB-Mo"),
        json.dumps({"product": {"attributes": {"usagetype": "Host:ml.g6.2xlarge"}}, "terms": {}}),
    ],
)
def test_what_is_no_hosting_by_the_hour_is_left_out(other):
    assert prices.offers([other]) == ()


def test_a_fetched_region_is_told_anew_and_the_others_stay():
    old = {"us-east-1": {"ml.g6.xlarge": "9", "ml.g6.2xlarge": "9"}, "eu-west-1": {"ml.g6.xlarge": "1.5"}}
    fetched = prices.offers([offered(), offered("USE1-Host:ml.unknown.xlarge")])
    told = prices.with_prices(old, ["ml.g6.xlarge", "ml.g6.2xlarge"], fetched)
    assert told == {"us-east-1": {"ml.g6.2xlarge": "1.3"}, "eu-west-1": {"ml.g6.xlarge": "1.5"}}
    assert old["us-east-1"]["ml.g6.xlarge"] == "9"


def test_sizes_follow_and_gpus_stay():
    machine = {"gpu": "L4", "gpus": 1, "gpu_memory_gib": 24, "vcpus": 1, "memory_gib": 1}
    told = prices.with_sizes({"ml.g6.2xlarge": machine}, prices.offers([offered(memory="N/A")]))
    assert told == {"ml.g6.2xlarge": {**machine, "vcpus": 8}}


# --- JumpStart ---


def test_a_hub_model_is_read_with_awss_own_choice_first():
    model = jumpstart.hub_model(described(HostingEulaUri="s3://eula"))
    assert model.instance_types == ("ml.g5.2xlarge", "ml.g5.xlarge")
    assert (model.version, model.has_licence_to_accept) == ("3.1.0", True)
    assert jumpstart.hub_model(described(DefaultInferenceInstanceType=None)).instance_types[0] == "ml.g5.xlarge"


def test_what_a_person_should_look_at():
    models = {"m": {"is_gated": False, "jumpstart": {"id": "a"}}, "n": {"is_gated": True, "jumpstart": {"id": "b"}}}
    gated = [jumpstart.HubModel(id_, "1", (), has_licence_to_accept=True) for id_ in ("a", "b")]
    assert jumpstart.remarks(models, ["a"], gated) == [
        "b is not in SageMakerPublicHub (any more)",
        "m: JumpStart wants its licence accepted, the catalog says it is not gated",
    ]


# --- all of it ---


def test_everything_is_fetched_page_by_page_and_told_with_source_and_date(stubs):
    account, pricing, sagemaker = stubs
    asked = {
        "ServiceCode": "AmazonSageMaker",
        "Filters": [{"Type": "TERM_MATCH", "Field": "regionCode", "Value": "us-east-1"}],
        "MaxResults": PAGE,
    }
    pricing.add_response("get_products", {"FormatVersion": "aws_v1", "PriceList": [offered()], "NextToken": "n"}, asked)
    pricing.add_response(
        "get_products", {"PriceList": [offered("USE1-Train:ml.m5.xlarge")]}, {**asked, "NextToken": "n"}
    )
    files = only_mistral(current())
    hub = {"HubName": "SageMakerPublicHub", "HubContentType": "Model"}
    (id_,) = jumpstart.ids_of(files["models"]["models"])
    sagemaker.add_response("list_hub_contents", {"HubContentSummaries": [summary(id_)]}, {**hub, "MaxResults": PAGE})
    sagemaker.add_response("describe_hub_content", described(id_), {**hub, "HubContentName": id_})

    draft = drafted(files, ImageTables("3.27.0", tables()), account, ["us-east-1"], TODAY)

    assert {draft.after[name]["as_of"] for name in NAMES} == {"2026-11-28"}
    assert draft.after["prices"]["regions"]["us-east-1"] == {"ml.g6.2xlarge": "1.3"}
    assert draft.after["models"]["models"]["mistral-7b"]["jumpstart"] == {
        "id": id_,
        "version": "3.1.0",
        "instance_types": ["ml.g5.2xlarge", "ml.g5.xlarge"],
    }
    assert [draft.after[name]["made_offline"] for name in NAMES] == [True, False, False, False]
    assert "GetProducts" in draft.after["prices"]["source"]
    assert draft.remarks == ()
    assert '+      "ml.g6.2xlarge": "1.3"' in draft.diff()
    assert files == only_mistral(current())


def only_mistral(files):
    told = copy.deepcopy({name: dict(content) for name, content in files.items()})
    told["models"]["models"] = {"mistral-7b": told["models"]["models"]["mistral-7b"]}
    return told


def test_what_aws_does_not_tell_stays_and_a_remark_says_why(stubs):
    account, pricing, sagemaker = stubs
    pricing.add_client_error("get_products", "ExpiredTokenException")
    files = only_mistral(current())
    sagemaker.add_response("list_hub_contents", {"HubContentSummaries": []})
    sagemaker.add_client_error("describe_hub_content", "ResourceNotFound")

    draft = drafted(files, ImageTables("3.27.0", tables()), account, ["us-east-1"], TODAY)

    assert draft.after["prices"] == files["prices"]
    assert draft.remarks[0].startswith("left as it was: This server's AWS credentials have expired")
    assert draft.remarks[1] == "huggingface-llm-mistral-7b-instruct is not in SageMakerPublicHub (any more)"
    assert draft.after["models"]["models"] == files["models"]["models"]


def test_offline_only_the_images_change():
    files = current()
    draft = drafted(files, ImageTables("3.27.0", tables()), None, ["us-east-1"], TODAY)
    assert [name for name in NAMES if draft.after[name] != files[name]] == ["images"]


def test_the_committed_files_are_written_as_the_sync_writes_them():
    for name, content in current().items():
        assert list(content)[:3] == ["as_of", "source", "made_offline"], name
        assert text(content).endswith("}\n")


def test_the_catalog_has_the_seed_aliases_and_a_jumpstart_id_is_a_name_too():
    assert {"mistral-7b", "mixtral-8x7b", "llama-2-7b", "llama-2-70b", "gte-large"} <= set(catalog().models)
    ids = [model.jumpstart_id for model in catalog().models.values() if model.jumpstart_id is not None]
    assert len(ids) == len(set(ids)) > 30
