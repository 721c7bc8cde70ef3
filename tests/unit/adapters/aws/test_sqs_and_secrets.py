"""Queues and secrets on AWS: what they refuse, and what is not there."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from llmanager.adapters.aws.clients import ServiceClients
from llmanager.adapters.aws.secrets import SecretValues
from llmanager.adapters.aws.sqs_queue import SQSQueue
from llmanager.kernel.errors import Throttled, Unavailable
from tests import aws
from tests.fakes.aws_client import FaultyClient, refusal

NO_ANSWER = EndpointConnectionError(endpoint_url="https://aws")


class TestQueue:
    @pytest.fixture
    def client(self):
        with aws.moto() as clients:
            yield FaultyClient(clients.sqs)

    @pytest.fixture
    def queue(self, client):
        return SQSQueue(client, client._client.create_queue(QueueName="q")["QueueUrl"])

    @pytest.mark.parametrize(("delay_s", "whole_s"), [(0, 0), (0.2, 1), (30, 30), (899.5, 900), (901, 900), (-1, 0)])
    def test_waits_whole_seconds_up_to_the_limit(self, queue, client, delay_s, whole_s):
        seen = []
        client.send_message = lambda **request: seen.append(request["DelaySeconds"])
        queue.send({}, delay_s=delay_s)
        assert seen == [whole_s]

    @pytest.mark.parametrize(
        ("refused", "kind", "text"),
        [
            (refusal("OverLimit"), Throttled, "Try again"),
            (refusal("RequestThrottled"), Throttled, "too often"),
            (refusal("AccessDenied"), Unavailable, "permission"),
            (refusal("ExpiredToken"), Unavailable, "credentials"),
            (NO_ANSWER, Unavailable, "not known"),
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_says_what_to_do(self, queue, client, refused, kind, text):
        client.refuses = [refused]
        with pytest.raises(kind, match=text):
            queue.send({})

    def test_that_is_not_there_is_told(self, client):
        with pytest.raises(Unavailable, match="no such queue"):
            SQSQueue(client, "https://sqs.us-east-1.amazonaws.com/123456789012/none").send({})

    def test_lets_pass_what_nobody_knows(self, queue, client):
        client.refuses = [refusal("InvalidMessageContents")]
        with pytest.raises(ClientError):
            queue.send({})


@pytest.fixture(params=["moto", "ministack"])
def secrets_client(request):
    with getattr(aws, request.param)() as clients:
        yield FaultyClient(clients.secrets)


class TestSecrets:
    @pytest.fixture
    def made(self, secrets_client):
        secrets_client._client.create_secret(Name="lm-test-admin-key")
        yield "lm-test-admin-key"
        secrets_client._client.delete_secret(SecretId="lm-test-admin-key", ForceDeleteWithoutRecovery=True)

    def test_have_no_value_until_one_is_put_and_then_the_last_one(self, secrets_client, made):
        secrets = SecretValues(secrets_client)
        assert secrets.read(made) is None
        secrets.put(made, "first")
        secrets.put(made, "second")
        assert secrets.read(made) == "second"

    def test_that_are_not_there_read_as_none_and_are_not_made(self, secrets_client):
        secrets = SecretValues(secrets_client)
        assert secrets.read("lm-none") is None
        with pytest.raises(Unavailable, match=r"'lm-none'.*Deploy again"):
            secrets.put("lm-none", "x")
        assert secrets.read("lm-none") is None

    @pytest.mark.parametrize(
        ("refused", "kind", "text"),
        [
            (refusal("AccessDeniedException"), Unavailable, "permission"),
            (refusal("ExpiredTokenException"), Unavailable, "credentials"),
            (refusal("InvalidRequestException", "it was marked for deletion."), Unavailable, "Restore"),
            (refusal("ThrottlingException"), Throttled, "too often"),
            (NoCredentialsError(), Unavailable, "No AWS credentials were found"),
            (NO_ANSWER, Unavailable, "not known"),
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_say_what_to_do(self, secrets_client, refused, kind, text):
        for act in (lambda s: s.read("x"), lambda s: s.put("x", "very-secret")):
            secrets_client.refuses = [refused]
            with pytest.raises(kind, match=text) as caught:
                act(SecretValues(secrets_client))
            assert "very-secret" not in str(caught.value)


class TestClients:
    def test_without_a_region_say_which_setting_is_missing(self):
        with aws.environment({"AWS_CONFIG_FILE": "/dev/null"}):
            with pytest.raises(Unavailable, match="AWS_DEFAULT_REGION"):
                ServiceClients()
            with aws.environment({"AWS_CONFIG_FILE": "/dev/null", "AWS_DEFAULT_REGION": "eu-west-1"}):
                assert "eu-west-1" in ServiceClients().dynamodb.meta.endpoint_url

    def test_go_where_the_environment_says(self):
        with aws.environment(
            {
                "AWS_DEFAULT_REGION": "eu-west-1",
                "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
                "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:2",
            }
        ):
            clients = ServiceClients()
            places = [c.meta.endpoint_url for c in (clients.dynamodb, clients.s3, clients.sqs, clients.secrets)]
        assert places == ["http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:1", "http://127.0.0.1:1"]

    def test_are_made_when_asked_for(self):
        clients = ServiceClients("us-east-1")
        assert "dynamodb" not in vars(clients)
        assert clients.dynamodb is clients.dynamodb
        assert not {"s3", "sqs", "secrets"} & set(vars(clients))

    def test_leave_repeating_writes_of_rows_to_the_table(self):
        assert ServiceClients("us-east-1").dynamodb.meta.config.retries["total_max_attempts"] == 1
