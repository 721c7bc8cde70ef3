"""Whether a replica still answers, found out as a client would: by having one token generated.

A port that accepts and a /health that says ok prove nothing: both come from threads that live on when the engine's
loop hangs. A busy engine may keep our token waiting behind its clients', so it is first asked for its slots: that
answer comes out of the same loop, and a slot at work in a turning loop is generation enough. It also spares the
clients: a probe takes an idle slot and with it the prompt that slot remembers.
"""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from llmanager.models.entities import Kind


@dataclass(frozen=True)
class Target:
    base_url: str
    authorization: str | None
    kind: Kind
    served_name: str | None


def is_alive(target: Target, timeout_s: float) -> bool:
    """At most two requests of `timeout_s` each. An engine without /slots is asked for a token whether busy or not."""
    try:
        status, slots = _ask(target, "GET", "/slots", None, timeout_s)
        if status == http.HTTPStatus.OK and is_at_work(slots):
            return True
        path, body = _one_token(target)
        status, _ = _ask(target, "POST", path, body, timeout_s)
    except (OSError, http.client.HTTPException):
        return False
    return is_sign_of_life(status)


def is_sign_of_life(status: int) -> bool:
    """A refusal is one: the engine understood. But one that does not know our key is not the engine that we started."""
    if status in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN):
        return False
    return status < http.HTTPStatus.INTERNAL_SERVER_ERROR or status == http.HTTPStatus.NOT_IMPLEMENTED


def is_at_work(slots: Any) -> bool:
    return isinstance(slots, list) and any(isinstance(s, Mapping) and s.get("is_processing") for s in slots)


def _one_token(target: Target) -> tuple[str, dict[str, Any]]:
    model = {} if target.served_name is None else {"model": target.served_name}
    if target.kind is Kind.EMBEDDING:
        return "/v1/embeddings", {**model, "input": "."}
    return "/v1/completions", {**model, "prompt": ".", "max_tokens": 1}  # not chat: a model's template may refuse it


def _ask(target: Target, method: str, path: str, body: Any, timeout_s: float) -> tuple[int, Any]:
    """Status and decoded JSON (None where it is none). `timeout_s` bounds each wait, not their sum."""
    parts = urlsplit(target.base_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    headers = {"content-type": "application/json"}
    if target.authorization is not None:
        headers["authorization"] = target.authorization
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read(1024 * 1024)
    finally:
        connection.close()
    try:
        return response.status, json.loads(text)
    except ValueError:
        return response.status, None
