"""bench/texts, as a user meets them: uploaded, ingested with the default chunking, asked by /chat with its defaults."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.demo_model.evaluation.judging import Told, judged
from tools.demo_model.evaluation.server import MODEL, Asked

FOLDER = Path(__file__).resolve().parents[3] / "bench" / "texts"


def told(asked: Asked, pattern: str) -> Iterator[Told]:
    for path in sorted(FOLDER.glob(f"{pattern}.json")):
        yield from _of_text(asked, path)


def _of_text(asked: Asked, path: Path) -> Iterator[Told]:
    questions: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
    text, vdb = path.with_suffix(".md"), f"{MODEL}-{path.stem}"
    asked.ingest(vdb, text)
    source = text.read_text("utf-8")
    for question in questions:
        began_s = time.perf_counter()
        answer = asked.chat(question["q"], vdb=vdb)
        seconds = time.perf_counter() - began_s
        cited = [citation["text"] for citation in answer["citations"]]
        verdict = judged(answer["response"], cited, question["a"], source)
        yield Told(path.stem, question["q"], question["a"], answer["response"], verdict, seconds)
