"""A Lambda function with its own role and log group: no managed policy, nothing granted but what is listed."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Aws, Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra import names
from infra.functions import Shape
from infra.grants import Grant, Place
from infra.options import Options
from infra.review import accept, accept_wildcards

OLDER_PYTHON = "The newest Python that every pinned dependency has wheels for on arm64; the emulated stage has its own."
SNAPSHOT_DISK_MIB = 512
LOGS_KEPT = logs.RetentionDays.ONE_MONTH


def place_of(options: Options) -> Place:
    return Place(options.stage, Aws.PARTITION, options.region, Aws.ACCOUNT_ID)


class Function(Construct):
    def __init__(
        self,
        scope: Construct,
        identifier: str,
        options: Options,
        shape: Shape,
        environment: Mapping[str, str],
        grants: Sequence[Grant],
        layers: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, identifier)
        self.shape = shape
        # Lambda takes no snapshot of a larger disk.
        self._is_snap_started = options.is_snap_started and shape.disk_mib <= SNAPSHOT_DISK_MIB
        self.name = names.prefixed(options.stage, shape.name)
        self._place = place_of(options)
        self.logs = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/lambda/{self.name}",
            retention=LOGS_KEPT,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        for grant in (self._may_log(), *grants, *(_may_trace() if options.is_traced else ())):
            self.allow(grant)
        self.function = self._function(options, environment, layers)
        accept(self.function, {"AwsSolutions-L1": OLDER_PYTHON})
        self.function.node.add_dependency(self.role.node.find_child("DefaultPolicy"))
        # A snapshot is taken of a published version only, so that is what callers get then.
        self.called: lambda_.IFunction = self.function.current_version if self._is_snap_started else self.function

    def allow(self, grant: Grant) -> None:
        self.role.add_to_policy(
            iam.PolicyStatement(
                effect=iam.Effect.DENY if grant.denies else iam.Effect.ALLOW,
                actions=list(grant.actions),
                resources=list(grant.resources),
                conditions=dict(grant.conditions),
            )
        )
        accept_wildcards(
            self.role, grant, {self._place.partition: "<AWS::Partition>", self._place.account: "<AWS::AccountId>"}
        )

    def every(self, minutes: int) -> events.Rule:
        """Level-triggered: what one run misses the next one sees, so nothing is tried again or kept for later."""
        target = targets.LambdaFunction(self.called, retry_attempts=0, max_event_age=Duration.minutes(1))
        return events.Rule(
            self,
            "Schedule",
            rule_name=f"{self.name}-every-{minutes}-min",
            schedule=events.Schedule.rate(Duration.minutes(minutes)),
            targets=[target],
        )

    def _may_log(self) -> Grant:
        return Grant(
            ("logs:CreateLogStream", "logs:PutLogEvents"),
            [self._place.arn("logs", f"log-group:/aws/lambda/{self.name}:*")],
            why_wildcard="log streams are named by Lambda",
        )

    def _function(self, options: Options, environment: Mapping[str, str], layers: Sequence[str]) -> lambda_.Function:
        shape = self.shape
        code = lambda_.Code.from_asset(str(options.folder(shape.group)))
        more: dict[str, Any] = {}
        if self._is_snap_started:
            more["snap_start"] = lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS
        if options.is_traced:
            more["tracing"] = lambda_.Tracing.ACTIVE
        if shape.asks_itself and options.is_aws:
            # Else Lambda takes the sixteenth message in a row for a mistake, and throws it to the dead letters.
            more["recursive_loop"] = lambda_.RecursiveLoop.ALLOW
        return lambda_.Function(
            self,
            "Function",
            function_name=self.name,
            runtime=lambda_.Runtime.PYTHON_3_13 if options.is_aws else lambda_.Runtime.PYTHON_3_11,
            architecture=lambda_.Architecture.ARM_64 if options.is_aws else lambda_.Architecture.X86_64,
            handler=shape.handler,
            code=code,
            role=self.role.without_policy_updates(),
            timeout=Duration.seconds(shape.timeout_s),
            memory_size=shape.memory_mib,
            ephemeral_storage_size=Size.mebibytes(shape.disk_mib),
            environment=dict(environment),
            layers=[
                lambda_.LayerVersion.from_layer_version_arn(self, f"Layer{index}", arn)
                for index, arn in enumerate(layers)
            ],
            log_group=self.logs,
            retry_attempts=0,
            max_event_age=Duration.minutes(1),
            **more,
        )


def _may_trace() -> tuple[Grant, ...]:
    return (Grant(("xray:PutTraceSegments",), ["*"], why_wildcard="X-Ray knows no resources"),)


def json_of(scope: Construct, value: Any) -> str:
    """Like json.dumps, for values that hold tokens."""
    return str(Stack.of(scope).to_json_string(value))
