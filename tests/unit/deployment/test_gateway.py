"""The API's stage, shut and opened."""

import pytest
from botocore.exceptions import ClientError

from tools.deployment import gateway

TEMPLATE = {
    "Resources": {
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {}},
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {
                "MethodSettings": [
                    {"ResourcePath": "/*", "HttpMethod": "*", "ThrottlingRateLimit": 50, "ThrottlingBurstLimit": 100},
                    {"ResourcePath": "/chat", "HttpMethod": "POST", "DataTraceEnabled": False},
                ]
            },
        },
    }
}


class FakeApiGateway:
    def __init__(self):
        self.stages = {"dev": {"*/*": {"throttlingRateLimit": 50.0, "throttlingBurstLimit": 100}}}
        self.updates = 0

    def get_stage(self, *, restApiId, stageName):  # noqa: N803 (their names)
        if stageName not in self.stages:
            raise ClientError({"Error": {"Code": "NotFoundException", "Message": "no stage"}}, "GetStage")
        return {"methodSettings": self.stages[stageName]}

    def update_stage(self, *, restApiId, stageName, patchOperations):  # noqa: N803
        self.updates += 1
        for change in patchOperations:
            path, method, _, name = change["path"].removeprefix("/").rsplit("/", 3)
            field = {"rateLimit": "throttlingRateLimit", "burstLimit": "throttlingBurstLimit"}[name]
            self.stages[stageName].setdefault(f"{path}/{method}", {})[field] = float(change["value"])

    @property
    def limits(self):
        return {key: tuple(found.values()) for key, found in self.stages["dev"].items()}


@pytest.fixture
def api():
    return FakeApiGateway()


def test_shut_lets_nothing_through_and_opened_what_the_template_says(api):
    gateway.shut(api, "a1", "dev")
    assert api.limits == {"*/*": (0, 0)}
    gateway.opened(api, "a1", "dev", TEMPLATE)
    assert api.limits == {"*/*": (50, 100)}


def test_a_route_with_a_limit_of_its_own_is_shut_too(api):
    api.stages["dev"]["~1chat/POST"] = {"throttlingRateLimit": 5.0, "throttlingBurstLimit": 9}
    gateway.shut(api, "a1", "dev")
    assert api.limits == {"*/*": (0, 0), "~1chat/POST": (0, 0)}


def test_a_stage_that_is_as_it_should_be_is_left_alone(api):
    gateway.opened(api, "a1", "dev", TEMPLATE)
    assert api.updates == 0


def test_a_stage_that_is_gone_needs_no_shutting(api):
    del api.stages["dev"]
    gateway.shut(api, "a1", "dev")
