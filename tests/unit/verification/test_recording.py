"""What is recorded for the contract suite holds nothing of the account it came from."""

import contextlib
import json
from datetime import UTC, date, datetime

import boto3

from emulator.boto import connect
from emulator.cloud import Cloud
from tests.fakes.clock import FakeClock
from tools.verification.recording import NO_ID, Recorder, scrubbed

MINE = "987654321098"


def test_accounts_roles_buckets_ids_and_secrets_go():
    told = scrubbed(
        {
            "RoleArn": f"arn:aws:iam::{MINE}:role/team-of-jane/hosting-7f",
            "Image": "763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:0.30.0",
            "OwnImage": f"{MINE}.dkr.ecr.us-east-1.amazonaws.com/secret-sauce:1",
            "Url": "s3://janes-bucket/weights/",
            "Environment": {"HF_TOKEN": "hf_abc", "HF_MODEL_ID": "Qwen/Qwen3-0.6B", "MAX_TOKENS": 8},
            "Message": "Request 7c9e6679-7425-40de-944b-e07fc1f90ae7 failed",
            "ResponseMetadata": {"RequestId": "x"},
            "NextToken": "opaque",
            "Tags": [{"Key": "llmanager:stage", "Value": "dev"}],
            "CreationTime": datetime(2026, 11, 28, tzinfo=UTC),
            "Count": 1,
            "Ok": True,
            "Nothing": None,
            "Body": object(),
        }
    )
    assert told == {
        "RoleArn": "arn:aws:iam::123456789012:role/hosting",
        "Image": "763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:0.30.0",
        "OwnImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/secret-sauce:1",
        "Url": "s3://bucket/weights/",
        "Environment": {"HF_TOKEN": "…", "HF_MODEL_ID": "Qwen/Qwen3-0.6B", "MAX_TOKENS": 8},
        "Message": f"Request {NO_ID} failed",
        "Tags": [{"Key": "llmanager:stage", "Value": "dev"}],
        "CreationTime": "2026-11-28T00:00:00+00:00",
        "Count": 1,
        "Ok": True,
        "Nothing": None,
        "Body": "<object>",
    }
    json.dumps(told)


def test_a_call_is_kept_once_a_moment_refusals_too(tmp_path):
    client = boto3.client(
        "sagemaker", region_name="us-east-1", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret"
    )
    connect(client, Cloud(FakeClock(), prices={}, region="us-east-1"))
    recorder = Recorder("emulator")
    recorder.attach(client)
    client.list_endpoints()
    for moment in ("asleep", "gone for good"):
        recorder.moment = moment
        client.list_endpoints()
        client.list_endpoints()
        with contextlib.suppress(client.exceptions.ClientError):
            client.describe_endpoint(EndpointName="e")
    files = recorder.write(tmp_path / "recorded", date(2026, 11, 28))
    assert [file.name for file in files] == ["asleep.json", "gone-for-good.json"]
    told = json.loads(files[0].read_text())
    assert (told["moment"], told["recorded_from"], told["as_of"]) == ("asleep", "emulator", "2026-11-28")
    listed, described = told["calls"]
    assert listed == {
        "service": "sagemaker",
        "operation": "ListEndpoints",
        "status": 200,
        "response": {"Endpoints": []},
    }
    assert (described["status"], described["error"]["Code"]) == (400, "ValidationException")
