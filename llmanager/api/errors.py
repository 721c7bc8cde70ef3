"""The errors that only HTTP knows, and the one table from errors to statuses, for every host.

The body is OpenAI's error shape on our routes and on /v1 alike.
"""

import json
import math
from dataclasses import replace

from llmanager.files.errors import UploadTooShort
from llmanager.gateway.errors import MethodNotAllowed
from llmanager.gateway.ports import Rendered
from llmanager.kernel import errors
from llmanager.kernel.errors import Final, Forbidden, LLManagerError, TooLarge, Unavailable
from llmanager.kernel.orphans import OrphansInDoubt
from llmanager.vdb.errors import SegmentCorrupt


class BadRequest(Final):
    code = "bad_request"


class MisdirectedRequest(Final):
    code = "misdirected_request"

    def __init__(self) -> None:
        super().__init__(
            "This server does not answer to the name in the Host header. Use the address it printed at start, or add "
            "the name to LLMANAGER_ALLOWED_HOSTS."
        )


class ForeignOrigin(Forbidden):
    code = "foreign_origin"

    def __init__(self) -> None:
        super().__init__("A web page of another origin may not call this server. Call it from a program instead.")


class HeadersTooLarge(TooLarge):
    code = "headers_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The request's line and headers are over {limit_bytes} bytes. Send fewer or shorter ones.")


class BodyTooLarge(TooLarge):
    code = "body_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The request's body is over {limit_bytes} bytes. Send less, or in several requests.")


class BodyTooSlow(BadRequest):
    code = "body_too_slow"

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"The request's body did not arrive within {limit_s:g} s. Send it again.")


class BodyStalled(BadRequest):
    code = "body_stalled"

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"Nothing more of the request's body came for {limit_s:g} s. Send it again.")


class BodyCutOff(BadRequest):
    code = "body_cut_off"

    def __init__(self) -> None:
        super().__init__("The request's body ended before it was whole. Send it again.")


class ServerStops(Unavailable):
    code = "server_stops"

    def __init__(self) -> None:
        super().__init__("This server is stopping. Try again when it is back.", retry_after_s=5)


def internal_error(request_id: str) -> LLManagerError:
    return LLManagerError(
        "Something went wrong in this server; your request may be fine. Try again. If it keeps happening, report the "
        f"request id {request_id}."
    )


# An error without a row of its own has that of its nearest parent. tests/unit/api/test_errors.py proves it complete.
STATUS: dict[type[LLManagerError], tuple[int, str]] = {
    BadRequest: (400, "invalid_request_error"),
    UploadTooShort: (400, "invalid_request_error"),
    errors.Unauthenticated: (401, "authentication_error"),
    errors.Forbidden: (403, "permission_error"),
    errors.NotFound: (404, "not_found_error"),
    MethodNotAllowed: (405, "invalid_request_error"),
    errors.Conflict: (409, "conflict_error"),
    errors.TooLarge: (413, "invalid_request_error"),
    MisdirectedRequest: (421, "invalid_request_error"),
    errors.InvalidInput: (422, "invalid_request_error"),
    errors.Throttled: (429, "rate_limit_error"),
    HeadersTooLarge: (431, "invalid_request_error"),
    SegmentCorrupt: (500, "storage_error"),
    OrphansInDoubt: (500, "storage_error"),
    errors.NotSupported: (501, "not_supported_error"),
    errors.UpstreamFailed: (502, "upstream_error"),
    errors.Unavailable: (503, "unavailable_error"),
    errors.UpstreamTimeout: (504, "upstream_error"),
    errors.OutOfSpace: (507, "unavailable_error"),
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
