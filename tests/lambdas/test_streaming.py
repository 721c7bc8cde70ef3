"""The program that the Lambda Web Adapter runs in the streaming function: it answers, and ends when told."""

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.api.server import ROOT
from tests.fakes.eventually import eventually
from tests.lambdas.stack import BUCKET

SCRIPT = ROOT / "lambdas" / "chat" / "serve.sh"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture
def port():
    number = free_port()
    env = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}/usr/bin{os.pathsep}/bin",
        "AWS_LWA_PORT": str(number),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "LLMANAGER_STAGE": "test",
        "LLMANAGER_TABLES": '{"auth": "a-a", "idempotency": "a-i", "registry": "a-r", "vdb": "a-v", "history": "a-h"}',
        "LLMANAGER_RECONCILE_QUEUE_URL": "http://127.0.0.1:9/q",
        "LLMANAGER_BUCKET": BUCKET,
        "LLMANAGER_OPENSEARCH": '{"url": "http://127.0.0.1:9", "kind": "open"}',
        "LLMANAGER_SAGEMAKER": '{"region": "us-east-1", "role_arn": "arn:aws:iam::123456789012:role/hosting"}',
    }
    with subprocess.Popen([SCRIPT], env=env, cwd="/") as server:
        yield number
        server.terminate()
        assert server.wait(20) is not None


def status(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code
    except OSError:
        return 0


def test_it_is_ready_by_health_and_asks_everyone_else_for_a_key(port):
    eventually(lambda: status(port, "/health"), lambda found: found == 200)
    assert status(port, "/v1/models") == 401
    assert status(port, "/test/v1/models") == 401
