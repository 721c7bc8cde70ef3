"""The API itself: one REST API, a prefix a function, everything but health behind the authorizer."""

import json
from typing import cast

from aws_cdk import CfnResource, Duration, RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra import names
from infra.constructs.function import LOGS_KEPT, Function
from infra.constructs.gateway_responses import add_gateway_responses
from infra.functions import GATEWAY_TIMEOUT_S, LONGEST_S
from infra.options import Options
from infra.review import accept

REQUESTS_PER_S = 100
BURST = 200
AUTHORIZER_KEPT_S = 60
# What each function serves; a longer path wins over a shorter one. "+": and everything below it.
ROUTES = {
    "auth": ("/auth/+",),
    "models": ("/model", "/model/+", "/models", "/models/+", "/admin/+", "/openapi.json"),
    "chat": ("/model/query", "/models/query", "/v1/+", "/chat"),
    "history": ("/history/+",),
    "vdb": ("/vdb/+", "/files", "/files/+"),
    "jobs": ("/jobs/+",),
}
KEY_IN_ANOTHER_HEADER = {"chat": ("/openai/+",)}  # clients of Azure's dialect send `api-key`
OPEN = {"models": ("/health", "/ready")}


class Gateway(Construct):
    def __init__(
        self,
        scope: Construct,
        identifier: str,
        options: Options,
        functions: dict[str, Function],
        *,
        streamed: tuple[str, ...],
    ) -> None:
        super().__init__(scope, identifier)
        self._functions, self._streamed = functions, streamed
        self.access_logs = logs.LogGroup(
            self,
            "AccessLogs",
            log_group_name=f"/aws/apigateway/{names.prefixed(options.stage, 'access')}",
            retention=LOGS_KEPT,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.api = self._api(options)
        add_gateway_responses(self.api)
        handler = functions["authorizer"].called
        known = apigateway.RequestAuthorizer(
            self,
            "Authorizer",
            handler=handler,
            identity_sources=[apigateway.IdentitySource.header("Authorization")],
            results_cache_ttl=Duration.seconds(AUTHORIZER_KEPT_S),
        )
        # A cached answer needs a header to be kept under, and these clients may send one of two: asked each time.
        either = apigateway.RequestAuthorizer(
            self, "EitherHeader", handler=handler, identity_sources=[], results_cache_ttl=Duration.seconds(0)
        )
        # CDK writes an empty source, which API Gateway takes for a mistake.
        cast(CfnResource, either.node.find_child("Resource")).add_property_deletion_override("IdentitySource")
        self._integrations = {name: self._integration(name) for name in ROUTES}
        for routes, authorizer in ((ROUTES, known), (KEY_IN_ANOTHER_HEADER, either), (OPEN, None)):
            for name, paths in routes.items():
                for path in paths:
                    self._serve(path, name, authorizer)

    def _api(self, options: Options) -> apigateway.RestApi:
        api = apigateway.RestApi(
            self,
            "Api",
            rest_api_name=names.prefixed(options.stage, "api"),
            description=f"LLManager {options.stage}",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            cloud_watch_role=False,  # one an account: gateway_logs.py
            deploy_options=apigateway.StageOptions(
                stage_name=options.stage,
                throttling_rate_limit=REQUESTS_PER_S,
                throttling_burst_limit=BURST,
                metrics_enabled=False,  # of each method: $0.30 a month each, and the alarm asks for the API's own
                tracing_enabled=options.is_traced,
                access_log_destination=apigateway.LogGroupLogDestination(self.access_logs),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(ACCESS_LOG)),
            ),
        )
        accept(
            api,
            {
                "AwsSolutions-APIG2": "The functions validate every request, on every platform the same way; a second "
                "schema here would only drift.",
            },
        )
        accept(
            api.deployment_stage,
            {
                "AwsSolutions-APIG3": "Keys and throttles guard this API; a web application firewall costs more "
                "a month than all of it at rest. An owner who wants one attaches it to the stage.",
                "AwsSolutions-APIG6": "Access logs tell who called what; execution logs would hold bodies, and prompts "
                "are nobody's business.",
            },
        )
        return api

    def _integration(self, name: str) -> apigateway.LambdaIntegration:
        called = self._functions[name].called
        if name in self._streamed:
            return apigateway.LambdaIntegration(
                called,
                scope_permission_to_method=False,
                response_transfer_mode=apigateway.ResponseTransferMode.STREAM,
                timeout=Duration.seconds(LONGEST_S),
            )
        return apigateway.LambdaIntegration(
            called, scope_permission_to_method=False, timeout=Duration.seconds(GATEWAY_TIMEOUT_S)
        )

    def _serve(self, path: str, name: str, authorizer: apigateway.IAuthorizer | None) -> None:
        resource = self.api.root.resource_for_path(path.replace("+", "{proxy+}"))
        method = resource.add_method(
            "ANY",
            self._integrations[name],
            authorizer=authorizer,
            authorization_type=apigateway.AuthorizationType.CUSTOM if authorizer else apigateway.AuthorizationType.NONE,
        )
        reasons = {"AwsSolutions-COG4": "Keys are LLManager's own, as on every platform; users of Cognito it has none."}
        if authorizer is None:
            reasons["AwsSolutions-APIG4"] = "Health and readiness are asked for by monitors, and tell nothing else."
        accept(method, reasons)


ACCESS_LOG = {
    "at": "$context.requestTime",
    "request_id": "$context.requestId",
    "method": "$context.httpMethod",
    "route": "$context.resourcePath",
    "status": "$context.status",
    "key": "$context.authorizer.principalId",
    "ip": "$context.identity.sourceIp",
    "ms": "$context.responseLatency",
    "function_ms": "$context.integration.latency",
    "bytes": "$context.responseLength",
    "error": "$context.error.responseType",
}
