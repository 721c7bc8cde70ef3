"""Why something did not come up on SageMaker is told with what to do about it."""

import pytest

from llmanager.adapters.aws.sagemaker_seen import Seen, next_step, observation


@pytest.mark.parametrize(
    ("reason", "step"),
    [
        ("InsufficientInstanceCapacity: We currently do not have enough ml.g6.2xlarge", "another instance type"),
        ("ResourceLimitExceeded: the account-level service limit is 0", "higher quota"),
        ("Unable to pull image from ECR", "Check the image"),
        ("Failed to download model data from s3://b/m: NoSuchKey", "Check the weights"),
        ("Could not assume role llmanager", "Give SageMaker's role"),
        ("The container for variant AllTraffic did not pass the ping health check.", "log in CloudWatch says why"),
        ("Something new", "the image, the weights and the instance type"),
        ("", "the image, the weights and the instance type"),
    ],
)
def test_a_reason_has_its_next_step(reason, step):
    assert step in next_step(reason)


def test_a_failed_endpoint_tells_both_without_account_numbers():
    endpoint = {"EndpointStatus": "Failed", "FailureReason": "InsufficientInstanceCapacity in account 123456789012."}
    (replica,) = observation(Seen(endpoint=endpoint)).replicas
    assert "It could not start on SageMaker: InsufficientInstanceCapacity in account …." in replica.reason
    assert replica.reason.endswith("It is tried again; another instance type may be free.")
    assert not replica.is_final
