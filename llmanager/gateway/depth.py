"""How deep a JSON body nests, found out without parsing it: a parser would meet the depth first. Pure."""

import re
from itertools import accumulate

from llmanager.kernel.errors import InvalidInput

MAX_DEPTH = 64  # arrays and objects within each other

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)  # the closing quote is optional: linear on any bytes
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def check_depth(body: bytes) -> None:
    """Raises InvalidInput."""
    if depth_of(body) > MAX_DEPTH:
        raise InvalidInput(f"The body is nested deeper than {MAX_DEPTH} levels. Flatten it.")


def depth_of(body: bytes) -> int:
    """Of arrays and objects. An upper bound where a count of brackets shows that it is small."""
    opened = body.count(b"[") + body.count(b"{")
    if opened <= MAX_DEPTH:
        return opened
    brackets = _STRING.sub(b"", body).translate(None, delete=_NOT_BRACKETS)
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0)
