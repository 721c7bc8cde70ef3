"""The runtime over HTTP: InvokeEndpoint, InvokeEndpointWithResponseStream and the OpenAI-compatible path.

A request goes to the worker of a copy that serves; where none does it is refused in the state machine's words.
"""

import asyncio
import contextlib
import io
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Mapping
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from botocore.exceptions import ClientError

from emulator.cloud import Cloud
from emulator.errors import Refusal
from emulator.http import event_stream, payloads
from emulator.http.credentials import Denied, bearer_region, signed_for
from emulator.http.fleet import Fleet, Worker
from emulator.http.payloads import Asked, Unfit

LARGEST_BYTES = 6_291_456
COMPONENT = "X-Amzn-SageMaker-Inference-Component"
BUSY_PERCENT = 100.0  # of its GPUs, while a component answers at all
NO_ANSWER = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)


@dataclass(frozen=True)
class Limits:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html"""

    answer_s: float = 60.0
    stream_s: float = 480.0


class ModelError(Exception):
    """The container answered with an error, or not at all."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status, self.said = status, said


class Runtime:
    def __init__(self, cloud: Cloud, fleet: Fleet | None, session: aiohttp.ClientSession, limits: Limits) -> None:
        self._cloud, self._fleet, self._session, self._limits = cloud, fleet, session, limits
        self._requests: Counter[tuple[str, str]] = Counter()

    async def invoke(self, request: web.Request) -> web.StreamResponse:
        return await in_words(self._invoke(request))

    async def invoke_with_response_stream(self, request: web.Request) -> web.StreamResponse:
        return await in_words(self._invoke_with_response_stream(request))

    async def openai(self, request: web.Request) -> web.StreamResponse:
        return await in_words(self._openai(request))

    async def _invoke(self, request: web.Request) -> web.StreamResponse:
        region = signed_for(request.headers, "sagemaker").region
        async with self._admitted(request, region, request.headers.get(COMPONENT)) as (worker, body):
            asked = asked_of(worker, body)
            async with self._sent(worker, asked) as answer, within(self._limits.answer_s):
                content = b"".join([chunk async for chunk in chunks(answer, asked)])
            return web.Response(body=content, headers={"Content-Type": answer.content_type, **invoked(worker)})

    async def _invoke_with_response_stream(self, request: web.Request) -> web.StreamResponse:
        region = signed_for(request.headers, "sagemaker").region
        async with self._admitted(request, region, request.headers.get(COMPONENT)) as (worker, body):
            asked = asked_of(worker, body)
            async with self._sent(worker, asked) as answer:
                headers = {"X-Amzn-SageMaker-Content-Type": answer.content_type, **invoked(worker)}
                response = web.StreamResponse(headers={"Content-Type": event_stream.CONTENT_TYPE, **headers})
                await response.prepare(request)
                try:
                    async with within(self._limits.stream_s):
                        async for chunk in chunks(answer, asked):
                            await response.write(event_stream.parts(chunk))
                except ModelError as error:
                    code = "StreamBroken" if error.status else "ModelInvocationTimeExceeded"
                    await response.write(event_stream.broken(code, error.said))
                await response.write_eof()
                return response

    async def _openai(self, request: web.Request) -> web.StreamResponse:
        """Passed through as it is, the container's own errors too. Only chat completions are routed."""
        region = bearer_region(request.headers, self._cloud.clock.now())
        if request.match_info["path"] != payloads.CHAT.strip("/"):
            return told("UnknownOperationException", f"There is no {request.path}.", 404)
        async with self._admitted(request, region, request.match_info.get("component")) as (worker, body):
            try:
                payloads.check_model(payloads.json_object(body), worker.container.environment)
            except Unfit as unfit:
                return web.Response(status=unfit.status, body=unfit.body, content_type="application/json")
            asked = Asked(payloads.CHAT, body)
            async with self._sent(worker, asked, is_strict=False) as answer:
                response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
                await response.prepare(request)
                try:
                    async with within(self._limits.stream_s):
                        async for chunk in chunks(answer, asked):
                            await response.write(chunk)
                    await response.write_eof()
                except ModelError:
                    if request.transport is not None:
                        request.transport.abort()  # all that a caller sees is that the stream breaks off
                return response

    @contextlib.asynccontextmanager
    async def _admitted(
        self, request: web.Request, region: str, component: str | None
    ) -> AsyncIterator[tuple[Worker, bytes]]:
        """Who answers the request, which counts in the metrics meanwhile. Raises Refusal, ClientError, ModelError."""
        body = await whole(request)
        endpoint = request.match_info["endpoint"]
        self._cloud.invoke(endpoint, component, region)
        if component is None:
            raise Refusal(
                "ValidationError",
                "Inference Component Name header is required for endpoints to which you plan to deploy inference "
                "components. (Endpoints with a model of their own have no container here.)",
            )
        worker = self._fleet.pick(region, component) if self._fleet is not None else None
        if worker is None:
            raise ModelError(503, "no container answers" if self._fleet is not None else "there are no engines here")
        worker.requests += 1
        self._count(region, component, 1)
        try:
            yield worker, body
        finally:
            worker.requests -= 1
            self._count(region, component, -1)

    def _count(self, region: str, component: str, more: int) -> None:
        self._requests[region, component] += more
        count = self._requests[region, component]
        self._cloud.load(component, count, BUSY_PERCENT if count else 0, region)

    @contextlib.asynccontextmanager
    async def _sent(
        self, worker: Worker, asked: Asked, *, is_strict: bool = True
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The worker's answer from its first byte on; `is_strict`: an error of its own is raised as ModelError."""
        headers = {"Content-Type": "application/json"}
        try:
            async with within(self._limits.answer_s):
                answer = await self._session.post(worker.url + asked.path, data=io.BytesIO(asked.body), headers=headers)
                said = await answer.text() if is_strict and answer.status >= 400 else None
        except aiohttp.ClientError as error:
            raise ModelError(500, f"no answer ({type(error).__name__})") from None
        async with answer:
            if said is not None:
                raise ModelError(answer.status, said)
            yield answer


@contextlib.asynccontextmanager
async def within(limit_s: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(limit_s):
            yield
    except TimeoutError:
        raise ModelError(0, NO_ANSWER) from None


async def whole(request: web.Request) -> bytes:
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        body = bytes(LARGEST_BYTES + 1)
    if len(body) > LARGEST_BYTES:
        raise Refusal(
            "ValidationError",
            "1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have length less "
            f"than or equal to {LARGEST_BYTES}",
        )
    return body


def asked_of(worker: Worker, body: bytes) -> Asked:
    try:
        return payloads.asked(worker.container.image, worker.container.environment, body)
    except Unfit as unfit:
        raise ModelError(unfit.status, str(unfit)) from None


async def chunks(answer: aiohttp.ClientResponse, asked: Asked) -> AsyncIterator[bytes]:
    """What the container says, as it says it. Raises ModelError where it breaks off."""
    try:
        if asked.is_bare:
            yield payloads.bare(await answer.read())
            return
        async for chunk in answer.content.iter_any():
            yield chunk
    except aiohttp.ClientError:
        raise ModelError(500, "the container closed the connection") from None


async def in_words(answering: Awaitable[web.StreamResponse]) -> web.StreamResponse:
    try:
        return await answering
    except Refusal as refusal:
        return told(refusal.code, refusal.message, 403 if isinstance(refusal, Denied) else 400)
    except ClientError as error:
        said = error.response["Error"]
        return told(said["Code"], said["Message"], error.response["ResponseMetadata"]["HTTPStatusCode"])
    except ModelError as error:
        whose = "client" if 400 <= error.status < 500 else "server"
        message = f'Received {whose} error ({error.status}) from primary with message "{error.said}".'
        return told("ModelError", message, 424, OriginalStatusCode=error.status, OriginalMessage=error.said)


def invoked(worker: Worker) -> Mapping[str, str]:
    return {"x-amzn-Invoked-Production-Variant": worker.container.variant, "x-amzn-RequestId": str(uuid.uuid4())}


def told(code: str, message: str, status: int, **more: object) -> web.Response:
    """REST JSON's way: the code in a header."""
    headers = {"x-amzn-errortype": code, "x-amzn-RequestId": str(uuid.uuid4())}
    return web.json_response({"message": message, "Message": message, **more}, status=status, headers=headers)
