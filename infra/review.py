"""Findings of cdk-nag that are accepted, each where it arises and with its reason. Nothing is accepted wholesale."""

from collections.abc import Mapping

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct

from infra.grants import Grant

WILDCARD = "AwsSolutions-IAM5"


def accept(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    Validations.of(construct).acknowledge(
        *(Acknowledgment(id=finding, reason=reason) for finding, reason in reasons.items())
    )


def accept_wildcards(construct: IConstruct, grant: Grant, tokens: Mapping[str, str]) -> None:
    """`tokens`: how cdk-nag writes what only CloudFormation knows, by the token that stands for it."""
    for resource in grant.resources:
        if "*" not in resource and "?" not in resource:
            continue
        if not grant.why_wildcard:
            raise ValueError(f"a wildcard without a reason: {resource}")
        accept(construct, {f"{WILDCARD}[Resource::{told(resource, tokens)}]": grant.why_wildcard})


def told(text: str, tokens: Mapping[str, str]) -> str:
    for token, name in tokens.items():
        text = text.replace(token, name)
    return text
