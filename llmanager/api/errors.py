"""Error to status, once, for every host. The body is OpenAI's error shape on our routes and on /v1 alike."""

import json
import math
from dataclasses import replace

from llmanager.api import refusals
from llmanager.gateway.errors import MethodNotAllowed
from llmanager.gateway.ports import Rendered
from llmanager.kernel import errors
from llmanager.kernel.errors import LLManagerError

# Most specific first where one class is a child of another. tests/unit/api/test_errors.py proves it complete.
STATUS: dict[type[LLManagerError], tuple[int, str]] = {
    errors.InvalidInput: (422, "invalid_request_error"),
    errors.Unauthenticated: (401, "authentication_error"),
    errors.Forbidden: (403, "permission_error"),
    errors.NotFound: (404, "not_found_error"),
    errors.Conflict: (409, "conflict_error"),
    errors.TooLarge: (413, "invalid_request_error"),
    errors.NotSupported: (501, "not_supported_error"),
    errors.Throttled: (429, "rate_limit_error"),
    errors.Unavailable: (503, "unavailable_error"),
    errors.OutOfSpace: (507, "unavailable_error"),
    errors.UpstreamFailed: (502, "upstream_error"),
    errors.UpstreamTimeout: (504, "upstream_error"),
    refusals.BadRequest: (400, "invalid_request_error"),
    MethodNotAllowed: (405, "invalid_request_error"),
    refusals.MisdirectedRequest: (421, "invalid_request_error"),
    refusals.HeadersTooLarge: (431, "invalid_request_error"),
}


def status_of(error: LLManagerError) -> tuple[int, str]:
    for cls in type(error).__mro__:
        if cls in STATUS:
            return STATUS[cls]
    return 500, "internal_error"


def body_of(error: LLManagerError) -> dict[str, dict[str, str | None]]:
    _, type_ = status_of(error)
    param = getattr(error, "param", None)
    return {"error": {"message": str(error), "type": type_, "code": error.code, "param": param}}


def render(error: LLManagerError) -> Rendered:
    body = json.dumps(body_of(error), ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        headers.append((b"retry-after", str(max(1, math.ceil(retry_after_s))).encode()))
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", error.allowed.encode()))
    status, _ = status_of(error)
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    return Rendered(status, tuple(headers), body)


def render_as_openai(error: LLManagerError) -> Rendered:
    """For the data path. OpenAI says 400 to all bad input, and the exception classes of its clients hang on that."""
    rendered = render(error)
    return replace(rendered, status=400) if rendered.status == 422 else rendered
