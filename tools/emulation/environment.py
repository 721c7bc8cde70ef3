"""Environments: what the emulated AWS starts with, and what makes a client speak to it."""

import os
from collections.abc import Mapping

from tools.emulation.state import ACCOUNT, REGION, State

# Asked of our own emulator. ministack has none of them but CloudWatch, which knows nothing of SageMaker there.
EMULATED = ("SAGEMAKER", "SAGEMAKER_RUNTIME", "APPLICATION_AUTO_SCALING", "CLOUDWATCH", "RESOURCE_GROUPS_TAGGING_API")
KEPT = ("PATH", "LANG", "LC_ALL", "TZ")


def clean(state: State) -> dict[str, str]:
    """Nothing of the user's own: ministack hands its environment on to every function."""
    temporary = state.folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, "HOME": str(state.folder), "TMPDIR": str(temporary)}


def credentials(state: State) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": state.secret,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def routes(state: State) -> dict[str, str]:
    """boto3's own variables: code and templates know nothing of an emulation."""
    url = f"http://127.0.0.1:{state.ports['sagemaker']}"
    return {f"AWS_ENDPOINT_URL_{service}": url for service in EMULATED}


def ministack(state: State) -> dict[str, str]:
    return {
        **clean(state),
        **credentials(state),
        **routes(state),
        "AUTH": "true",  # signatures are checked, and the policies of roles and resources enforced
        "USE_SSL": "1",  # the bucket policies refuse what comes without TLS
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(state.ports["ministack"]),
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "LAMBDA_EXECUTOR": "local",
        "IOT_MTLS_ENABLED": "0",  # it would listen on 8883
        "SFTP_ENABLED": "0",
        "STATE_DIR": str(state.folder / "ministack"),
        "S3_DATA_DIR": str(state.folder / "s3"),
    }


def client(state: State) -> dict[str, str]:
    """For boto3, the AWS CLI and the CDK CLI."""
    return {
        **credentials(state),
        **routes(state),
        "AWS_ENDPOINT_URL": state.gateway_url,
        "AWS_CA_BUNDLE": str(state.certificate),
        "NODE_EXTRA_CA_CERTS": str(state.certificate),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "CDK_DEFAULT_ACCOUNT": ACCOUNT,
        "CDK_DEFAULT_REGION": REGION,
    }


def merged(state: State, environment: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without its own AWS settings: a profile there would win over ours."""
    kept = {name: value for name, value in environment.items() if not name.startswith(("AWS_", "CDK_", "LLMANAGER_"))}
    return {**kept, **client(state)}
