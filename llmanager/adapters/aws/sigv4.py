"""Signs a request that another HTTP client than boto3's sends."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from llmanager.adapters.aws.errors import translated
from llmanager.kernel.errors import Unavailable

Headers = tuple[tuple[str, str], ...]
Sign = Callable[[str, Mapping[str, str], bytes], Headers]  # (URL, headers to sign, body): those and the signature's


def signer(credentials: Any, service: str, region: str) -> Sign:
    """Signs a POST. Blocks where the credentials have to be fetched anew."""

    def sign(url: str, headers: Mapping[str, str], body: bytes) -> Headers:
        if credentials is None:
            raise Unavailable("There are no AWS credentials to ask the model with. Give this server a role.")
        with translated("sign requests to the model"):
            frozen = credentials.get_frozen_credentials()
        request = AWSRequest(method="POST", url=url, headers=dict(headers), data=body)
        SigV4Auth(frozen, service, region).add_auth(request)
        return tuple((str(name).lower(), str(value)) for name, value in request.headers.items())

    return sign
