"""Keys: the routes that manage them, and the authorizer that turns strangers away before anything else runs."""

from constructs import Construct

from infra import grants
from infra.constructs.function import place_of
from infra.constructs.surroundings import Surroundings
from infra.functions import AUTH, AUTHORIZER


class Auth(Construct):
    def __init__(self, scope: Construct, identifier: str, around: Surroundings) -> None:
        super().__init__(scope, identifier)
        secret = grants.secret(
            place_of(around.options), "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"
        )
        self.api = around.function(self, "Api", AUTH, secret)
        self.authorizer = around.function(self, "Authorizer", AUTHORIZER)
