"""The first token from sleep: the model's process is gone, and the question that wakes it is streamed."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from tools.demo_model.evaluation.judging import percentile
from tools.demo_model.evaluation.server import MODEL, Asked

TIMES: Final = 10
VDB: Final = f"{MODEL}-waking"
DOCUMENT: Final = "The reading room opens at 9."
QUESTION: Final = "When does the reading room open?"


@dataclass(frozen=True)
class FirstToken:
    what: str
    p50_s: float
    max_s: float
    load: float  # of the machine, over the minute before


def first_tokens(asked: Asked) -> Iterator[FirstToken]:
    asked.create_vdb(VDB)
    asked.api.post("/vdb/add", {"name": VDB, "texts": [DOCUMENT]})
    completion: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 16}
    yield _measured(asked, "/v1/chat/completions", completion, _in_completion)
    yield _measured(asked, "/chat", {"query": QUESTION, "vdb": VDB}, _in_chat)


def _measured(
    asked: Asked, path: str, body: dict[str, Any], text_in: Callable[[dict[str, Any]], str | None]
) -> FirstToken:
    seconds = []
    for _ in range(TIMES):
        asked.sleep()
        began_s, first_s = time.perf_counter(), None
        for event in asked.streamed(path, body):
            if first_s is None and text_in(event):
                first_s = time.perf_counter() - began_s
        assert first_s is not None, f"{path} streamed no text"
        seconds.append(first_s)
    return FirstToken(path, percentile(seconds, 0.5), max(seconds), os.getloadavg()[0])


def _in_completion(event: dict[str, Any]) -> str | None:
    choices = event.get("choices") or [{}]
    text: str | None = choices[0].get("delta", {}).get("content")
    return text


def _in_chat(event: dict[str, Any]) -> str | None:
    return event.get("delta")
