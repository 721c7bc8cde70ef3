"""Bad input, told in the contract's error shape: which field, and what is wrong with it, never the value itself."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from llmanager.api.asgi import again, read_body, send_rendered, values
from llmanager.api.errors import BadRequest, internal_error, render
from llmanager.api.head import is_upload
from llmanager.gateway.depth import check_depth
from llmanager.gateway.errors import MethodNotAllowed
from llmanager.gateway.ports import Rendered
from llmanager.kernel.errors import InvalidInput, LLManagerError, NotFound

MAX_PARAM_CHARS = 100  # an unknown field's name is the caller's, and may be anything
MIN_QUOTE_CHARS = 3  # shorter input is in a sentence by chance: the 1 in "at most 10"
NO_OBJECT = frozenset({"missing", "model_type", "model_attributes_type", "dict_type", "json_invalid"})  # of pydantic
SOURCES = ("body", "query", "path", "header", "cookie")


def install_error_handlers(app: FastAPI) -> None:
    """Every refusal of FastAPI's own (404, 405, 422, broken JSON, a crash) and every LLManagerError in our shape."""
    app.add_exception_handler(LLManagerError, _our_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _crash)
    app.add_middleware(StrictJson)


class StrictJson:
    """Lets a JSON body through only if it is one object of real JSON, nested no deeper than the data path takes it.

    Python's own parser takes NaN, 1e999 and lone surrogates, all of which break something later.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_json(scope) or is_upload(scope["method"], scope["path"]):
            await self._app(scope, receive, send)
            return
        body = await read_body(receive)
        if body is None:
            return
        try:
            check_json(body)
        except InvalidInput as error:
            await send_rendered(send, render(error))
        else:
            await self._app(scope, again(body, receive), send)


def check_json(body: bytes) -> None:
    """No body at all is fine: what misses it says so. Raises InvalidInput."""
    if not body:
        return
    check_depth(body)
    try:
        value = msgspec.json.decode(body)
    except ValueError as error:
        raise InvalidInput("The body is not valid JSON (in UTF-8, without NaN or Infinity).") from error
    if not isinstance(value, dict):
        raise InvalidInput("The body must be a JSON object: {...}.")


def describe(errors: Sequence[Mapping[str, Any]]) -> InvalidInput:
    """One sentence on the first of pydantic's errors, and how many more there are."""
    first = errors[0]
    path = first["loc"][1:] if first["loc"] and first["loc"][0] in SOURCES else first["loc"]
    param = ".".join(map(str, path))[:MAX_PARAM_CHARS] or None
    more = f" (Wrong fields in all: {len(errors)}.)" if len(errors) > 1 else ""
    return InvalidInput(f"{_what(param, first)}{more}", param=param)


def _what(param: str | None, error: Mapping[str, Any]) -> str:
    if param is None and error["type"] in NO_OBJECT:
        return "The request is wrong: send a JSON object with 'content-type: application/json'."
    if error["type"] == "missing":
        return f"{param!r} is wrong: it is missing."
    if error["type"] == "extra_forbidden":
        return f"{param!r} is wrong: this request has no such field."
    if param is None:  # of the request as a whole: our own words, which begin with what to do
        return f"{str(error['msg']).removeprefix('Value error, ').rstrip('.')}."
    return f"{param!r} is wrong: {_reason(error)}."


def _reason(error: Mapping[str, Any]) -> str:
    """Pydantic's words, unless they quote what was sent."""
    text = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    sent = str(error.get("input"))
    if isinstance(error.get("input"), str) and error["type"] in ("too_short", "too_long"):
        text = text.replace(" item", " character")  # of a text behind a check of our own pydantic says "items"
    if error["type"] == "union_tag_invalid" or (len(sent) >= MIN_QUOTE_CHARS and sent in text):
        return "it has a value that is not allowed there"
    return text[:1].lower() + text[1:]


def _is_json(scope: Scope) -> bool:
    """As FastAPI decides it."""
    types = values(scope["headers"], b"content-type")
    media_type = types[0].partition(";")[0].strip().lower() if types else ""
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


async def _our_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, LLManagerError)
    return _response(render(error))


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _response(render(describe(error.errors())))


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _response(replace(render(_named(error.status_code, error.headers or {})), status=error.status_code))


def _named(status: int, headers: Mapping[str, str]) -> LLManagerError:
    if status == 404:
        return NotFound("There is no such route. GET /openapi.json lists those there are.")
    if status == 405:
        allowed = headers.get("Allow", "")
        return MethodNotAllowed(f"This route takes {allowed} only.", allowed=allowed)
    return BadRequest("The request could not be read. Check its headers and its body.")


async def _crash(request: Request, _: Exception) -> Response:
    return _response(render(internal_error(getattr(request.state, "request_id", "unknown"))))


def _response(rendered: Rendered) -> Response:
    headers = {name.decode(): value.decode() for name, value in rendered.headers}
    return Response(rendered.body, rendered.status, headers)
