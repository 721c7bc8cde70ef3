"""What the data path needs from the outside. All of it is asyncio; nothing here may block the event loop."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from llmanager.kernel.errors import LLManagerError
from llmanager.kernel.principal import Principal


@dataclass(frozen=True)
class Upstream:
    """One ready replica."""

    id: str  # unique among all replicas: counts of outstanding requests hang on it
    base_url: str  # no trailing slash, no /v1
    served_name: str | None = None  # what to send as "model"; None: the caller's name stays
    authorization: str | None = field(default=None, repr=False)
    protocol: str = "openai"  # how its host is spoken to; the client that knows another one translates
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # sent besides


@dataclass(frozen=True)
class Reading:
    """What a chat model is given of what was retrieved, and how long it may answer, where the request does not say."""

    context: Literal["sentences", "chunks"] = "chunks"
    sentence_tokens: int | None = None  # of sentences, by estimate. None: as of any small model
    max_sentences: int | None = None
    least_share: float = 0.0  # of the best sentence's score, that others must have
    answer_tokens: int | None = None  # None: as many as its context holds
    quotes_only: bool = False  # its server takes a grammar, and it is to say nothing but the passages' own words


@dataclass(frozen=True)
class Route:
    """A model as the data path sees it."""

    key: str  # the resource name: stable for one generation of one model
    tenant: str
    name: str
    kind: Literal["chat", "embedding"]
    state: Literal["ready", "waking", "asleep", "failed", "deleting"]
    upstreams: tuple[Upstream, ...] = ()  # ready ones; may be empty in any state
    detail: str = ""  # waking: stage; failed: reason and next step
    created: int = 0  # Unix seconds, for /v1/models
    context_tokens: int | None = None
    dimensions: int | None = None  # embedding models
    has_wide_cosines: bool = False  # embedding models of which it is known: unrelated texts stand near 0
    reading: Reading = Reading()


class Directory(Protocol):
    """Which models there are. Answers from memory and keeps answering when the registry is down."""

    def find(self, tenant: str, name: str) -> Route | None: ...

    def list(self, tenant: str) -> tuple[Route, ...]: ...

    async def take(self, route: Route) -> None:
        """A request begins to use the model: until the matching `release` no idle policy may put it to sleep.

        Cheap when the model is in use already. Raises Unavailable if that cannot be promised.
        """

    def release(self, route: Route) -> None: ...

    async def wake(self, route: Route) -> None:
        """Ask that the model run. Many callers, one start. Returns without waiting for it."""

    async def changed(self, route: Route, timeout_s: float) -> Route | None:
        """Wait until the model's route differs from `route`, or the time is over; the newest route, None if gone."""

    def suspect(self, upstream: Upstream) -> None:
        """A request to this replica broke: have it looked at, and offer others meanwhile."""


class UpstreamResponse(Protocol):
    status: int
    content_type: str
    headers: Mapping[str, str]  # lower-case names

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises UpstreamFailed when the connection breaks before the end."""

    async def read(self, limit_bytes: int) -> bytes:
        """The whole body. Raises UpstreamFailed when it breaks or is longer than the limit."""

    async def close(self) -> None:
        """Ends the request at the upstream too, if it is not at its end. Safe to call twice."""


class Upstreams(Protocol):
    """The HTTP client."""

    async def post(self, upstream: Upstream, path: str, body: bytes, *, first_byte_s: float) -> UpstreamResponse:
        """Send JSON and return as soon as the response's head is there.

        Raises UpstreamUnreached (it never connected), UpstreamFailed (nothing was answered) or UpstreamTimeout.
        Never follows a redirect, never uses a proxy from the environment.
        """


class Keyring(Protocol):
    async def principal(self, authorization: str | None) -> Principal:
        """Raises Unauthenticated. The header's value as received ("Bearer …"), or None where there was none."""


@dataclass(frozen=True)
class Usage:
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True)
class Served:
    """One request of the data path, finished."""

    tenant: str
    key_id: str
    model: str
    route: str  # "/v1/chat/completions", …
    status: int
    outcome: Literal["ok", "error", "cancelled"]
    usage: Usage | None
    duration_s: float
    first_byte_s: float | None


class Meter(Protocol):
    def served(self, record: Served) -> None: ...


@dataclass(frozen=True)
class Rendered:
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes  # OpenAI's error shape


@dataclass(frozen=True)
class Augmented:
    """A chat with what a vector database tells about its last question."""

    messages: tuple[bytes, ...]  # a JSON object each
    citations: bytes  # a JSON array: what answers carry beside OpenAI's members
    grammar: str = ""  # that the answer is held to where the request asks for no shape in `response_format`
    sampling: Mapping[str, Any] = field(default_factory=dict)  # then, in OpenAI's words, where the request does not say


class Augmenter(Protocol):
    """What makes a request for `NAME@chat:VDB` one for NAME."""

    async def augment(
        self, caller: Principal, *, model: str, vdb: str, messages: Sequence[bytes], max_tokens: int | None
    ) -> Augmented:
        """`messages` as the client sent them, JSON objects. May wake models, and so take long.

        Raises NotFound (no such database of this tenant), InvalidInput, and what is Retryable of a request for a model.
        """


class RenderError(Protocol):
    """The one error-to-status table, owned by api/errors.py."""

    def __call__(self, error: LLManagerError) -> Rendered: ...
