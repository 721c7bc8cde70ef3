"""From an upstream's error answer to our error: the status that fits, and of its text only what is safe to repeat."""

import re

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from llmanager.gateway.errors import ContextLengthExceeded, UpstreamBusy, UpstreamLacks, UpstreamRefused
from llmanager.kernel.errors import InvalidInput, LLManagerError, NotSupported, Throttled, TooLarge

MAX_TEXT = 300
_TOLD = {"invalid_request_error", "BadRequestError"}  # error types whose text is about the caller's request
_CONTEXT = re.compile(
    r"exceed_context_size|context_length_exceeded|maximum context length|exceeds the available context"
)
_NO_MEDIA = re.compile(r"(image|audio|video) input is not supported")  # llama.cpp answers it with 500
_TOO_LONG_TEXT = re.compile(r"input \((\d+) tokens\) is too large")  # llama.cpp on embeddings, with 500
_SECONDS = re.compile(r"[0-9]{1,3}")
_UNSAFE_WORD = re.compile(r"[/\\]|\d\.\d+\.\d+\.\d|[\w-]{24,}")  # paths and URLs, addresses, keys


class Complaint(Struct):
    """The `error` object of llama.cpp, vLLM, Ollama and OpenAI. Any member may be missing or of another type."""

    message: Raw | UnsetType = UNSET
    type: Raw | UnsetType = UNSET
    code: Raw | UnsetType = UNSET
    n_prompt_tokens: Raw | UnsetType = UNSET
    n_ctx: Raw | UnsetType = UNSET


class _Envelope(Struct):
    error: Complaint


def of_answer(model: str, status: int, body: bytes, retry_after: str | None = None) -> LLManagerError:
    """`retry_after`: the header's value, if there was one."""
    complaint = complaint_in(body)
    if status == 429:
        wait_s = int(retry_after) if retry_after and _SECONDS.fullmatch(retry_after) else 1
        return Throttled(f"The server of model {model!r} has too many requests. Ask again later.", retry_after_s=wait_s)
    if status in (502, 503):
        return UpstreamBusy(f"The server of model {model!r} takes no requests now (status {status}). Ask again.")
    return of_complaint(model, status, complaint)


def of_complaint(model: str, status: int, complaint: Complaint) -> LLManagerError:
    """Also for an error event inside a stream, where the status is what the event says (500 if it says none)."""
    kind, text, code = _text(complaint.type), _text(complaint.message), _text(complaint.code)
    if status < 500 and _CONTEXT.search(f"{kind} {code} {text}"):
        return _context_exceeded(model, _number(complaint.n_prompt_tokens), _number(complaint.n_ctx))
    too_long = _TOO_LONG_TEXT.search(text)
    if too_long:
        return ContextLengthExceeded(
            f"A text of {too_long[1]} tokens is longer than model {model!r} takes at once. Split it.", param="input"
        )
    media = _NO_MEDIA.search(text)
    if media:
        return InvalidInput(
            f"Model {model!r} takes no {media[1]} input. Send text, or ask another model.", param="messages"
        )
    if status in (400, 422):
        told = f" It says: {safe(text)}" if kind in _TOLD and text else " Check the request's parameters."
        return InvalidInput(f"The server of model {model!r} refused this request.{told}")
    if status == 413:
        return TooLarge(f"The request is too large for the server of model {model!r}. Send less.")
    if status == 501:
        return NotSupported(f"The server of model {model!r} does not offer this. Use another model or leave it out.")
    refusal = UpstreamLacks if status in (404, 405) else UpstreamRefused
    return refusal(f"The server of model {model!r} answered with status {status}. Ask again.")


def status_in(complaint: Complaint) -> int:
    code = _number(complaint.code)
    return code if code is not None and 400 <= code <= 599 else 500


def safe(text: str) -> str:
    """One line of at most MAX_TEXT characters without anything that looks like a path, an address or a key."""
    words = text[: 4 * MAX_TEXT].split()
    return " ".join("…" if _UNSAFE_WORD.search(word) else word for word in words)[:MAX_TEXT]


def _context_exceeded(model: str, tokens: int | None, limit: int | None) -> ContextLengthExceeded:
    figures = f" It has {tokens} tokens and the limit is {limit}." if tokens and limit else ""
    return ContextLengthExceeded(
        f"The request is longer than the context of model {model!r}.{figures} Shorten it, or give the model a larger "
        "'context_tokens'.",
        param="messages",
    )


def complaint_in(body: bytes) -> Complaint:
    """Of `{"error": {...}}`; an empty one where it is something else."""
    try:
        return msgspec.json.decode(body, type=_Envelope).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Complaint()


def _text(raw: Raw | UnsetType) -> str:
    value = _value(raw)
    return value if isinstance(value, str) else ""


def _number(raw: Raw | UnsetType) -> int | None:
    value = _value(raw)
    return value if isinstance(value, int) else None


def _value(raw: Raw | UnsetType) -> object:
    if isinstance(raw, UnsetType):
        return None
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
