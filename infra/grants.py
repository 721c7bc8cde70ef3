"""Permissions as data: what a function may call, on what, under which conditions, and why a wildcard is needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from infra import names

Conditions = Mapping[str, Mapping[str, Any]]
READ: Final = ("dynamodb:GetItem", "dynamodb:Query")
SCANNED: Final = ("registry", "vdb")  # small, and the only ones that anybody reads as a whole
WRITE: Final = (
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:ConditionCheckItem",
)


@dataclass(frozen=True)
class Place:
    """The stage in its account and region; the account is a token that CloudFormation fills in."""

    stage: str
    partition: str
    region: str
    account: str

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def table(self, name: str) -> str:
        return self.arn("dynamodb", f"table/{names.table(self.stage, name)}")

    @property
    def bucket(self) -> str:
        return f"arn:{self.partition}:s3:::{names.bucket(self.stage, self.account, self.region)}"


@dataclass(frozen=True)
class Grant:
    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Conditions = field(default_factory=dict)
    why_wildcard: str = ""
    denies: bool = False


def tables(place: Place, reads: Sequence[str], uses: Sequence[str]) -> tuple[Grant, ...]:
    """`uses`: read and written."""
    wanted = (
        (READ, [*reads, *uses]),
        (("dynamodb:Scan",), [name for name in (*reads, *uses) if name in SCANNED]),
        (WRITE, [*uses]),
    )
    return tuple(Grant(actions, [place.table(name) for name in found]) for actions, found in wanted if found)


def use_blobs(place: Place) -> tuple[Grant, ...]:
    return (
        Grant(
            ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"),
            [f"{place.bucket}/*"],
            why_wildcard="keys of blobs are made while running",
        ),
        Grant(("s3:ListBucket",), [place.bucket]),
    )


def send(queue_arn: str) -> Grant:
    return Grant(("sqs:SendMessage",), [queue_arn])


def secret(place: Place, *actions: str) -> Grant:
    return Grant(
        actions,
        [place.arn("secretsmanager", f"secret:{names.admin_secret(place.stage)}-??????")],
        why_wildcard="Secrets Manager ends an ARN in six characters of its own",
    )


def consume(queue_arn: str) -> Grant:
    return Grant(
        ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"),
        [queue_arn],
    )
