"""Whose account and which region: found out before anything is built, so that what is missing is said at once."""

import os
from dataclasses import dataclass

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tools.deployment.refusal import Refusal

EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
UNKNOWN_KEY = ("InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "AuthFailure")
INSTEAD = """
Without an account the same API runs on this machine:

    ./run.sh local       the API, models and data, with nothing to sign up for
    ./run.sh emulate     what deploy would put on AWS, deployed into an emulated one"""


@dataclass(frozen=True)
class Account:
    id: str
    region: str
    caller: str  # ARN

    @property
    def is_emulated(self) -> bool:
        return is_emulated()


def is_emulated() -> bool:
    """AWS_ENDPOINT_URL sends every call elsewhere, so elsewhere is what is deployed to."""
    return bool(os.environ.get("AWS_ENDPOINT_URL"))


def found() -> Account:
    try:
        session = boto3.Session()
        credentials = session.get_credentials()
    except BotoCoreError as error:  # a profile that is named and not there, a configuration file that is none
        raise missing(f"the AWS configuration cannot be used: {error}", "Correct it, or unset AWS_PROFILE.") from error
    if credentials is None:
        raise missing(
            "no AWS credentials were found (environment, ~/.aws, or the role of this machine).",
            "Sign in with `aws sso login --profile NAME` and set AWS_PROFILE=NAME, or set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY.",
        )
    region = session.region_name or os.environ.get("AWS_REGION")  # which boto3 itself does not read
    if not region:
        raise missing("no AWS region is set.", "Set AWS_REGION, for example AWS_REGION=us-east-1.")
    boto3.setup_default_session(region_name=region)
    return asked(session, region)


def asked(session: boto3.Session, region: str) -> Account:
    try:
        caller = session.client("sts", region, config=Config(connect_timeout=5, retries={"total_max_attempts": 2}))
        told = caller.get_caller_identity()
    except ClientError as error:
        raise missing(*refused(error)) from error
    except BotoCoreError as error:  # a sign-on that ended, no way to the network, a region that does not exist
        raise missing(f"AWS could not be asked who you are: {error}", "Sign in again; check the region.") from error
    return Account(told["Account"], region, told["Arn"])


def refused(error: ClientError) -> tuple[str, str]:
    code = error.response["Error"]["Code"]
    if code in EXPIRED:
        return "the AWS credentials have expired.", "Sign in again (`aws sso login`), or set new ones."
    if code in UNKNOWN_KEY:
        return f"AWS does not accept the credentials ({code}).", "Check the key, its secret and the clock."
    return f"AWS refused to say whose credentials these are: {error}", "Check them with `aws sts get-caller-identity`."


def missing(what: str, how: str) -> Refusal:
    return Refusal(f"AWS: {what}\n{how}\n{INSTEAD}", code=2)
