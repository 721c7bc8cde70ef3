"""One request for a model, decoded: what the caller wants, what the upstream gets, how its answer is passed on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import msgspec

from llmanager.gateway import head as heads
from llmanager.gateway import spoken
from llmanager.gateway.bounds import check_bounds
from llmanager.gateway.head import Chat, Completion, Embedding, Head, StreamOptions
from llmanager.gateway.ports import Route, Usage
from llmanager.kernel.errors import InvalidInput

WholeAnswer = Callable[[bytes, str], tuple[bytes, Usage | None]]  # (the upstream's body, the caller's model name)
_PATHS = {"chat": "/v1/chat/completions", "embedding": "/v1/embeddings"}


@dataclass(frozen=True)
class Ask:
    path: str  # at the upstream
    kind: Literal["chat", "embedding"]  # of model that can serve it
    head: Head
    whole: WholeAnswer
    wants_usage: bool = False
    vdb: str = ""  # whose passages the model answers from; "": none
    asked_as: str = ""  # the name in the request, where it is not the model's alone
    citations: bytes = b""  # JSON that the answer carries; empty: none
    grammar: str = ""  # in GBNF, ours, for llama.cpp: a client's own is no member that is passed on

    @property
    def name(self) -> str:
        return self.head.model

    @property
    def shown_name(self) -> str:
        """What the answer carries as "model": what the caller wrote."""
        return self.asked_as or self.name

    @property
    def is_stream(self) -> bool:
        return not isinstance(self.head, Embedding) and bool(self.head.stream)

    def fit(self, route: Route) -> None:
        """Check and cap what depends on the model. Raises InvalidInput."""
        if route.kind != self.kind:
            article = "an embedding" if route.kind == "embedding" else "a chat"
            raise InvalidInput(
                f"Model {route.name!r} is {article} model. Send this to {_PATHS[route.kind]}, or name another model.",
                param="model",
            )
        heads.cap_tokens(self.head, route.context_tokens)
        heads.bound_answer(self.head, route.reading.answer_tokens)
        if isinstance(self.head, Chat):
            check_bounds(self.head)
            if route.reading.quotes_only:
                self._quote()
        if isinstance(self.head, Embedding):
            _fit_dimensions(self.head, route)

    def _quote(self) -> None:
        """Which words are meant is no matter of chance, unless the caller wants it to be."""
        assert isinstance(self.head, Chat)
        if self.head.temperature is None:
            self.head.temperature = 0
        if not self.grammar:
            spoken.hold(self.head)

    def answered(self, body: bytes) -> tuple[bytes, Usage | None]:
        """From the upstream's whole answer to the caller's. Raises UpstreamFailed for nonsense."""
        whole, usage = self.whole(body, self.shown_name)
        if self.citations:
            whole = whole[:-1] + b',"citations":' + self.citations + b"}"  # it is an object, and not an empty one
        return whole, usage

    def body_for(self, served_name: str | None) -> bytes:
        """The request's body for an upstream. A stream's final usage is always asked for: it is what is metered."""
        named = msgspec.structs.replace(self.head, model=served_name or self.name)
        if not isinstance(named, Embedding):
            named.stream_options = StreamOptions(include_usage=True) if self.is_stream else None
        body = msgspec.json.encode(named)
        return body[:-1] + b',"grammar":' + msgspec.json.encode(self.grammar) + b"}" if self.grammar else body


def ask(path: str, head: Chat | Completion, whole: WholeAnswer) -> Ask:
    wants_usage = bool(head.stream and head.stream_options and head.stream_options.include_usage)
    return Ask(path=path, kind="chat", head=head, whole=whole, wants_usage=wants_usage)


def _fit_dimensions(head: Embedding, route: Route) -> None:
    if head.dimensions is not None and head.dimensions != route.dimensions:
        has = f"has {route.dimensions}" if route.dimensions else "has a fixed number"
        raise InvalidInput(
            f"Model {route.name!r} {has} dimensions. Leave 'dimensions' out, or name another model.", param="dimensions"
        )
    head.dimensions = None  # the only value allowed is what the model does anyway; not every server knows the member
