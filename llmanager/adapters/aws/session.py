"""boto3 clients as the host needs them: short timeouts, few retries, and the fence."""

from collections.abc import Callable
from dataclasses import dataclass

import boto3

from llmanager.adapters.aws.bearer import Bearer
from llmanager.adapters.aws.errors import translated
from llmanager.adapters.aws.fence import CLIENT_CONFIG, fence
from llmanager.adapters.aws.sagemaker_calls import Clients
from llmanager.adapters.aws.sigv4 import Sign, signer
from llmanager.kernel.clock import Clock


def connected(region: str, clock: Clock) -> tuple[Clients, Callable[[], str]]:
    """Clients with the credentials that boto3 finds, and what gives the Authorization header made from them."""
    with translated("prepare for SageMaker"):  # a profile that does not exist, a region's name that is none
        session = boto3.Session(region_name=region)
        clients = Clients(
            sagemaker=session.client("sagemaker", config=CLIENT_CONFIG),
            autoscaling=session.client("application-autoscaling", config=CLIENT_CONFIG),
            cloudwatch=session.client("cloudwatch", config=CLIENT_CONFIG),
            tagging=session.client("resourcegroupstaggingapi", config=CLIENT_CONFIG),
        )
        credentials = session.get_credentials()
    for client in (clients.sagemaker, clients.autoscaling, clients.cloudwatch, clients.tagging):
        fence(client, clock)
    return clients, Bearer(credentials, region, clock)


@dataclass(frozen=True)
class Runtime:
    """What it takes to ask models on SageMaker, and nothing to change them."""

    url: str
    bearer: Callable[[], str]
    sign: Sign


def runtime(region: str, clock: Clock) -> Runtime:
    """Of AWS, or where AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME says."""
    session = boto3.Session(region_name=region)
    credentials = session.get_credentials()
    return Runtime(_url(session), Bearer(credentials, region, clock), signer(credentials, "sagemaker", region))


def runtime_url(region: str) -> str:
    return _url(boto3.Session(region_name=region))


def _url(session: boto3.Session) -> str:
    url: str = session.client("sagemaker-runtime", config=CLIENT_CONFIG).meta.endpoint_url
    return url.rstrip("/")
