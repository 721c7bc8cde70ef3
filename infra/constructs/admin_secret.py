"""The secret that keeps the admin key. It is made empty: the auth function makes the key once and puts it here."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra import names
from infra.options import Options
from infra.review import accept


class AdminSecret(Construct):
    def __init__(self, scope: Construct, identifier: str, options: Options) -> None:
        super().__init__(scope, identifier)
        self.secret = secretsmanager.CfnSecret(
            self,
            "Secret",
            name=names.admin_secret(options.stage),
            description=f"LLManager {options.stage}: the admin's API key, made at the first deployment",
        )
        kept = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
        self.secret.apply_removal_policy(kept if options.is_aws else RemovalPolicy.DESTROY)
        accept(
            self.secret,
            {
                "AwsSolutions-SMG4": "The key is LLManager's own: /auth/keys/rotate makes a new one; Secrets Manager "
                "cannot, for only a hash of it is kept elsewhere."
            },
        )
