"""Events as AWS sends them: API Gateway's REST proxy and authorizers, SQS, EventBridge."""

import json
from dataclasses import dataclass

REGION, ACCOUNT, API = "us-east-1", "123456789012", "a1b2c3d4e5"
HOST = f"{API}.execute-api.{REGION}.amazonaws.com"


@dataclass(frozen=True)
class Context:
    """AWS's own; the last argument of every handler."""

    aws_request_id: str = "8f0b2c1e-6a53-4b0f-9f6d-0c6d6b1d2f11"
    left_ms: int = 60_000

    def get_remaining_time_in_millis(self) -> int:
        return self.left_ms


def request(method, path, body=None, *, key=None, headers=None, stage="test", host=HOST):
    """A REST proxy event (version 1)."""
    sent = {
        "Accept": "*/*",
        "Host": host,
        "User-Agent": "curl/8.7.1",
        "X-Amzn-Trace-Id": "Root=1-6740e1f2-3c2f5a7d1b9e4f6a8c0d2e4f",
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
        **({} if body is None else {"Content-Type": "application/json"}),
        **({} if key is None else {"Authorization": f"Bearer {key}"}),
        **(headers or {}),
    }
    prefix = path.split("/")[1]
    return {
        "resource": f"/{prefix}/{{proxy+}}",
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"proxy": path.removeprefix(f"/{prefix}/")},
        "stageVariables": None,
        "requestContext": {
            "resourceId": "r4s8t2",
            "resourcePath": f"/{prefix}/{{proxy+}}",
            "httpMethod": method,
            "extendedRequestId": "B2kVYE2rIAMF6_Q=",
            "requestTime": "20/Nov/2026:12:00:00 +0000",
            "path": f"/{stage}{path}",
            "accountId": ACCOUNT,
            "protocol": "HTTP/1.1",
            "stage": stage,
            "domainPrefix": API,
            "requestTimeEpoch": 1795176000000,
            "requestId": "6d1f2b8a-0c4e-4f57-9a51-3e7c9b0d5f42",
            "identity": {"sourceIp": "203.0.113.7", "userAgent": "curl/8.7.1"},
            "domainName": host,
            "apiId": API,
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def method_arn(method="POST", path="history/list", stage="test"):
    return f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{API}/{stage}/{method}/{path}"


def token(authorization):
    """Of a TOKEN authorizer."""
    return {"type": "TOKEN", "methodArn": method_arn(), "authorizationToken": authorization}


def authorization_of(event):
    """Of a REQUEST authorizer: the request without its body."""
    return {"type": "REQUEST", "methodArn": method_arn(), **{k: v for k, v in event.items() if k != "body"}}


def records(*bodies, queue="lm-test-reconcile"):
    return {
        "Records": [
            {
                "messageId": f"0f7e2a54-9d41-4e0b-8b1a-{number:012d}",
                "receiptHandle": "AQEBzWwaftRI0KuVm4tP",
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1795176000000",
                    "SenderId": "AROAEXAMPLE:lm-test-models",
                    "ApproximateFirstReceiveTimestamp": "1795176000010",
                },
                "messageAttributes": {},
                "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}",
                "awsRegion": REGION,
            }
            for number, body in enumerate(bodies)
        ]
    }


def schedule():
    return {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": "2026-11-20T12:00:00Z",
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/lm-test-every-minute"],
        "detail": {},
    }
