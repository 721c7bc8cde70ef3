"""What a request says of its sender. Signatures are not verified: there is no secret to hold them against.

That there is one, of the right form, for the right service and region, is what a caller can get wrong.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from emulator.errors import Refusal

SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/,]+/\d{8}/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/aws4_request, ?"
    r"SignedHeaders=[^,]+, ?Signature=[0-9a-f]{64}"
)
SCOPE = re.compile(r"[^/]+/\d{8}/(?P<region>[a-z0-9-]+)/sagemaker/aws4_request")
SIGNATURE = re.compile(r"[0-9a-f]{64}")
TOKEN = "Bearer sagemaker-api-key-"  # noqa: S105 - its beginning
LONGEST_S = 12 * 3600
EARLY_S = 300


class Denied(Refusal):
    """Refused with 403."""


@dataclass(frozen=True)
class Scope:
    region: str
    service: str


def signed_for(headers: Mapping[str, str], service: str | None = None) -> Scope:
    """Of a request signed with SigV4. Raises Denied; `service`: by the name that it is signed for."""
    authorization = headers.get("Authorization")
    if authorization is None:
        raise Denied("MissingAuthenticationTokenException", "Missing Authentication Token")
    found = SIGNED.fullmatch(authorization)
    if found is None:
        raise Denied("IncompleteSignatureException", "The Authorization header is not a Signature Version 4.")
    if service not in (None, found["service"]):
        raise Denied("InvalidSignatureException", f"Credential should be scoped to correct service: '{service}'.")
    return Scope(found["region"], found["service"])


def bearer_region(headers: Mapping[str, str], now: datetime) -> str:
    """Of the OpenAI-compatible path, whose key is a presigned request in base64. Raises Denied.

    https://docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints-openai-compatible.html
    """
    authorization = headers.get("Authorization", "")
    if not authorization.startswith(TOKEN):
        raise Denied("MissingAuthenticationTokenException", "Missing Authentication Token")
    try:
        presigned = base64.b64decode(authorization.removeprefix(TOKEN), validate=True).decode("ascii")
        host, said = urlsplit(f"https://{presigned}").netloc, dict(parse_qsl(urlsplit(f"https://{presigned}").query))
        begins = datetime.strptime(said["X-Amz-Date"] + "+0000", "%Y%m%dT%H%M%SZ%z")
        lives_s = int(said["X-Amz-Expires"])
    except (binascii.Error, UnicodeDecodeError, KeyError, ValueError):
        raise Denied("UnrecognizedClientException", "The security token included in the request is invalid.") from None
    scope = SCOPE.fullmatch(said.get("X-Amz-Credential", ""))
    is_whole = host == "sagemaker.amazonaws.com" and said.get("Action") == "CallWithBearerToken"
    is_signed = said.get("X-Amz-Algorithm") == "AWS4-HMAC-SHA256" and SIGNATURE.fullmatch(
        said.get("X-Amz-Signature", "")
    )
    if scope is None or not is_whole or not is_signed or not 0 < lives_s <= LONGEST_S:
        raise Denied("UnrecognizedClientException", "The security token included in the request is invalid.")
    if not begins - timedelta(seconds=EARLY_S) <= now < begins + timedelta(seconds=lives_s):
        raise Denied("ExpiredTokenException", "The security token included in the request is expired.")
    return scope["region"]
