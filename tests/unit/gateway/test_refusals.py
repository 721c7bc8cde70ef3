import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmanager.gateway import refusals
from llmanager.gateway.errors import ContextLengthExceeded, UpstreamBusy, UpstreamLacks, UpstreamRefused
from llmanager.kernel.errors import InvalidInput, LLManagerError, NotSupported, Throttled, TooLarge


def of(status: int, error: Any = None, **more: Any) -> LLManagerError:
    return refusals.of_answer("m", status, json.dumps({"error": error}).encode(), **more)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidInput),
        (422, InvalidInput),
        (413, TooLarge),
        (429, Throttled),
        (501, NotSupported),
        (502, UpstreamBusy),
        (503, UpstreamBusy),
        *((status, UpstreamRefused) for status in (301, 401, 403, 418, 500, 504, 599)),
        *((status, UpstreamLacks) for status in (404, 405)),
    ],
)
@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"error":"x"}', b'{"error":{"message":5,"type":[],"code":{}}}', b"\xff"]
)
def test_each_status_has_its_error_whatever_the_body(status: int, kind: type[LLManagerError], body: bytes):
    assert type(refusals.of_answer("m", status, body)) is kind


@pytest.mark.parametrize(
    "error",
    [
        {"type": "exceed_context_size_error", "message": "…", "n_prompt_tokens": 70, "n_ctx": 64},
        {"code": "context_length_exceeded", "message": "…"},
        {"type": "BadRequestError", "message": "This model's maximum context length is 64 tokens."},
    ],
)
def test_a_full_context_is_told_in_openais_code(error: dict[str, Any]):
    refusal = of(400, error)
    assert type(refusal) is ContextLengthExceeded
    assert (refusal.code, refusal.param) == ("context_length_exceeded", "messages")
    assert ("70 tokens" in str(refusal)) == ("n_ctx" in error)


def test_an_image_for_a_model_of_text_is_the_callers_affair_whatever_the_status():
    refusal = of(500, {"message": "image input is not supported - hint: provide the mmproj", "type": "server_error"})
    assert type(refusal) is InvalidInput
    assert str(refusal) == "Model 'm' takes no image input. Send text, or ask another model."


def test_what_is_wrong_with_a_request_is_repeated_and_nothing_else():
    told = of(400, {"type": "invalid_request_error", "message": "Unsupported role 'x'"})
    assert "Unsupported role 'x'" in str(told)
    assert "secret" not in str(of(400, {"type": "other", "message": "secret"}))
    assert "secret" not in str(of(500, {"type": "invalid_request_error", "message": "secret"}))


@pytest.mark.parametrize(
    "secret",
    [
        "/srv/cache/w.gguf",
        "C:\\models\\w",
        "http://inner:80",
        "10.0.0.17:8000",
        "sk-" + "a1" * 20,
        "'/etc/x'",
        "Bearer:" + "k" * 24,
    ],
)
def test_paths_addresses_and_keys_are_left_out(secret: str):
    assert refusals.safe(f"cannot use {secret} here") == "cannot use … here"


@given(st.text())
def test_what_is_repeated_is_short_and_one_line(text: str):
    safe = refusals.safe(text)
    assert len(safe) <= 300
    assert len(safe.splitlines()) <= 1
    assert "/" not in safe


@pytest.mark.parametrize(
    ("header", "wait_s"), [("7", 7), (None, 1), ("soon", 1), ("-1", 1), ("²", 1), ("9" * 5000, 1), ("", 1)]
)
def test_a_servers_retry_after_is_passed_on(header: str | None, wait_s: int):
    refusal = of(429, retry_after=header)
    assert isinstance(refusal, Throttled)
    assert refusal.retry_after_s == wait_s


def test_a_text_too_long_to_embed_is_the_callers_though_the_engine_says_500():
    told = of(500, {"message": "input (2002 tokens) is too large to process. increase the physical batch size"})
    assert isinstance(told, ContextLengthExceeded)
    assert told.param == "input"
    assert "2002 tokens" in str(told)
