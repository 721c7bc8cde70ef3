"""Whose account: what is missing is said, with what to do and what works without."""

import boto3
import pytest
from botocore.exceptions import ClientError

from tools.deployment import account
from tools.deployment.__main__ import main
from tools.deployment.refusal import Refusal


@pytest.fixture(autouse=True)
def nobody(monkeypatch, tmp_path):
    """A machine that knows nothing of AWS."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


def said(capsys, *arguments):
    assert main(arguments) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("command", ["deploy", "diff", "destroy"])
def test_without_credentials_it_says_so_and_what_runs_without(capsys, command):
    text = said(capsys, command)
    assert "no AWS credentials were found" in text
    assert "./run.sh local" in text
    assert "./run.sh emulate" in text


def test_without_a_region_it_asks_for_one(capsys, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-one")
    assert "AWS_REGION" in said(capsys, "deploy")


def test_a_profile_that_is_not_there_is_named(capsys, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nowhere")
    assert "nowhere" in said(capsys, "deploy")


def test_a_region_that_cannot_be_reached_is_no_traceback(capsys, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-one")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert "could not be asked" in said(capsys, "deploy")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ExpiredToken", "have expired"),
        ("InvalidClientTokenId", "does not accept"),
        ("SignatureDoesNotMatch", "does not accept"),
        ("AccessDenied", "refused to say"),
    ],
)
def test_each_refusal_of_aws_has_its_own_words(code, words):
    class Session:
        def client(self, *_, **__):
            return self

        def get_caller_identity(self):
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetCallerIdentity")

    with pytest.raises(Refusal, match=words) as caught:
        account.asked(Session(), "us-east-1")
    assert caught.value.code == 2


@pytest.mark.parametrize("stage", ["Dev", "", "1a", "toolongstage", "a-b", "../x"])
def test_a_stage_that_is_none_is_refused_before_anything_else(stage, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["deploy", "--stage", stage])
    assert caught.value.code == 2
    assert "lower-case" in capsys.readouterr().err
