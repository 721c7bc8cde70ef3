"""What must not be lost: tables, blobs, the admin's key, and a setting of the whole account. `destroy` keeps it."""

from aws_cdk import CfnOutput, Environment, Stack
from constructs import Construct

from infra import names
from infra.constructs.admin_secret import AdminSecret
from infra.constructs.blobs import Blobs
from infra.constructs.gateway_logs import GatewayLogs
from infra.constructs.tables import Tables
from infra.options import Options


class StatefulStack(Stack):
    def __init__(self, scope: Construct, options: Options) -> None:
        super().__init__(
            scope,
            "Stateful",
            stack_name=names.stack(options.stage, "stateful"),
            description=f"LLManager {options.stage}: tables, blobs and the admin's key; kept by destroy",
            env=Environment(region=options.region),
            termination_protection=options.is_aws,
            tags={names.STAGE_TAG: options.stage},
        )
        self.tables = Tables(self, "Tables", options)
        self.blobs = Blobs(self, "Blobs", options)
        self.admin_secret = AdminSecret(self, "AdminKey", options)
        self.gateway_logs = GatewayLogs(self, "GatewayLogs", options)
        CfnOutput(self, "BucketName", value=self.blobs.bucket.bucket_name)
        for name in names.TABLES:
            CfnOutput(self, f"Table{name.capitalize()}", value=names.table(options.stage, name))
