"""`deploy` and `diff`. Each step finds out what is already so: one that was cut off is repeated from the start."""

import os
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable

import boto3
from botocore.exceptions import ClientError

from tools.deployment import concurrency, functions, gateway, stacks, unfinished
from tools.deployment.cdk import ROOT
from tools.deployment.installation import Installation
from tools.deployment.refusal import Refusal

HEALTHY_WITHIN_S = 120
Say = Callable[[str], None]


def deploy(one: Installation, agreed: Callable[[str], bool], say: Say) -> str:
    """Base URL of the deployed API."""
    synthesise(one, say)
    bootstrap(one, agreed, say)
    if not one.account.is_emulated and (warned := concurrency.warning(boto3.client("lambda"))) is not None:
        say(warned)
    unfinished.clear(one, say)
    say("Deploying …")
    told = one.cdk.deploy([one.stateful, one.service])[one.service]
    gateway.opened(boto3.client("apigateway"), told["ApiId"], one.stage, one.cdk.template(one.service))
    if functions.call(one.function("auth"), {"do": "ensure_admin_key"}) is None:
        raise Refusal(f"The function {one.function('auth')} is not there, so there is no admin key. Deploy again.")
    url = base_url(one, told)
    wait_healthy(url)
    return url


def synthesise(one: Installation, say: Say) -> None:
    say("Building the functions' packages …")
    built = subprocess.run([sys.executable, "-m", "tools.lambda_packages", one.target], cwd=ROOT, check=False)
    if built.returncode != 0:
        raise Refusal("The functions' packages could not be built; the lines above say why.")
    templates(one, say)


def templates(one: Installation, say: Say) -> None:
    one.cdk.install()
    say("Making the templates …")
    one.cdk.synth()


def bootstrap(one: Installation, agreed: Callable[[str], bool], say: Say) -> None:
    if stacks.described(stacks.TOOLKIT) is not None:
        return
    question = (
        f"Account {one.account.id} has not been used with CDK in {one.account.region}. CDK wants a stack of its own "
        f"there ({stacks.TOOLKIT}: a bucket and five roles), which costs next to nothing. Make it?"
    )
    if not agreed(question):
        raise Refusal("Nothing was deployed. To agree beforehand: ./run.sh deploy --yes", code=2)
    say("Preparing the account for CDK …")
    one.cdk.bootstrap(one.account.id, one.account.region)


def base_url(one: Installation, told: dict[str, str]) -> str:
    if one.account.is_emulated:
        return f"{os.environ['AWS_ENDPOINT_URL']}/_aws/execute-api/{told['ApiId']}/{one.stage}"
    return f"https://{told['ApiId']}.execute-api.{one.account.region}.amazonaws.com/{one.stage}"


def wait_healthy(url: str) -> None:
    """A new stage answers 403 for some seconds on AWS."""
    tls = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))  # what boto3 trusts
    give_up_at = time.monotonic() + HEALTHY_WITHIN_S
    said = ""
    while time.monotonic() < give_up_at:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=30, context=tls) as answer:
                if answer.status == 200:
                    return
        except urllib.error.HTTPError as error:
            said = f"{error.code} {error.read(300).decode(errors='replace')}"
        except OSError as error:
            said = str(error)
        time.sleep(1)
    raise Refusal(f"The API is deployed, and {url}/health does not answer as it should: {said}")


def admin_key(one: Installation) -> str | None:
    try:
        kept: str = boto3.client("secretsmanager").get_secret_value(SecretId=one.admin_secret)["SecretString"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return None
    return kept
