"""What API Gateway's authorizer answers: who holds a key. What the key may do is each route's to say."""

from collections.abc import Callable
from typing import Any

from llmanager.auth.usecases.authenticate import authenticate
from llmanager.kernel.clock import Clock, SystemClock
from llmanager.kernel.errors import Unauthenticated
from llmanager.kernel.principal import Principal
from llmanager.kernel.table import Table
from llmanager.wiring.aws.handling import Event
from llmanager.wiring.aws.settings import AwsSettings
from llmanager.wiring.aws.tables import tables_of
from llmanager.wiring.keyring import bearer_of


def authorizer(settings: AwsSettings) -> Callable[[Event], dict[str, Any]]:
    """It loads no web framework: everybody waits for its cold start. Raises SettingsError."""
    clock = SystemClock()
    return identify(tables_of(settings, clock)("auth"), clock)


class Unauthorized(Exception):
    """The text that API Gateway turns into 401; any other becomes a 500."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def identify(table: Table, clock: Clock) -> Callable[[Event], dict[str, Any]]:
    """Raises Unauthorized for a stranger; what the table raises while nobody can be known. API Gateway remembers."""

    def answer(event: Event) -> dict[str, Any]:
        try:
            principal = authenticate(table, secret=bearer_of(_authorization(event)), now=clock.now())
        except Unauthenticated:
            raise Unauthorized from None
        return policy(principal, event["methodArn"])

    return answer


def policy(principal: Principal, method_arn: str) -> dict[str, Any]:
    """For every route of the stage: what is remembered of one route is asked for the next one too."""
    api, stage, *_ = method_arn.split("/")
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{api}/{stage}/*"}
    return {
        "principalId": principal.key_id,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"tenant": principal.tenant, "key_id": principal.key_id},
    }


def _authorization(event: Event) -> str | None:
    """Of a TOKEN event or a REQUEST event, whose header names come as the client wrote them. Clients of /openai may put
    their key into another header; whether a route takes it from there is the route's to say."""
    if "authorizationToken" in event:
        return str(event["authorizationToken"])
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    key = headers.get("api-key")
    return headers.get("authorization") or (None if key is None else f"Bearer {key}")
