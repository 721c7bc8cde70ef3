"""How many tokens a chat has for a model, as the model's own server counts them: template and all.

llama.cpp counts at /v1/chat/completions/input_tokens, vLLM at /tokenize, each with one request. Other servers do not.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import msgspec
from msgspec import Raw, Struct

from llmanager.gateway import surface
from llmanager.gateway.ask import Ask
from llmanager.gateway.errors import UpstreamBusy, UpstreamLacks, UpstreamRefused
from llmanager.gateway.head import Chat
from llmanager.gateway.inner import KeptAnswer
from llmanager.gateway.ports import Directory, RenderError, Route
from llmanager.gateway.relay import Relay
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import InvalidInput, NotSupported

_MAX_KNOWN = 1000  # models whose server's way is remembered


class _Told(Struct):
    input_tokens: int | None = None
    count: int | None = None


_PATHS = ("/v1/chat/completions/input_tokens", "/tokenize")


class TokenCounter:
    """Uses a model as any request does: it is woken, leased, and waited for. What is counted is not metered."""

    def __init__(self, directory: Directory, relay: Relay, render: RenderError, clock: Clock) -> None:
        self._directory, self._relay, self._render, self._clock = directory, relay, render, clock
        self._known: dict[str, int] = {}  # by route: the way that its server has; len(_PATHS): none

    async def count(self, tenant: str, model: str, messages: Sequence[bytes]) -> int | None:
        """Tokens of the prompt that these messages (JSON objects) become. None: its server cannot tell.

        Raises ModelNotFound, InvalidInput (no chat model), what is Retryable of a request for a model.
        """
        route = surface.find(self._directory, tenant, model)
        head = Chat(model=route.name, messages=[Raw(message) for message in messages])
        ask = Ask(path="", kind="chat", head=head, whole=lambda body, _: (body, None))
        ask.fit(route)
        for way in range(self._known.get(route.key, 0), len(_PATHS)):
            try:
                return await self._told(replace(ask, path=_PATHS[way]), route)
            except (UpstreamLacks, NotSupported):
                self._remember(route, way + 1)
            except UpstreamBusy:
                raise
            except (UpstreamRefused, InvalidInput):
                continue  # another server's path of that name, or a proxy's refusal: not worth failing for
        return None

    async def _told(self, ask: Ask, route: Route) -> int:
        answer = KeptAnswer(self._render, self._clock)
        await self._relay.serve(ask, route, answer)
        return _tokens_in(answer.body, route.name)

    def _remember(self, route: Route, way: int) -> None:
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        self._known[route.key] = way


def _tokens_in(body: bytes, model: str) -> int:
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        told = msgspec.json.decode(body, type=_Told)
        tokens = told.count if told.input_tokens is None else told.input_tokens
        if tokens is not None:
            return tokens
    raise UpstreamLacks(f"The server of model {model!r} does not count tokens.")
