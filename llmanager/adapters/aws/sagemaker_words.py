"""What stands in requests to SageMaker's runtime and in its answers, from and to OpenAI's words. Pure."""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from llmanager.kernel.errors import InvalidInput, UpstreamFailed

MODEL_ERROR: Final = 424  # the container answered an error, which is told within
VALIDATION: Final = 400
# Said by SageMaker itself, with one code for all that is wrong with a request.
NO_COPY: Final = re.compile(
    r"has no capacity|\bnot found\b|could not find|is not in service|not InService", re.IGNORECASE
)


class _Refusal(Struct):
    message: str = ""
    Message: str = ""
    OriginalStatusCode: int = 0
    OriginalMessage: str = ""


class _Asked(Struct):
    stream: bool | None = None


class _Texts(Struct):
    input: str | list[Any]


_decode_refusal = msgspec.json.Decoder(_Refusal).decode
_decode_asked = msgspec.json.Decoder(_Asked).decode
_decode_texts = msgspec.json.Decoder(_Texts).decode
_decode_vectors = msgspec.json.Decoder(list[msgspec.Raw]).decode


class KeptResponse:
    """An UpstreamResponse that is here already."""

    def __init__(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.status, self._body = status, body
        self.headers: Mapping[str, str] = headers or {}
        self.content_type = "application/json"

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._body

    async def read(self, limit_bytes: int) -> bytes:
        if len(self._body) > limit_bytes:
            raise UpstreamFailed(f"The model's server answered more than {limit_bytes} bytes. Ask for less.")
        return self._body

    async def close(self) -> None:
        """There is nothing to end."""


def refusal(status: int, body: bytes, headers: Mapping[str, str]) -> KeptResponse | None:
    """The container's own refusal, or SageMaker's; None where no copy of the model was there to be asked."""
    told = _told(body)
    if status == MODEL_ERROR and told.OriginalStatusCode:
        return KeptResponse(told.OriginalStatusCode, told.OriginalMessage.encode(), headers)
    if status == VALIDATION and NO_COPY.search(told.message or told.Message):
        return None  # a container that refuses does so in an `error` object
    return KeptResponse(status, body, headers)


def is_stream(body: bytes) -> bool:
    """Whether this request of OpenAI's API asks for a stream."""
    return bool(_decode_asked(body).stream)


def tei_request(body: bytes) -> bytes:
    """Of /v1/embeddings, for text-embeddings-inference. Raises InvalidInput for tokens, which it does not take."""
    texts = _decode_texts(body).input
    inputs = [texts] if isinstance(texts, str) else texts
    if not all(isinstance(text, str) for text in inputs):
        raise InvalidInput(
            "This model takes texts, not tokens. Send 'input' as text or a list of texts.", param="input"
        )
    return msgspec.json.encode({"inputs": inputs})


def openai_embeddings(body: bytes) -> bytes:
    """Of text-embeddings-inference, as OpenAI's. It tells no usage, so none is told."""
    try:
        vectors = _decode_vectors(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UpstreamFailed("The model's server sent vectors that cannot be read. Ask again.") from None
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return msgspec.json.encode({"object": "list", "data": data})


def _told(body: bytes) -> _Refusal:
    try:
        return _decode_refusal(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Refusal()
