"""boto3 clients for rows, blobs, queues, secrets, logs. Each is made when first asked for: cold starts pay for theirs.

Where they go is boto3's affair: AWS_DEFAULT_REGION, AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_DYNAMODB and the like count.
"""

from functools import cached_property
from typing import Any, Final

import boto3
from botocore.config import Config

from llmanager.kernel.errors import Unavailable

POOL: Final = 32  # connections of one client, beyond which each call pays for one of its own
QUICK: Final = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=POOL,
    tcp_keepalive=True,
)
ONCE: Final = QUICK.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))  # its user repeats by rules
BULK: Final = QUICK.merge(
    Config(
        read_timeout=60,  # S3 may take its time over large blobs
        signature_version="s3v4",
        s3={
            "addressing_style": "virtual",
            "us_east_1_regional_endpoint": "regional",
        },  # a signed address is not redirected
    )
)


class ServiceClients:
    """Clients of one session, with the credentials that boto3 finds. Ask for each once before threads share it.

    Raises Unavailable where no region is set.
    """

    def __init__(self, region: str | None = None) -> None:
        self._session = boto3.Session(region_name=region)
        if self._session.region_name is None:
            raise Unavailable(
                "It is not set which region of AWS to use. Set AWS_DEFAULT_REGION, for example to us-east-1."
            )

    @cached_property
    def dynamodb(self) -> Any:
        return self._session.client("dynamodb", config=ONCE)

    @cached_property
    def s3(self) -> Any:
        return self._session.client("s3", config=BULK)

    @cached_property
    def sqs(self) -> Any:
        return self._session.client("sqs", config=QUICK)

    @cached_property
    def secrets(self) -> Any:
        return self._session.client("secretsmanager", config=QUICK)

    @cached_property
    def logs(self) -> Any:
        return self._session.client("logs", config=QUICK)
