"""What is decided from a request's line and headers alone, before anything of it is believed: pure functions.

Nothing here decides who may call what. That is each route's own dependency (api/access.py), so no trick with a host
or a path can change it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address

from starlette.types import Scope

from llmanager.api.asgi import Headers, values
from llmanager.api.errors import BadRequest, BodyTooLarge, ForeignOrigin, HeadersTooLarge, MisdirectedRequest

AUTHORITY = re.compile(r"([a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::([0-9]{1,5}))?", re.ASCII)
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)
UPLOAD = re.compile(r"/files/[a-z0-9]{1,64}/content", re.ASCII)
MAX_DIGITS = 15  # of a content-length; more would be petabytes


@dataclass(frozen=True)
class HeadLimits:
    hosts: frozenset[str] | None  # names without port, lower case, IPv6 in brackets; None: any
    header_bytes: int
    body_bytes: int


def check_head(scope: Scope, limits: HeadLimits) -> None:
    """Raises HeadersTooLarge, BadRequest, MisdirectedRequest, ForeignOrigin or BodyTooLarge."""
    headers: Headers = scope["headers"]
    line_bytes = len(scope.get("raw_path") or scope["path"]) + len(scope.get("query_string", b""))
    if line_bytes + sum(len(name) + len(value) for name, value in headers) > limits.header_bytes:
        raise HeadersTooLarge(limits.header_bytes)
    check_host(headers, limits.hosts)
    check_origin(headers)
    check_length(headers, limits.body_bytes)


def check_host(headers: Headers, allowed: frozenset[str] | None) -> None:
    """A page that rebinds its own name to our address sends that name: only names that we know pass."""
    hosts = values(headers, b"host")
    name = name_of(hosts[0]) if len(hosts) == 1 else None
    if name is None:
        raise BadRequest("The request needs exactly one Host header: a name or address, and perhaps ':' and a port.")
    if allowed is not None and name not in allowed:
        raise MisdirectedRequest


def check_origin(headers: Headers) -> None:
    """Browsers name the page that sends. Programs send no Origin; a page of our own has the Host as its origin."""
    origins = values(headers, b"origin")
    own = _without_default_port(values(headers, b"host")[0])
    for origin in origins:
        scheme, _, authority = origin.lower().partition("://")
        if scheme not in ("http", "https") or _without_default_port(authority) != own:
            raise ForeignOrigin


def check_length(headers: Headers, limit_bytes: int) -> None:
    """Of the body as announced; what really comes is counted as it comes."""
    lengths = values(headers, b"content-length")
    if len(lengths) > 1 or not all(re.fullmatch(r"[0-9]+", length, re.ASCII) for length in lengths):
        raise BadRequest("The Content-Length header must be one decimal number.")
    if any(len(length) > MAX_DIGITS or int(length) > limit_bytes for length in lengths):
        raise BodyTooLarge(limit_bytes)


def name_of(authority: str) -> str | None:
    """'[::1]:8080' -> '[::1]', 'LocalHost' -> 'localhost'; None if malformed."""
    found = AUTHORITY.fullmatch(authority.lower())
    if found is None or int(found[2] or 0) > 65_535:
        return None
    name = found[1]
    return name if not name.startswith("[") or _is_ipv6(name[1:-1]) else None


def host_names(allowed: Iterable[str]) -> frozenset[str]:
    """As configured, perhaps with ports, which are dropped. Raises ValueError for one that no Host header can equal."""
    names = {host: name_of(host) for host in allowed}
    wrong = [host for host, name in names.items() if name is None]
    if wrong:
        raise ValueError(f"Not a host name: {', '.join(map(repr, wrong))}. IPv6 addresses go in brackets.")
    return frozenset(name for name in names.values() if name is not None)


def request_id(headers: Headers) -> str | None:
    """The caller's own, if there is just one and it is harmless in a log and a header."""
    found = values(headers, b"x-request-id")
    return found[0] if len(found) == 1 and REQUEST_ID.fullmatch(found[0]) else None


def is_upload(method: str, path: str) -> bool:
    """Whether the body is a file's content, which is streamed to disk: of any type, and as large as files may be."""
    return method == "PUT" and UPLOAD.fullmatch(path) is not None


def stage_prefix(path: str, stage: str | None) -> str:
    """'/dev' where the path begins with the stage, else nothing: what addresses that we give out must begin with."""
    return f"/{stage}" if stage and f"{path}/".startswith(f"/{stage}/") else ""


def public_path(path: str, stage: str | None) -> str:
    """The one path of a route: without the stage's prefix, /models/x as /model/x, without a slash at its end."""
    path = path.removeprefix(stage_prefix(path, stage)) or "/"
    if path.startswith("/models/"):
        path = path.replace("/models/", "/model/", 1)
    return path.removesuffix("/") or "/"


def _without_default_port(authority: str) -> str:
    return authority.lower().removesuffix(":80").removesuffix(":443")


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True
