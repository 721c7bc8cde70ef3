"""How many functions Lambda lets an account run at once: new accounts start with so few that the API answers 429."""

from typing import Any

from botocore.exceptions import ClientError

ENOUGH = 50  # a page that asks in parallel, reconcilers, workers, and the authorizer beside each


def warning(client: Any) -> str | None:
    """None: there is room, or whoever deploys may not ask."""
    try:
        limit: int = client.get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    except ClientError:
        return None
    if limit >= ENOUGH:
        return None
    return (
        f"Note: Lambda runs at most {limit} functions at once in this account and region; what is above gets 429. AWS "
        'raises it on request: Service Quotas, AWS Lambda, "Concurrent executions" (1000 costs nothing more).'
    )
