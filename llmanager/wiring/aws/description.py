"""The OpenAPI document of all functions together, packaged with each of them: one alone knows its own routes."""

import json
from importlib import resources
from typing import Any

FILE = "openapi.json"  # beside this module, written when the functions are packaged


def description() -> dict[str, Any] | None:
    """None in a checkout, where nothing was packaged."""
    file = resources.files(__package__) / FILE
    document: dict[str, Any] | None = json.loads(file.read_bytes()) if file.is_file() else None
    return document
