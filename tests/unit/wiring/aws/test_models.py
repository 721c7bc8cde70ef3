"""The SageMaker backend is made from the settings, or not at all."""

import importlib.abc
import sys

import pytest

from llmanager.models.entities import ModelSpec
from llmanager.wiring.aws.models import sagemaker_host
from llmanager.wiring.settings import Settings
from llmanager.wiring.values import SettingsError
from tests.fakes.clock import FakeClock

SET_UP = {"LLMANAGER_SAGEMAKER": '{"region": "us-east-1", "role_arn": "arn:aws:iam::123456789012:role/llmanager"}'}


class NotInstalled(importlib.abc.MetaPathFinder):
    """As if a package, and what needs it, had never been installed."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition(".")[0] == self.package:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=self.package)


def made(env):
    return sagemaker_host(Settings.from_env(env), FakeClock())


def test_without_the_setting_there_is_none_and_nothing_is_loaded_for_it():
    assert made({}) is None


def test_with_it_there_is_one_that_asks_nobody_before_it_has_to(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "emulated")
    host = made(SET_UP)
    assert host is not None
    assert host.traits.is_billed
    assert host.quote(ModelSpec("qwen3-4b")).usd_per_hour is not None
    assert host.endpoints("lm-a") == ()


def test_without_boto3_the_setting_that_asks_for_it_is_named_and_what_to_install(monkeypatch):
    for name in [n for n in sys.modules if n.partition(".")[0] == "boto3" or n.startswith("llmanager.adapters.aws.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [NotInstalled("boto3"), *sys.meta_path])
    with pytest.raises(SettingsError, match=r"LLMANAGER_SAGEMAKER.*not installed \(boto3\): .*pip install boto3"):
        made(SET_UP)
