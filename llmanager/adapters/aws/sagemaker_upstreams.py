"""Upstreams on SageMaker: chats by the endpoint's path for OpenAI's API, all else by InvokeEndpoint, signed.

The HTTP client is another Upstreams. What SageMaker itself answers in the container's place is told apart from what
the container says: a model that has no copy was not reached.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from llmanager.adapters.aws import sagemaker_words as words
from llmanager.adapters.aws.sagemaker_endpoints import INVOKED, INVOKED_TEI, OPENAI_SUFFIX
from llmanager.adapters.aws.sagemaker_stream import as_events
from llmanager.adapters.aws.sagemaker_words import KeptResponse
from llmanager.adapters.aws.sigv4 import Sign
from llmanager.gateway.errors import UpstreamUnreached
from llmanager.gateway.ports import Upstream, UpstreamResponse, Upstreams
from llmanager.kernel.errors import TooLarge

MAX_BODY_BYTES: Final = 6_291_456  # of one request to the runtime
MAX_ANSWER_BYTES: Final = 64_000_000
MAX_REFUSAL_BYTES: Final = 65_536
CHAT: Final = "/v1/chat/completions"
INVOKED_PATHS: Final = {"/v1/embeddings": (INVOKED, INVOKED_TEI), "/v1/completions": (INVOKED,)}
COMPONENT: Final = "X-Amzn-SageMaker-Inference-Component"
ATTRIBUTES: Final = "X-Amzn-SageMaker-Custom-Attributes"


class SageMakerUpstreams:
    """An Upstreams. `plain` sends; what is not on SageMaker is left to it. `missed` hears of a model without a copy."""

    def __init__(self, plain: Upstreams, sign: Sign, missed: Callable[[Upstream], None]) -> None:
        self._plain, self._sign, self._missed = plain, sign, missed

    async def post(self, upstream: Upstream, path: str, body: bytes, *, first_byte_s: float) -> UpstreamResponse:
        if upstream.protocol not in (INVOKED, INVOKED_TEI):
            return await self._plain.post(upstream, path, body, first_byte_s=first_byte_s)
        if path == CHAT:
            _check_size(body)
            answer = await self._plain.post(upstream, path, body, first_byte_s=first_byte_s)
            return as_events(await self._told(upstream, answer))
        if upstream.protocol not in INVOKED_PATHS.get(path, ()):
            return KeptResponse(404)  # an /invocations would take it for something else, such as a chat
        if upstream.protocol == INVOKED_TEI:
            answer = await self._invoked(upstream, path, words.tei_request(body), first_byte_s)
            return await _as_openai(answer)
        return as_events(await self._invoked(upstream, path, body, first_byte_s))

    async def _invoked(self, upstream: Upstream, path: str, body: bytes, first_byte_s: float) -> UpstreamResponse:
        _check_size(body)
        url, component = _address(upstream, is_stream=words.is_stream(body))
        headers = {"Content-Type": "application/json", COMPONENT: component, ATTRIBUTES: f"route={path}"}
        signed = await asyncio.to_thread(self._sign, url, headers, body)
        target = Upstream(upstream.id, url, headers=signed)
        return await self._told(upstream, await self._plain.post(target, "", body, first_byte_s=first_byte_s))

    async def _told(self, upstream: Upstream, response: UpstreamResponse) -> UpstreamResponse:
        """A refusal as the container said it. Raises UpstreamUnreached where there was none to say anything."""
        if response.status == 200:
            return response
        refusal = words.refusal(response.status, await _whole(response, MAX_REFUSAL_BYTES), response.headers)
        if refusal is None:
            self._missed(upstream)
            raise UpstreamUnreached("No copy of the model is there to answer. It is looked at; ask again.")
        return refusal


def _address(upstream: Upstream, *, is_stream: bool) -> tuple[str, str]:
    """Where to invoke, and which component: both stand in the address of the path for OpenAI's API."""
    endpoint, _, component = upstream.base_url.removesuffix(OPENAI_SUFFIX).rpartition("/inference-components/")
    return endpoint + ("/invocations-response-stream" if is_stream else "/invocations"), component


def _check_size(body: bytes) -> None:
    if len(body) > MAX_BODY_BYTES:
        raise TooLarge(f"SageMaker takes requests of up to {MAX_BODY_BYTES} bytes; this has {len(body)}. Send less.")


async def _as_openai(response: UpstreamResponse) -> UpstreamResponse:
    if response.status != 200:
        return response
    return KeptResponse(200, words.openai_embeddings(await _whole(response, MAX_ANSWER_BYTES)))


async def _whole(response: UpstreamResponse, limit_bytes: int) -> bytes:
    try:
        return await response.read(limit_bytes)
    finally:
        await response.close()
