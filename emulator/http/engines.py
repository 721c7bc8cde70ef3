"""Which program stands in for a container, told by a JSON file.

    {"chat": {"argv": ["{python}", "-m", "some.server", "--port", "{port}"], "env": {}, "health_path": "/health"},
     "embedding": {...}}

It must be OpenAI-compatible, listen on 127.0.0.1 and stay in its process group. Replaced in argv and env: {python},
{root} (the folder that holds the emulator), {cache} (a folder for what it makes), {port}, {served_name} (what the model
is called there).
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Engine:
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)  # all it gets
    health_path: str = "/health"

    def command(self, port: int, cache: Path, served_name: str) -> tuple[list[str], dict[str, str]]:
        values = {
            "{python}": sys.executable,
            "{root}": str(ROOT),
            "{cache}": str(cache),
            "{port}": str(port),
            "{served_name}": served_name,  # last: a caller chose it
        }
        argv = [filled(argument, values) for argument in self.argv]
        return argv, {name: filled(value, values) for name, value in self.env.items()}


def filled(text: str, values: Mapping[str, str]) -> str:
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text


def engines(path: Path) -> dict[str, Engine]:
    told: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8"))
    if unknown := set(told) - {"chat", "embedding"}:
        raise ValueError(f"{path}: there are engines for chat and embedding, not for {', '.join(sorted(unknown))}")
    return {
        kind: Engine(tuple(one["argv"]), one.get("env", {}), one.get("health_path", "/health"))
        for kind, one in told.items()
    }
