"""Logs of models have an end: whichever SageMaker made, of this stage, and no others."""

import pytest

from llmanager.adapters.aws.log_groups import ModelLogs
from llmanager.kernel.errors import Throttled, Unavailable
from tests import aws
from tests.fakes.aws_client import FaultyClient, refusal

OURS = [f"/aws/sagemaker/{family}/lm-dev-{n}-abc" for family in ("Endpoints", "InferenceComponents") for n in range(60)]
OTHERS = ["/aws/lambda/lm-dev-chat", "/aws/sagemaker/Endpoints/lm-two-a", "/aws/sagemaker/Endpoints/somebody"]


@pytest.fixture
def client():
    with aws.moto() as clients:
        for name in (*OURS, *OTHERS):
            clients.logs.create_log_group(logGroupName=name)
        yield FaultyClient(clients.logs)


def kept(client):
    """Days by name, of those that have an end."""
    pages = client._client.get_paginator("describe_log_groups").paginate()
    groups = [group for page in pages for group in page["logGroups"]]
    return {group["logGroupName"]: group["retentionInDays"] for group in groups if "retentionInDays" in group}


def test_every_group_of_the_stages_models_is_kept_a_month_and_no_other_is_touched(client):
    assert ModelLogs(client, "dev").limit() == len(OURS)
    assert kept(client) == dict.fromkeys(OURS, 30)


def test_a_repeat_changes_nothing_and_what_somebody_chose_stays(client):
    client.put_retention_policy(logGroupName=OURS[0], retentionInDays=365)
    ModelLogs(client, "dev").limit()
    client.put_retention_policy = None  # whoever calls it now fails
    assert ModelLogs(client, "dev").limit() == 0
    assert kept(client)[OURS[0]] == 365


def test_a_group_that_goes_meanwhile_is_no_error(client):
    put = client.put_retention_policy

    def gone(**request):
        client.delete_log_group(logGroupName=request["logGroupName"])
        return put(**request)

    client.put_retention_policy = gone
    assert ModelLogs(client, "dev").limit() == 0


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AccessDeniedException", Unavailable),
        ("ThrottlingException", Throttled),
        ("OperationAbortedException", Unavailable),
    ],
)
def test_what_aws_refuses_is_told(client, code, kind):
    client.refuses = [refusal(code)]
    with pytest.raises(kind):
        ModelLogs(client, "dev").limit()
