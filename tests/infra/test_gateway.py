"""The API: which route leads to which function, who is let in, and what API Gateway says by itself."""

import json

import pytest

from infra.options import ROUTED
from tests.infra.templates import plain

# Path -> function; "+" stands for everything below.
ROUTES = {
    "/auth/+": "auth",
    "/model": "models",
    "/model/+": "models",
    "/models": "models",
    "/models/+": "models",
    "/admin/+": "models",
    "/openapi.json": "models",
    "/health": "models",
    "/ready": "models",
    "/model/query": "chat",
    "/models/query": "chat",
    "/v1/+": "chat",
    "/openai/+": "chat",
    "/chat": "chat",
    "/history/+": "history",
    "/vdb/+": "vdb",
    "/files": "vdb",
    "/files/+": "vdb",
    "/jobs/+": "jobs",
}


def methods(stage):
    """Path -> properties of its one method."""
    resources = stage.of_type("AWS::ApiGateway::Resource")

    def path(id_):
        if id_ not in resources:
            return ""
        found = resources[id_]["Properties"]
        return f"{path(found['ParentId'].get('Ref', ''))}/{found['PathPart']}"

    found = {}
    for method in stage.of_type("AWS::ApiGateway::Method").values():
        properties = method["Properties"]
        assert properties["HttpMethod"] == "ANY"
        found[path(properties["ResourceId"]["Ref"]).replace("{proxy+}", "+")] = properties
    return found


def function_of(stage, method):
    ids = {
        plain({"Fn::GetAtt": [id_, "Arn"]}): r["Properties"]
        for id_, r in stage.of_type("AWS::Lambda::Function").items()
    }
    uri = plain(method["Integration"]["Uri"])
    (name,) = [properties["FunctionName"] for arn, properties in ids.items() if arn in uri]
    return name.removeprefix("lm-dev-")


def test_every_prefix_leads_to_its_function(aws, emulated):
    for stage in (aws, emulated):
        assert {path: function_of(stage, method) for path, method in methods(stage).items()} == ROUTES


def test_all_but_health_is_behind_the_authorizer(aws):
    open_ = {path for path, method in methods(aws).items() if method["AuthorizationType"] == "NONE"}
    assert open_ == {"/health", "/ready"}
    assert {method["AuthorizationType"] for method in methods(aws).values()} == {"NONE", "CUSTOM"}


def test_the_authorizers_answer_is_kept_a_minute_where_one_header_tells_who_asks(aws):
    authorizers = {id_: r["Properties"] for id_, r in aws.of_type("AWS::ApiGateway::Authorizer").items()}
    kept = {
        path: authorizers[method["AuthorizerId"]["Ref"]]["AuthorizerResultTtlInSeconds"]
        for path, method in methods(aws).items()
        if "AuthorizerId" in method
    }
    assert kept.pop("/openai/+") == 0  # the key may come in `api-key` too
    assert {a.get("IdentitySource") for a in authorizers.values()} == {"method.request.header.Authorization", None}
    assert set(kept.values()) == {60}


def test_no_stage_can_be_named_like_a_route():
    assert {path.split("/")[1].removesuffix(".json") for path in ROUTES} - {"openapi"} == ROUTED


def test_metrics_of_each_method_which_cost_are_off(aws):
    (stage,) = [r["Properties"] for r in aws.of_type("AWS::ApiGateway::Stage").values()]
    assert [settings["MetricsEnabled"] for settings in stage["MethodSettings"]] == [False]


def test_chat_streams_on_aws_and_only_chat(aws, emulated):
    streamed = {
        path for path, method in methods(aws).items() if method["Integration"].get("ResponseTransferMode") == "STREAM"
    }
    assert streamed == {path for path, function in ROUTES.items() if function == "chat"}
    chat = methods(aws)["/v1/+"]["Integration"]
    assert chat["TimeoutInMillis"] == 900_000
    assert plain(chat["Uri"]).endswith("/response-streaming-invocations")
    assert methods(aws)["/vdb/+"]["Integration"]["TimeoutInMillis"] == 29_000
    assert not any("ResponseTransferMode" in method["Integration"] for method in methods(emulated).values())


def test_streaming_needs_the_adapter_its_script_and_its_settings(aws, emulated):
    chat = aws.functions["chat"]
    assert chat["Handler"] == "lambdas/chat/serve.sh"
    assert [plain(layer) for layer in chat["Layers"]] == [
        "arn:<AWS::Partition>:lambda:us-east-1:753240598075:layer:LambdaAdapterLayerArm64:27"
    ]
    environment = aws.environment("chat")
    assert environment["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/bootstrap"
    assert environment["AWS_LWA_INVOKE_MODE"] == "response_stream"
    assert int(environment["LLMANAGER_ANSWER_WITHIN_S"]) < chat["Timeout"] == 900
    assert emulated.functions["chat"]["Handler"] == "lambdas.chat.handler.handler"
    assert not [name for name in emulated.environment("chat") if name.startswith("AWS_")]


def test_requests_are_throttled_and_logged_without_bodies(aws):
    (stage,) = [r["Properties"] for r in aws.of_type("AWS::ApiGateway::Stage").values()]
    assert stage["StageName"] == "dev"
    (settings,) = stage["MethodSettings"]
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (100, 200)
    assert (settings["HttpMethod"], settings["ResourcePath"]) == ("*", "/*")
    assert "LoggingLevel" not in settings
    assert not settings.get("DataTraceEnabled")
    logged = json.loads(stage["AccessLogSetting"]["Format"])
    assert {"request_id", "route", "status", "key", "ms"} <= logged.keys()
    assert not any(value.split(".")[-1] == "path" or "header" in value for value in logged.values())


def test_the_api_is_regional(aws):
    (api,) = [r["Properties"] for r in aws.of_type("AWS::ApiGateway::RestApi").values()]
    assert api["EndpointConfiguration"] == {"Types": ["REGIONAL"]}


@pytest.mark.parametrize(
    ("response", "status", "kind"),
    [
        ("UNAUTHORIZED", 401, "authentication_error"),
        ("ACCESS_DENIED", 403, "permission_error"),
        ("MISSING_AUTHENTICATION_TOKEN", 404, "not_found_error"),
        ("REQUEST_TOO_LARGE", 413, "invalid_request_error"),
        ("THROTTLED", 429, "rate_limit_error"),
        ("INTEGRATION_TIMEOUT", 504, "upstream_error"),
        ("INTEGRATION_FAILURE", 502, "upstream_error"),
        ("AUTHORIZER_FAILURE", 500, "internal_error"),
        ("DEFAULT_4XX", None, "invalid_request_error"),
        ("DEFAULT_5XX", None, "internal_error"),
    ],
)
def test_what_the_gateway_says_by_itself_has_the_shape_of_every_error(aws, response, status, kind):
    found = {
        r["Properties"]["ResponseType"]: r["Properties"]
        for r in aws.of_type("AWS::ApiGateway::GatewayResponse").values()
    }
    properties = found[response]
    assert properties.get("StatusCode") == (None if status is None else str(status))
    body = properties["ResponseTemplates"]["application/json"].replace(
        "$context.error.messageString", '"what AWS says"'
    )
    error = json.loads(body)["error"]
    assert error.keys() == {"message", "type", "code", "param"}
    assert error["type"] == kind
    assert error["message"]
    headers = properties["ResponseParameters"]
    assert headers["gatewayresponse.header.x-request-id"] == "context.requestId"
    assert ("gatewayresponse.header.Retry-After" in headers) == (
        status in (429, 502, 504) or response == "AUTHORIZER_FAILURE"
    )


def test_who_sends_a_key_that_nobody_knows_is_not_told_to_send_one(aws):
    (refused,) = [
        r["Properties"]
        for r in aws.of_type("AWS::ApiGateway::GatewayResponse").values()
        if r["Properties"]["ResponseType"] == "UNAUTHORIZED"
    ]
    told = json.loads(refused["ResponseTemplates"]["application/json"])["error"]["message"]
    assert "valid" in told
