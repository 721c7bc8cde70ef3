"""What an account answered on a walk of `./run.sh verify`, held against AWS's service models and the adapter's reading.

recorded/emulator was recorded over HTTP from this project's own emulator, and proves that the adapter, the emulator and
the models agree. recorded/aws joins it when somebody has run the walk on an account: then it proves that AWS does too.
"""

import json
import re
from pathlib import Path

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from llmanager.adapters.aws.errors import Missing, NotNow, translated
from llmanager.adapters.aws.sagemaker_listing import parsed
from llmanager.adapters.aws.sagemaker_seen import Seen, instances_of, observation, ready_of
from llmanager.adapters.aws.sagemaker_tags import read
from llmanager.models.entities import ReplicaState
from tools.verification.recording import ACCOUNT, TWELVE_DIGITS, public_accounts

FOLDER = Path(__file__).with_name("recorded")
FILES = sorted(FOLDER.glob("*/*.json"))
SOURCES = sorted({file.parent.name for file in FILES})
SESSION = botocore.session.get_session()


def content(file: Path) -> dict:
    return json.loads(file.read_text("utf-8"))


def calls():
    for file in FILES:
        for call in content(file)["calls"]:
            yield pytest.param(call, id=f"{file.parent.name}/{file.stem}-{call['operation']}")


def answer(source: str, moment: str, operation: str) -> dict | None:
    """None: AWS had nothing of that name."""
    for call in content(FOLDER / source / f"{moment}.json")["calls"]:
        if call["operation"] == operation:
            return call.get("response")
    raise AssertionError(f"{operation} was not recorded at {moment}")


def seen(source: str, moment: str) -> Seen:
    targets = answer(source, moment, "DescribeScalableTargets")["ScalableTargets"]
    return Seen(
        endpoint=answer(source, moment, "DescribeEndpoint"),
        component=answer(source, moment, "DescribeInferenceComponent"),
        target=targets[0] if targets else None,
    )


@pytest.mark.parametrize("call", [call for call in calls() if "response" in call.values[0]])
def test_an_answer_is_one_that_the_service_model_knows(call):
    shape = SESSION.get_service_model(call["service"]).operation_model(call["operation"]).output_shape
    report = ParamValidator().validate(call["response"], shape)
    assert not report.has_errors(), report.generate_report()


@pytest.mark.parametrize("call", [call for call in calls() if "error" in call.values[0]])
def test_a_refusal_is_one_that_the_adapter_knows(call):
    metadata = {"HTTPStatusCode": call["status"]}
    refusal = ClientError({"Error": call["error"], "ResponseMetadata": metadata}, call["operation"])
    expected = {"DeleteEndpoint": NotNow, "InvokeEndpoint": ClientError}.get(call["operation"], Missing)
    if call["operation"] == "InvokeEndpoint":
        assert "capacity" in call["error"]["Message"]
        return
    with pytest.raises(expected), translated("see"):
        raise refusal


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_nothing_of_an_account_is_in_it(file):
    text = file.read_text("utf-8")
    assert set(TWELVE_DIGITS.findall(text)) <= {ACCOUNT, *public_accounts()}
    assert not re.search(r"hf_\w{8}|AKIA|X-Amz-Signature|sagemaker-api-key-\w", text)
    assert content(file)["recorded_from"] == {"aws": "aws", "emulator": "emulator"}[file.parent.name]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("moment", ["ready", "woken"])
def test_awake_the_adapter_sees_a_ready_copy_on_a_billed_instance(source, moment):
    found = observation(seen(source, moment))
    assert ready_of(found) == (0,)
    assert found.instances >= 1
    assert not found.is_parked


@pytest.mark.parametrize("source", SOURCES)
def test_asleep_it_sees_that_nothing_is_wanted(source):
    found = observation(seen(source, "asleep"))
    assert found.is_parked
    assert ready_of(found) == ()
    assert (found.floor, found.ceiling) == (0, 1)


@pytest.mark.parametrize("source", SOURCES)
def test_released_there_is_nothing_to_pay_for(source):
    assert instances_of(answer(source, "probed-at-zero", "DescribeEndpoint")) == 0


@pytest.mark.parametrize("source", SOURCES)
def test_while_it_is_made_it_is_there_and_not_ready(source):
    found = observation(seen(source, "asked-to-create"))
    assert found.exists
    assert {replica.state for replica in found.replicas} <= {ReplicaState.STARTING}


@pytest.mark.parametrize("source", SOURCES)
def test_gone_it_does_not_exist_and_no_list_shows_it(source):
    assert not observation(seen(source, "gone")).exists
    assert answer(source, "gone", "ListEndpoints")["Endpoints"] == []


@pytest.mark.parametrize("source", SOURCES)
def test_the_tagging_index_tells_whose_it_is(source):
    mappings = answer(source, "ready", "GetResources")["ResourceTagMappingList"]
    tags = {parsed(one["ResourceARN"])[0]: {t["Key"]: t["Value"] for t in one["Tags"]} for one in mappings}
    told = read(tags["endpoint"])
    assert told is not None
    assert told.name.startswith(("verify-", "vrfemb-"))


def test_there_is_something_recorded():
    assert "emulator" in SOURCES
