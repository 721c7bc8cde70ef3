"""JSON schemas that nothing can meet: of `minLength` above `maxLength` llama.cpp makes an endless grammar. Pure."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from llmanager.gateway.head import Chat
from llmanager.kernel.errors import InvalidInput

_PAIRS: Final = (("minLength", "maxLength"), ("minItems", "maxItems"), ("minimum", "maximum"))


def check_bounds(head: Chat) -> None:
    """Of tools and `response_format`. Raises InvalidInput."""
    shape = (head.response_format or {}).get("json_schema")
    for param, raws in (
        ("tools", [tool.get("function") for tool in head.tools or []]),
        ("response_format", [shape]),
    ):
        for raw in filter(None, raws):
            for found in _contradictions(_decoded(raw)):
                raise InvalidInput(f"A schema in {param!r} has {found}: nothing can meet both. Mend it.", param=param)


def _contradictions(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for low, high in _PAIRS:
            least, most = value.get(low), value.get(high)
            if isinstance(least, int | float) and isinstance(most, int | float) and least > most:
                yield f"{low} {least} and {high} {most}"
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _contradictions(each)


def _decoded(raw: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:  # a number like 1e999: the server is to say what it thinks of it
        return None
