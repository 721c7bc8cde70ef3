import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from llmanager.adapters.local.engines import EngineCommand
from llmanager.adapters.remote.openai_host import Remote
from llmanager.models.caps import Caps
from llmanager.models.entities import Kind
from llmanager.wiring.aws import settings as aws_settings
from llmanager.wiring.env_file import read_env_file
from llmanager.wiring.env_template import template
from llmanager.wiring.serving.caps import caps_of
from llmanager.wiring.settings import Settings, declared, names
from llmanager.wiring.values import PATH, SettingsError

ROOT = Path(__file__).resolve().parents[3]
SECRET = "sk-very-secret"


def test_an_empty_environment_gives_a_server_for_this_machine_only():
    settings = Settings.from_env({})
    assert (settings.host, settings.port, settings.auth, settings.stage) == ("127.0.0.1", 8080, "off", "dev")
    assert settings.home == Path.home() / ".llmanager"
    assert settings.own_models == Path.home() / ".llmanager" / "models-own"
    assert (settings.sleep_after_s, settings.wake_timeout_s, settings.max_waiters) == (900, 120.0, 256)
    assert settings.memory_mib is None
    assert settings.engines == settings.remotes == {}


def test_empty_and_blank_values_mean_the_default():
    assert Settings.from_env({s.name: " " for s in declared().values()}) == Settings.from_env({})


def test_every_default_is_what_its_own_text_says():
    assert Settings.from_env({s.name: s.default for s in declared().values()}) == Settings.from_env({})


def test_the_template_is_the_settings():
    assert (ROOT / ".env.template").read_text() == template(), "run ./run.sh lock"


def test_the_template_uncommented_is_an_env_file_of_defaults(tmp_path):
    file = tmp_path / ".env"
    file.write_text(re.sub(r"^#(?=[A-Z])", "", template(), flags=re.MULTILINE))
    env = read_env_file(file, names())
    assert set(env) == {s.name for s in declared().values()}
    assert Settings.from_env(env) == Settings.from_env({})


def test_what_only_aws_has_is_told_in_the_template_and_refused_in_an_env_file(tmp_path):
    file = tmp_path / ".env"
    for setting in aws_settings.declared().values():
        assert f"\n# {setting.name}: " in template()
        file.write_text(f"{setting.name}=x")
        with pytest.raises(SettingsError, match="no such setting"):
            Settings.load(file)


def test_engines_and_remotes_are_read_from_json():
    settings = Settings.from_env(
        {
            "LLMANAGER_ENGINES": '{"mine": {"argv": ["serve", "--jinja"], "key_env": "KEY", "env": {"X": "1"}}}',
            "LLMANAGER_REMOTES": '{"far": {"base_url": "https://llm.example/v1/", "key": "k", "kind": "embedding"}}',
        }
    )
    assert settings.engines == {"mine": EngineCommand(("serve", "--jinja"), {"PATH": PATH, "X": "1"}, "KEY")}
    assert settings.remotes == {"far": Remote("https://llm.example", "Bearer k", None, Kind.EMBEDDING)}


def test_caps_on_the_fleet_are_small_unless_the_operator_says_otherwise():
    assert caps_of(Settings.from_env({})) == replace(Caps(), max_models=200)
    more = Settings.from_env(
        {
            "LLMANAGER_MAX_MODELS": "7",
            "LLMANAGER_MAX_INSTANCES": "0",
            "LLMANAGER_MAX_USD_PER_HOUR": "12.75",
            "LLMANAGER_INSTANCE_TYPES": "ml.g6.xlarge, ml.g5.2xlarge,",
        }
    )
    types = frozenset({"ml.g6.xlarge", "ml.g5.2xlarge"})
    assert caps_of(more) == Caps(7, 0, Decimal("12.75"), types)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_keys(host):
    assert Settings.from_env({"LLMANAGER_HOST": host}).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org", "localhost.example.org", "127.1"])
def test_an_address_that_others_reach_is_refused_without_keys(host):
    with pytest.raises(SettingsError, match=r"LLMANAGER_HOST is .* Set LLMANAGER_AUTH=keys"):
        Settings.from_env({"LLMANAGER_HOST": host})
    assert Settings.from_env({"LLMANAGER_HOST": host, "LLMANAGER_AUTH": "keys"}).host == host


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LLMANAGER_PORT", "http"),
        ("LLMANAGER_PORT", "65536"),
        ("LLMANAGER_PORT", "-1"),
        ("LLMANAGER_PORT", "٣"),
        ("LLMANAGER_AUTH", "on"),
        ("LLMANAGER_MAX_USD_PER_HOUR", "$5"),
        ("LLMANAGER_MAX_USD_PER_HOUR", "-1"),
        ("LLMANAGER_MAX_USD_PER_HOUR", "1e9"),
        ("LLMANAGER_MAX_USD_PER_HOUR", "NaN"),
        ("LLMANAGER_MAX_USD_PER_HOUR", "0.00001"),
        ("LLMANAGER_MAX_INSTANCES", "many"),
        ("LLMANAGER_INSTANCE_TYPES", "ml.g5.xlarge;ml.g6.xlarge"),
        ("LLMANAGER_INSTANCE_TYPES", "ML.G5"),
        ("LLMANAGER_STAGE", "../up"),
        ("LLMANAGER_STAGE", "production"),
        ("LLMANAGER_HOME", "a\x00b"),
        ("LLMANAGER_ALLOWED_HOSTS", "http://x"),
        ("LLMANAGER_ALLOWED_HOSTS", "good.example,bad example"),
        ("LLMANAGER_SLEEP_AFTER_S", "never"),
        ("LLMANAGER_MEMORY_MIB", "70%"),
        ("LLMANAGER_MEMORY_MIB", "1"),
        ("LLMANAGER_WAKE_TIMEOUT_S", "2m"),
        ("LLMANAGER_GAP_S", "0"),
        ("LLMANAGER_GAP_S", "nan"),
        ("LLMANAGER_MAX_WAITERS", "0"),
        ("LLMANAGER_LOG_LEVEL", "loud"),
        ("LLMANAGER_ENGINES", "llama-server"),
        ("LLMANAGER_ENGINES", "[]"),
        ("LLMANAGER_ENGINES", '{"a": []}'),
        ("LLMANAGER_ENGINES", '{"a/b": {"argv": ["x"]}}'),
        ("LLMANAGER_ENGINES", '{"a": {"argv": "llama-server"}}'),
        ("LLMANAGER_ENGINES", '{"a": {"argv": []}}'),
        ("LLMANAGER_ENGINES", '{"a": {"argv": ["x"], "key_env": "A B"}}'),
        ("LLMANAGER_ENGINES", '{"a": {"argv": ["x"], "shell": true}}'),
        ("LLMANAGER_REMOTES", '{"a": {"served_name": "m"}}'),
        ("LLMANAGER_REMOTES", '{"a": {"base_url": 3}}'),
        ("LLMANAGER_REMOTES", '{"a": {"base_url": "https://x", "kind": "image"}}'),
        ("HF_ENDPOINT", "hub.example"),
        ("HF_TOKEN", "a\nb"),
    ],
)
def test_a_wrong_value_is_refused_by_name_without_being_repeated(name, value):
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({name: value})
    assert str(caught.value).startswith(f"{name} ")
    assert str(caught.value).endswith(".")
    assert f" {value} " not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "ftp://host",
        "https://",
        "https://user:pass@host",
        "https://host/#part",
        "https://host/?q=1",
        "https://host:port",
        "https://[::1",
        "https://ho st",
        "https://host\\@other",
    ],
)
def test_a_remote_has_a_plain_web_address(address):
    escaped = address.replace("\\", "\\\\")
    with pytest.raises(SettingsError, match="LLMANAGER_REMOTES has a `base_url` in 'a' that must be an http"):
        Settings.from_env({"LLMANAGER_REMOTES": f'{{"a": {{"base_url": "{escaped}"}}}}'})


def test_no_secret_shows_when_settings_are_printed():
    settings = Settings.from_env(
        {"HF_TOKEN": SECRET, "LLMANAGER_REMOTES": f'{{"a": {{"base_url": "https://x", "key": "{SECRET}"}}}}'}
    )
    assert settings.hf_token == SECRET
    assert settings.remotes["a"].authorization == f"Bearer {SECRET}"
    assert SECRET not in repr(settings)


def test_a_broken_remote_does_not_show_its_key():
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"LLMANAGER_REMOTES": f'{{"a": {{"base_url": "x", "key": "{SECRET}"}}}}'})
    assert SECRET not in str(caught.value)


def test_an_env_file_is_read_and_never_evaluated(tmp_path):
    file = tmp_path / ".env"
    file.write_text("# a comment\n\n A = $(touch gone) `x` $HOME\nB='two words'\nC=a=b#c\nD=\"\nE=\n")
    expected = {"A": "$(touch gone) `x` $HOME", "B": "two words", "C": "a=b#c", "D": '"', "E": ""}
    assert read_env_file(file, names()) == expected
    assert [p.name for p in tmp_path.iterdir()] == [".env"]


@pytest.mark.parametrize("line", [SECRET, "export A=1", "1A=2", "=x"])
def test_an_env_line_of_another_shape_is_named_by_its_number_only(tmp_path, line):
    file = tmp_path / ".env"
    file.write_text(f"A=1\n{line}\n")
    with pytest.raises(SettingsError, match=r"\.env line 2 is not NAME=VALUE") as caught:
        read_env_file(file, names())
    assert SECRET not in str(caught.value)


def test_a_misspelt_setting_of_ours_is_refused_and_anothers_is_not(tmp_path):
    file = tmp_path / ".env"
    file.write_text("OTHER=1\nLLMANAGER_PROT=1\n")
    with pytest.raises(SettingsError, match=r"\.env line 2: there is no such setting"):
        read_env_file(file, names())
    file.write_text("OTHER=1\nLLMANAGER_PORT=1\n")
    assert read_env_file(file, names()) == {"OTHER": "1", "LLMANAGER_PORT": "1"}


def test_an_env_file_that_is_no_text_is_refused(tmp_path):
    file = tmp_path / ".env"
    file.write_bytes(b"\xff\xfe=\n")
    with pytest.raises(SettingsError, match=r"\.env is not UTF-8"):
        read_env_file(file, names())


def test_the_environment_wins_over_the_file_and_a_flag_over_both(tmp_path, monkeypatch):
    file = tmp_path / ".env"
    file.write_text("LLMANAGER_PORT=1\nLLMANAGER_STAGE=file\nLLMANAGER_LOG_LEVEL=debug\n")
    monkeypatch.setenv("LLMANAGER_PORT", "2")
    monkeypatch.setenv("LLMANAGER_STAGE", "env")
    settings = Settings.load(file, LLMANAGER_PORT="3")
    assert (settings.port, settings.stage, settings.log_level) == (3, "env", "debug")
    assert Settings.load(tmp_path / "absent").stage == "env"
