"""The role by which API Gateway writes access logs: one setting of a whole account and region, so it is kept.

With the service stack it would go when one stage is destroyed, and take every other stage's access logs with it.
"""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.options import Options
from infra.review import accept

MANAGED = "service-role/AmazonAPIGatewayPushToCloudWatchLogs"


class GatewayLogs(Construct):
    def __init__(self, scope: Construct, identifier: str, options: Options) -> None:
        super().__init__(scope, identifier)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(MANAGED)],
        )
        account = apigateway.CfnAccount(self, "Account", cloud_watch_role_arn=self.role.role_arn)
        policy = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if options.is_aws else RemovalPolicy.DESTROY
        self.role.apply_removal_policy(policy)
        account.apply_removal_policy(policy)
        finding = f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{MANAGED}]"
        accept(self.role, {finding: "AWS's own way for API Gateway to write logs; it wants these rights and no fewer."})
