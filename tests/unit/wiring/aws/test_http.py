"""What a function answers to API Gateway, which gets no more than Lambda hands on."""

import json

from llmanager.wiring.aws.http import MAX_ANSWER_BYTES, fitting


def answer(text: str) -> dict:
    """As Mangum makes it."""
    headers = {"content-type": "application/json", "x-request-id": "asked-by-me", "etag": "of-the-other"}
    return {"statusCode": 200, "headers": headers, "multiValueHeaders": {}, "body": text, "isBase64Encoded": False}


def test_an_answer_as_large_as_lambda_hands_on_passes_as_it_is():
    for made in (answer(""), answer("x" * (MAX_ANSWER_BYTES - 1000))):
        assert fitting(made) is made


def test_one_that_is_larger_is_an_error_that_says_what_to_do():
    """Lambda would fail, and API Gateway say 502."""
    told = fitting(answer("x" * MAX_ANSWER_BYTES))
    assert told["statusCode"] == 413
    assert told["headers"]["x-request-id"] == "asked-by-me"
    assert "etag" not in told["headers"]
    error = json.loads(told["body"])["error"]
    assert error["code"] == "answer_too_large"
    assert "Ask for less" in error["message"]


def test_what_counts_is_its_length_as_json():
    assert fitting(answer('"' * (MAX_ANSWER_BYTES // 2 + 1)))["statusCode"] == 413
    assert fitting(answer("é" * (MAX_ANSWER_BYTES // 2 - 1000)))["statusCode"] == 200
