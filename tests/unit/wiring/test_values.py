"""Values of settings that are more than a word."""

import json

import pytest

from llmanager.wiring.settings import Settings
from llmanager.wiring.values import SageMaker, SettingsError, sagemaker

REGION, ROLE = "us-east-1", "arn:aws:iam::123456789012:role/llmanager"


def text(**members):
    return json.dumps({"region": REGION, "role_arn": ROLE, **members})


@pytest.mark.parametrize("region", ["us-east-1", "ap-southeast-2", "us-gov-west-1"])
@pytest.mark.parametrize(
    "role", [ROLE, "arn:aws-cn:iam::123456789012:role/x", "arn:aws-us-gov:iam::123456789012:role/path/x"]
)
def test_sagemaker_is_a_region_and_a_role(region, role):
    assert sagemaker(text(region=region, role_arn=role)) == SageMaker(region, role)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        pytest.param("[]", "is not", id="no object"),
        pytest.param(json.dumps({"region": REGION}), "is not", id="no role"),
        pytest.param(text(profile="me"), "is not", id="a member that means nothing"),
        pytest.param(text(region="Frankfurt"), "names no region", id="no region"),
        pytest.param(text(region="us-east-1 "), "names no region", id="a blank in the region"),
        pytest.param(text(role_arn="llmanager"), "no ARN of an IAM role", id="a role's name alone"),
        pytest.param(text(role_arn="arn:aws:iam::"), "no ARN of an IAM role", id="an ARN of nothing"),
        pytest.param(text(region=None), "names no region", id="no text"),
        pytest.param("{", "double quotes", id="no JSON"),
    ],
)
def test_what_is_neither_is_refused(value, problem):
    with pytest.raises(ValueError, match=problem):
        sagemaker(value)


def test_the_setting_that_is_wrong_is_named():
    with pytest.raises(SettingsError, match="LLMANAGER_SAGEMAKER"):
        Settings.from_env({"LLMANAGER_SAGEMAKER": text(region="Frankfurt")})
    assert Settings.from_env({}).sagemaker is None
