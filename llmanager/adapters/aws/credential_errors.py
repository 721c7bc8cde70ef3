"""What is wrong with the credentials or the region that this server has for AWS, and how to mend it.

Told without any value: a profile's or a key's name may be a secret of its own.
"""

from botocore.exceptions import (
    BotoCoreError,
    CredentialRetrievalError,
    InvalidRegionError,
    LoginError,
    MetadataRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from llmanager.kernel.errors import Unavailable

# On the way to credentials, before anything is asked: a sign-in that ran out, above all.
NO_SIGN_IN = (CredentialRetrievalError, LoginError, MetadataRetrievalError, SSOError, TokenRetrievalError)
NOT_CONFIGURED = (InvalidRegionError, NoCredentialsError, NoRegionError, PartialCredentialsError, ProfileNotFound)
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
SKEWED = frozenset({"RequestExpired", "RequestTimeTooSkewed"})  # by a clock that is wrong, as a rule
REFUSED_CREDENTIALS = (
    EXPIRED
    | SKEWED
    | frozenset(
        {
            "AuthFailure",
            "IncompleteSignature",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "InvalidToken",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "OptInRequired",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        }
    )
)


def refused_credentials(what: str, code: str = "") -> Unavailable:
    if code in EXPIRED:
        why, then = "have expired", "Sign in anew (aws sso login), or give it a role: those renew themselves"
    elif code in SKEWED:
        why, then = "came with a wrong time", "Set its clock right (timedatectl tells)"
    else:
        why, then = "are not accepted", "Check its role or access key, and that its clock is right"
    return Unavailable(
        f"This server's AWS credentials {why}; AWS did not {what}. {then}; it is tried again.", retry_after_s=30.0
    )


def not_configured(error: BotoCoreError, what: str) -> Unavailable:
    """Nothing was asked of AWS at all."""
    match error:
        case NoRegionError() | InvalidRegionError():
            told = "No AWS region is set, or one that is no region's name. Set AWS_REGION, such as us-east-1"
        case ProfileNotFound():
            told = "AWS_PROFILE names no profile that AWS's config files have (aws configure list-profiles)"
        case PartialCredentialsError():
            told = "Of the AWS credentials a part is missing. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY both"
        case _:
            told = (
                "No AWS credentials were found. Give this server a role, or set AWS_PROFILE (after aws sso login), or "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
    return Unavailable(f"{told}: AWS was not asked to {what}.", retry_after_s=30.0)


def no_sign_in(what: str) -> Unavailable:
    return Unavailable(
        f"No valid AWS credentials could be had to {what}: the sign-in has run out, as a rule. Sign in anew (aws sso "
        "login), or check this server's role; it is tried again.",
        retry_after_s=30.0,
    )
