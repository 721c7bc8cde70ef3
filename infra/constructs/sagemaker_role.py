"""The role that SageMaker takes on to run a model: pull the image, read weights, write logs and metrics."""

from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.constructs.function import place_of
from infra.grants import Grant
from infra.options import Options
from infra.review import accept_wildcards

WEIGHTS = "weights/*"  # the only part of the bucket that a model's container may read


class SageMakerRole(Construct):
    def __init__(self, scope: Construct, identifier: str, options: Options) -> None:
        super().__init__(scope, identifier)
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        place = place_of(options)
        tokens = {place.partition: "<AWS::Partition>", place.account: "<AWS::AccountId>"}
        for grant in (
            Grant(
                ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"),
                [f"arn:{place.partition}:ecr:{options.region}:*:repository/*"],
                why_wildcard="AWS has other accounts for its serving images in each region; they say whom they let in",
            ),
            Grant(("ecr:GetAuthorizationToken",), ["*"], why_wildcard="signing in to ECR has no resource in IAM"),
            Grant(
                ("s3:GetObject",),
                [f"{place.bucket}/{WEIGHTS}"],
                why_wildcard="a model's weights are many objects",
            ),
            Grant(("s3:ListBucket",), [place.bucket], {"StringLike": {"s3:prefix": [WEIGHTS]}}),
            Grant(
                ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"),
                [place.arn("logs", "log-group:/aws/sagemaker/*")],
                why_wildcard="SageMaker names a log group after each endpoint and component",
            ),
            Grant(
                ("cloudwatch:PutMetricData",),
                ["*"],
                {"StringLike": {"cloudwatch:namespace": "*/sagemaker/*"}},
                why_wildcard="metrics have no resource in IAM; the namespace is what is limited",
            ),
        ):
            self.role.add_to_policy(
                iam.PolicyStatement(
                    actions=list(grant.actions), resources=list(grant.resources), conditions=dict(grant.conditions)
                )
            )
            accept_wildcards(self.role, grant, tokens)
