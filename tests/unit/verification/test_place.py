"""Where the API is: told, or read from what the deployment put out."""

import boto3
import pytest
from botocore.stub import Stubber

from llmanager.kernel.errors import InvalidInput, Unavailable
from tools.verification.place import admin_key, deployed_url, place_of

CREDENTIALS = {"region_name": "us-east-1", "aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}
AWS_URL = "https://abc123.execute-api.us-east-1.amazonaws.com/dev/"


def stack(**outputs):
    return {
        "StackName": "lm-dev-service",
        "CreationTime": "2026-11-28T00:00:00Z",
        "StackStatus": "CREATE_COMPLETE",
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
    }


@pytest.fixture
def cloudformation():
    def client(endpoint=None):
        made = boto3.client("cloudformation", endpoint_url=endpoint, **CREDENTIALS)
        stubber = Stubber(made)
        stubber.activate()
        return made, stubber

    return client


def test_on_aws_it_is_the_stacks_output(cloudformation):
    client, stub = cloudformation()
    outputs = stack(ApiUrl=AWS_URL, ApiId="abc123")
    stub.add_response("describe_stacks", {"Stacks": [outputs]}, {"StackName": "lm-dev-service"})
    assert deployed_url(client, "dev") == AWS_URL


def test_an_emulators_api_is_behind_the_emulator(cloudformation):
    client, stub = cloudformation("http://127.0.0.1:4566")
    stub.add_response("describe_stacks", {"Stacks": [stack(ApiUrl=AWS_URL, ApiId="abc123")]})
    assert deployed_url(client, "dev") == "http://127.0.0.1:4566/_aws/execute-api/abc123/dev"


def test_what_is_not_deployed_says_how_to(cloudformation):
    client, stub = cloudformation()
    stub.add_client_error("describe_stacks", "ValidationError", "Stack with id lm-dev-service does not exist")
    with pytest.raises(InvalidInput, match=r"\./run\.sh deploy"):
        deployed_url(client, "dev")


def test_the_key_is_kept_as_a_secret():
    client = boto3.client("secretsmanager", **CREDENTIALS)
    with Stubber(client) as stub:
        stub.add_response("get_secret_value", {"SecretString": "lm_key"}, {"SecretId": "lm-dev-admin-key"})
        assert admin_key(client, "dev") == "lm_key"


def test_what_is_told_is_not_looked_for():
    place = place_of("dev", url="http://127.0.0.1:8080/", key="k", region="us-east-1")
    assert (place.url, place.key, place.region) == ("http://127.0.0.1:8080", "k", "us-east-1")
    assert "'k'" not in repr(place)


def test_without_a_profile_that_there_is_it_says_so(monkeypatch):
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_PROFILE", "payroll")
    with pytest.raises(Unavailable, match="list-profiles"):
        place_of("dev", url=None, key=None, region=None)
