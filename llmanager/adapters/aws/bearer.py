"""The bearer token of SageMaker's OpenAI-compatible path: a presigned request, in base64.

https://docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints-openai-compatible.html
"""

import base64
import threading
from typing import Any, Final

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError

from llmanager.adapters.aws.credential_errors import not_configured
from llmanager.adapters.aws.errors import translated
from llmanager.kernel.clock import Clock

PREFIX: Final = "sagemaker-api-key-"
HOST: Final = "sagemaker.amazonaws.com"
LIVES_S: Final = 3600
RENEWED_AFTER_S: Final = 900.0  # early: a token dies with the role's credentials that signed it


class Bearer:
    """Gives an Authorization header value. Signing is arithmetic; only `credentials` may fetch new ones, rarely."""

    def __init__(self, credentials: Any, region: str, clock: Clock) -> None:
        self._credentials, self._region, self._clock = credentials, region, clock
        self._lock = threading.Lock()
        self._made: tuple[float, str] | None = None

    def __call__(self) -> str:
        now_s = self._clock.monotonic_s()
        with self._lock:
            if self._made is None or now_s - self._made[0] >= RENEWED_AFTER_S:
                self._made = (now_s, f"Bearer {token(self._credentials, self._region)}")
            return self._made[1]


def token(credentials: Any, region: str, *, lives_s: int = LIVES_S) -> str:
    if credentials is None:
        raise not_configured(NoCredentialsError(), "ask the model")
    request = AWSRequest(
        method="POST", url=f"https://{HOST}/", headers={"host": HOST}, params={"Action": "CallWithBearerToken"}
    )
    with translated("sign requests to the model"):
        frozen = credentials.get_frozen_credentials()
    SigV4QueryAuth(frozen, "sagemaker", region, expires=lives_s).add_auth(request)
    signed = request.url.removeprefix("https://") + "&Version=1"
    return PREFIX + base64.b64encode(signed.encode()).decode()
