"""What every refusal looks like: OpenAI's shape. api/errors.py fills it; this is for the published schema."""

from llmanager.wire.base import Response


class Error(Response):
    message: str  # what happened, to what, and what to do next
    type: str
    code: str
    param: str | None


class ErrorAnswer(Response):
    error: Error
