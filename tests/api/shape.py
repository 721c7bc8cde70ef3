"""The one shape of an error, and what must never be in it."""

import re

from tests.api.client import Answer

LEAKS = re.compile(
    r"Traceback|site-packages|\.py\b|line \d+, in|sqlite|SELECT |INSERT |(?<![\w.:/])/(?:tmp|home|usr|var|root|opt)/"
    r"|0x[0-9a-f]{6,}|lmk_\w{8,}|Bearer \w{12,}|pydantic|llmanager\.",
    re.IGNORECASE,
)


def assert_error(answer: Answer, *statuses: int) -> dict[str, str | None]:
    """The answer is a clear error with one of these statuses; its inner object."""
    assert answer.status in statuses, answer
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers.get("x-request-id")
    assert not LEAKS.search(answer.body.decode()), answer.body
    assert set(answer.json) == {"error"}
    error = answer.json["error"]
    assert set(error) == {"message", "type", "code", "param"}
    assert error["message"]
    assert error["type"]
    assert error["code"]
    return error
