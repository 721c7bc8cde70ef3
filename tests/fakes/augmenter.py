import asyncio
import json
from collections.abc import Sequence
from typing import Any

from llmanager.gateway.ports import Augmented
from llmanager.kernel.errors import LLManagerError
from llmanager.kernel.principal import Principal

CITATIONS = [{"id": "p1", "text": 'a "quote"', "score": 0.5, "source": "a.txt"}]


class FakeAugmenter:
    """Puts one message in place of all; `failure` is raised instead. `held` is waited for."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str, list[Any], int | None]] = []
        self.failure: LLManagerError | None = None
        self.grammar = ""
        self.held = asyncio.Event()
        self.held.set()

    async def augment(
        self, caller: Principal, *, model: str, vdb: str, messages: Sequence[bytes], max_tokens: int | None
    ) -> Augmented:
        self.calls.append((caller.tenant, model, vdb, [json.loads(message) for message in messages], max_tokens))
        await self.held.wait()
        if self.failure is not None:
            raise self.failure
        return Augmented(
            (b'{"role":"user","content":"[1] \\u00e9"}',),
            json.dumps(CITATIONS).encode(),
            self.grammar,
            {"temperature": 0},
        )
