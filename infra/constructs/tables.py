"""The DynamoDB tables: one a capability's table, all of the same shape. They outlive every deployment."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra import names
from infra.options import Options

MAX_READ_UNITS = 4000  # a second: a ceiling for the bill, not a promise
MAX_WRITE_UNITS = 2000


class Tables(Construct):
    def __init__(self, scope: Construct, identifier: str, options: Options) -> None:
        super().__init__(scope, identifier)
        self.tables = {name: self._table(name, options) for name in names.TABLES}

    def _table(self, name: str, options: Options) -> dynamodb.TableV2:
        return dynamodb.TableV2(
            self,
            name.capitalize(),
            table_name=names.table(options.stage, name),
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            time_to_live_attribute="expires_at",
            billing=dynamodb.Billing.on_demand(
                max_read_request_units=MAX_READ_UNITS, max_write_request_units=MAX_WRITE_UNITS
            ),
            encryption=dynamodb.TableEncryptionV2.dynamo_owned_key(),
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=options.is_aws,
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if options.is_aws else RemovalPolicy.DESTROY,
        )
