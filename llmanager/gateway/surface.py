"""The routes of the data path: one table. A path that is not in it does not exist here."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from llmanager.gateway import answers, head
from llmanager.gateway.ask import Ask, ask
from llmanager.gateway.errors import MethodNotAllowed, ModelNotFound
from llmanager.gateway.ports import Directory, Route
from llmanager.kernel.errors import InvalidInput, NotFound, NotSupported

_CHAT = "/v1/chat/completions"
_ID = r"([^/]+)"


@dataclass(frozen=True)
class Entry:
    method: str
    path: str  # {id} stands for one segment
    scope: str
    read: Callable[[bytes, str], Ask] | None = None  # of a request for a model: (body, id)
    show: Callable[[Directory, str, str], bytes] | None = None  # of a list: (directory, tenant, id)
    is_chat: bool = False  # the smaller body limit
    takes_api_key: bool = False  # Azure's header beside Authorization


def _chat(body: bytes, _: str) -> Ask:
    return ask(_CHAT, head.chat(body), answers.generated)


def _deployment_chat(body: bytes, deployment: str) -> Ask:
    chat = head.chat(body)
    chat.model = deployment
    return ask(_CHAT, chat, answers.generated)


def _query(body: bytes, _: str) -> Ask:
    return ask(_CHAT, head.query(body), answers.queried)


def _completion(body: bytes, _: str) -> Ask:
    return ask("/v1/completions", head.completion(body), answers.generated)


def _embedding(body: bytes, _: str) -> Ask:
    embedding = head.embedding(body)
    whole = answers.embedded_base64 if embedding.encoding_format == "base64" else answers.embedded
    embedding.encoding_format = None
    return Ask(path="/v1/embeddings", kind="embedding", head=embedding, whole=whole)


def find(directory: Directory, tenant: str, name: str) -> Route:
    """Raises InvalidInput where no model is named, ModelNotFound with one text for absent and another tenant's."""
    if not name:
        raise InvalidInput("'model' is missing. Name one of those that GET /v1/models lists.", param="model")
    route = directory.find(tenant, name)
    if route is None:
        raise ModelNotFound(name)
    return route


def _models(directory: Directory, tenant: str, _: str) -> bytes:
    return msgspec.json.encode({"object": "list", "data": [_shown(route) for route in directory.list(tenant)]})


def _model(directory: Directory, tenant: str, name: str) -> bytes:
    return msgspec.json.encode(_shown(find(directory, tenant, name)))


def _shown(route: Route) -> dict[str, str | int]:
    return {"id": route.name, "object": "model", "created": route.created, "owned_by": "llmanager"}


ENTRIES: tuple[Entry, ...] = (
    Entry("POST", _CHAT, "model:query", read=_chat, is_chat=True),
    Entry("POST", "/v1/completions", "model:query", read=_completion),
    Entry("POST", "/v1/embeddings", "model:query", read=_embedding),
    Entry("GET", "/v1/models", "model:read", show=_models),
    Entry("GET", "/v1/models/{id}", "model:read", show=_model),
    Entry("POST", "/model/query", "model:query", read=_query, is_chat=True),
    Entry("POST", "/models/query", "model:query", read=_query, is_chat=True),
    Entry(
        "POST",
        "/openai/deployments/{id}/chat/completions",
        "model:query",
        read=_deployment_chat,
        is_chat=True,
        takes_api_key=True,
    ),
)
_FIXED = {entry.path: entry for entry in ENTRIES if "{id}" not in entry.path}
_PATTERNS = tuple((re.compile(entry.path.replace("{id}", _ID)), entry) for entry in ENTRIES if "{id}" in entry.path)


def is_ours(path: str) -> bool:
    return path.startswith(("/v1/", "/openai/")) or path in _FIXED or path == "/v1"


def match(path: str) -> tuple[Entry, str] | None:
    """The entry of a path and its {id}, whatever the method."""
    entry = _FIXED.get(path)
    if entry is not None:
        return entry, ""
    for pattern, candidate in _PATTERNS:
        found = pattern.fullmatch(path)
        if found:
            return candidate, found[1]
    return None


def unmatched(method: str, path: str) -> NotFound | NotSupported:
    """OpenAI has many more routes: those are told apart from what was never there."""
    if method == "POST" and path.startswith("/v1/"):
        return NotSupported("This server does not offer this operation of OpenAI's API. The docs list those it does.")
    return NotFound("There is nothing at this path. See the docs for the routes there are.")


def wrong_method(entry: Entry) -> MethodNotAllowed:
    return MethodNotAllowed(f"{entry.path} takes {entry.method} only.", allowed=entry.method)
