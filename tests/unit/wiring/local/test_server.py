import socket

import pytest

from llmanager.models.catalog import find
from llmanager.wiring.local.greeting import first_real_model, greeting
from llmanager.wiring.local.server import base_url_of, listen
from llmanager.wiring.serving.limits import limits_of
from llmanager.wiring.settings import Settings
from llmanager.wiring.values import SettingsError


def test_any_free_port_can_be_had_and_is_told():
    with listen("127.0.0.1", 0) as listener:
        assert base_url_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_an_address_of_six_is_put_in_brackets():
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    with listen("::1", 0) as listener:
        assert base_url_of(listener).startswith("http://[::1]:")


def test_a_port_that_is_taken_is_refused_with_the_way_out():
    with listen("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(SettingsError, match="--port 0"):
            listen("127.0.0.1", taken.getsockname()[1])


def test_limits_are_those_of_the_settings():
    settings = Settings.from_env(
        {
            "LLMANAGER_MAX_BODY_MIB": "3",
            "LLMANAGER_FIRST_BYTE_S": "4",
            "LLMANAGER_GAP_S": "5",
            "LLMANAGER_HOLD_SILENT_S": "6",
            "LLMANAGER_WAKE_TIMEOUT_S": "7",
            "LLMANAGER_MAX_WAITERS": "8",
        }
    )
    limits = limits_of(settings)
    assert (limits.max_body_bytes, limits.first_byte_s, limits.gap_s) == (3 * 2**20, 4, 5)
    assert (limits.hold_silent_s, limits.wake_timeout_s, limits.max_waiters) == (6, 7, 8)


def test_the_greeting_names_a_real_model_with_its_size_and_ends_with_the_address():
    text = greeting("http://127.0.0.1:1", "a folder", needs_key=False)
    real = first_real_model()
    assert real is not None
    assert find(real.alias) is real
    assert f"{real.size_mib} MiB" in text
    assert text.splitlines()[-1] == "ready http://127.0.0.1:1"
