"""What API Gateway answers by itself, in the shape that every other error has."""

import json
from dataclasses import dataclass

from aws_cdk import aws_apigateway as apigateway

RETRY_AFTER_S = 1


@dataclass(frozen=True)
class Refusal:
    response: apigateway.ResponseType
    status: int
    kind: str
    code: str
    message: str
    retries: bool = False


TYPES = apigateway.ResponseType
TELL_KEY = "An API key that is valid has to come with the request: Authorization: Bearer KEY."
UNKNOWN = "Something went wrong before the request reached LLManager. Try again; if it stays, report the request id."
REFUSALS = (
    Refusal(TYPES.UNAUTHORIZED, 401, "authentication_error", "unauthenticated", TELL_KEY),
    Refusal(TYPES.ACCESS_DENIED, 403, "permission_error", "forbidden", "This key may not call this API."),
    Refusal(TYPES.MISSING_AUTHENTICATION_TOKEN, 404, "not_found_error", "not_found", "There is no such route."),
    Refusal(TYPES.RESOURCE_NOT_FOUND, 404, "not_found_error", "not_found", "There is no such route."),
    Refusal(
        TYPES.REQUEST_TOO_LARGE,
        413,
        "invalid_request_error",
        "body_too_large",
        "The request's body is over 10 MB. Send less, in several requests, or a file by POST /files.",
    ),
    Refusal(TYPES.THROTTLED, 429, "rate_limit_error", "throttled", "Too many requests at once. Slow down.", True),
    Refusal(TYPES.QUOTA_EXCEEDED, 429, "rate_limit_error", "throttled", "Too many requests. Slow down.", True),
    Refusal(TYPES.BAD_REQUEST_BODY, 400, "invalid_request_error", "bad_request", "The request's body cannot be read."),
    Refusal(
        TYPES.INTEGRATION_TIMEOUT,
        504,
        "upstream_error",
        "upstream_timeout",
        "LLManager did not answer in time. What was begun goes on: ask for its status.",
        True,
    ),
    Refusal(TYPES.INTEGRATION_FAILURE, 502, "upstream_error", "upstream_failed", UNKNOWN, True),
    Refusal(TYPES.AUTHORIZER_FAILURE, 500, "internal_error", "internal_error", UNKNOWN, True),
    Refusal(TYPES.AUTHORIZER_CONFIGURATION_ERROR, 500, "internal_error", "internal_error", UNKNOWN),
    Refusal(TYPES.API_CONFIGURATION_ERROR, 500, "internal_error", "internal_error", UNKNOWN),
)


def add_gateway_responses(api: apigateway.RestApi) -> None:
    for refusal in REFUSALS:
        name = refusal.response.response_type.title().replace("_", "")
        api.add_gateway_response(
            name,
            type=refusal.response,
            status_code=str(refusal.status),
            response_headers=_headers(retries=refusal.retries),
            templates={"application/json": _body(refusal.kind, refusal.code, json.dumps(refusal.message))},
        )
    # Whatever else it refuses: its own words, which it escapes and quotes itself.
    for response, kind, code in (
        (TYPES.DEFAULT_4_XX, "invalid_request_error", "bad_request"),
        (TYPES.DEFAULT_5_XX, "internal_error", "internal_error"),
    ):
        name = response.response_type.title().replace("_", "")
        api.add_gateway_response(
            name,
            type=response,
            response_headers=_headers(retries=False),
            templates={"application/json": _body(kind, code, "$context.error.messageString")},
        )


def _headers(*, retries: bool) -> dict[str, str]:
    headers = {"x-request-id": "context.requestId"}
    return headers | ({"Retry-After": f"'{RETRY_AFTER_S}'"} if retries else {})


def _body(kind: str, code: str, message: str) -> str:
    """`message`: as JSON, quotes and all."""
    return f'{{"error":{{"message":{message},"type":"{kind}","code":"{code}","param":null}}}}'
