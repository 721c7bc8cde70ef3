"""The tables of a function: each capability's name leads to a DynamoDB table of the stack."""

from collections.abc import Callable
from functools import cache

from llmanager.kernel.clock import Clock
from llmanager.kernel.table import Table
from llmanager.wiring.aws.clients import clients
from llmanager.wiring.aws.settings import AwsSettings

Tables = Callable[[str], Table]  # raises SettingsError for one that the function was not given


def tables_of(settings: AwsSettings, clock: Clock) -> Tables:
    """Connects with the first table that is asked for."""

    @cache
    def table(capability: str) -> Table:
        from llmanager.adapters.aws.dynamodb_table import DynamoDBTable

        return DynamoDBTable(clients().dynamodb, settings.table_name(capability), clock)

    return table
