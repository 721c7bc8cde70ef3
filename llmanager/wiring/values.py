"""From a setting's text to its value.

Each parser raises ValueError that says what kind of value it wants and what to do; never the value: it may be secret.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, get_type_hints
from urllib.parse import urlsplit

from llmanager.adapters.local.engines import EngineCommand
from llmanager.adapters.remote.openai_host import Remote
from llmanager.kernel.errors import InvalidInput
from llmanager.models.entities import Kind

T = TypeVar("T")
Parse = Callable[[str], Any]
HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", re.ASCII)
INSTANCE_TYPE = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}", re.ASCII)
STAGE = re.compile(r"[a-z][a-z0-9]{0,6}", re.ASCII)
PATH = "/usr/local/bin:/usr/bin:/bin"  # of an engine that is given no other


class SettingsError(InvalidInput):
    """Which variable is wrong, what kind of value it takes, what to do. Shown once, before anything has started."""

    code = "invalid_setting"

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name} {problem}", param=name)


def text(raw: str) -> str:
    if not raw.isprintable():
        raise ValueError("holds characters that cannot be printed. Remove them.")
    return raw


def whole(low: int, high: int | None = None) -> Parse:
    bounds = f"from {low} to {high}" if high is not None else f"of at least {low}"

    def parse(raw: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", raw) or int(raw) < low or (high is not None and int(raw) > high):
            raise ValueError(f"must be a whole number {bounds}. Write only its digits.")
        return int(raw)

    return parse


def seconds(raw: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,3})?", raw) or float(raw) <= 0:
        raise ValueError("must be a number of seconds above 0, such as 30 or 0.5. Write it without a unit.")
    return float(raw)


def usd(raw: str) -> Decimal:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,4})?", raw, re.ASCII):
        raise ValueError("must be an amount in USD, such as 5 or 0.75. Write it without a currency sign.")
    return Decimal(raw)


def one_of(*words: str) -> Parse:
    def parse(raw: str) -> str:
        if raw not in words:
            raise ValueError(f"must be one of: {', '.join(words)}. Choose one of these.")
        return raw

    return parse


def folder(raw: str) -> Path:
    """`~` is the user's home; a relative path counts from where the process was started."""
    return Path(text(raw)).expanduser().absolute()


def stage(raw: str) -> str:
    if not STAGE.fullmatch(raw):
        raise ValueError("must be 1 to 7 lower-case letters or digits, a letter first. Try dev or prod.")
    return raw


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect. A name other than localhost may resolve to anything: no."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def host_names(raw: str) -> tuple[str, ...]:
    names = tuple(name.strip().lower() for name in raw.split(",") if name.strip())
    if not all(HOST_NAME.fullmatch(name) for name in names):
        raise ValueError("must be host names without port or scheme, separated by commas. Correct the list.")
    return names


def instance_types(raw: str) -> frozenset[str]:
    names = frozenset(name.strip() for name in raw.split(",") if name.strip())
    if not all(INSTANCE_TYPE.fullmatch(name) for name in names):
        raise ValueError("must be instance types such as ml.g5.xlarge, separated by commas. Correct the list.")
    return names


def web_address(raw: str) -> str:
    """An http(s) address without user, query or fragment; its trailing slashes are dropped."""
    wanted = "must be an http:// or https:// address without user name, query or fragment."
    try:
        parts = urlsplit(text(raw))
        has_host, _ = bool(parts.hostname), parts.port
    except ValueError:
        raise ValueError(f"{wanted} Correct it.") from None
    is_plain = not (parts.username or parts.password or parts.query or parts.fragment or set("@?#\\ ") & set(raw))
    if parts.scheme not in ("http", "https") or not has_host or not is_plain:
        raise ValueError(f"{wanted} Correct it.")
    return raw.rstrip("/")


def optional(parse: Callable[[str], T]) -> Callable[[str], T | None]:
    """Empty means None."""
    return lambda raw: parse(raw) if raw else None


def unquoted(raw: str) -> str:
    is_quoted = len(raw) >= 2 and raw[0] == raw[-1] and raw[0] in "\"'"
    return raw[1:-1] if is_quoted else raw


def engines(raw: str) -> Mapping[str, EngineCommand]:
    return {name: engine(name, entry) for name, entry in json_objects(raw).items()}


def engine(name: str, entry: Mapping[str, Any]) -> EngineCommand:
    only_fields(name, entry, {"argv", "env", "key_env", "health_path", "served_name"})
    argv, key_env, env = entry.get("argv"), entry.get("key_env"), entry.get("env", {})
    if not isinstance(argv, list) or not argv or not all(isinstance(word, str) and word for word in argv):
        raise ValueError(f"must give {name!r} an `argv`: a list of words, the command first.")
    if key_env is not None and not (isinstance(key_env, str) and key_env.isidentifier()):
        raise ValueError(f"must give {name!r} a `key_env` that is the name of a variable, or none.")
    if not isinstance(env, dict) or not all(isinstance(value, str) for value in env.values()):
        raise ValueError(f"must give {name!r} an `env` of variables and their text, or none.")
    texts = {f: entry[f] for f in ("health_path", "served_name") if f in entry}
    if not all(isinstance(value, str) and value for value in texts.values()):
        raise ValueError(f"must give {name!r} text that is not empty as `health_path` and `served_name`, or none.")
    return EngineCommand(tuple(argv), {"PATH": PATH, **env}, key_env, **texts)


def remotes(raw: str) -> Mapping[str, Remote]:
    return {name: remote(name, entry) for name, entry in json_objects(raw).items()}


def remote(name: str, entry: Mapping[str, Any]) -> Remote:
    only_fields(name, entry, {"base_url", "key", "served_name", "kind"})
    if not all(isinstance(value, str) and value for value in entry.values()) or "base_url" not in entry:
        raise ValueError(f"must give {name!r} a `base_url`, and text that is not empty in each field.")
    kind, key = entry.get("kind", Kind.CHAT), entry.get("key")
    if kind not in set(Kind):
        raise ValueError(f"must give {name!r} a `kind` that is one of: {', '.join(Kind)}.")
    try:
        base_url = web_address(entry["base_url"])
    except ValueError as error:
        raise ValueError(f"has a `base_url` in {name!r} that {error}") from None
    authorization = f"Bearer {key}" if key else None
    return Remote(base_url.removesuffix("/v1"), authorization, entry.get("served_name"), Kind(kind))


def json_objects(raw: str) -> dict[str, dict[str, Any]]:
    wanted = 'must be a JSON object of objects, such as {"NAME": {…}}. Check quotes and commas.'
    if not raw:
        return {}
    try:
        found = json.loads(raw)
    except ValueError:
        raise ValueError(wanted) from None
    if not isinstance(found, dict) or not all(isinstance(entry, dict) for entry in found.values()):
        raise ValueError(wanted)
    if not all(HOST_NAME.fullmatch(name) for name in found):
        raise ValueError("must use names of letters, digits, '.' and '-' only. Rename the entry.")
    return found


def only_fields(name: str, entry: Mapping[str, Any], known: set[str]) -> None:
    if unknown := sorted(set(entry) - known):
        raise ValueError(
            f"has a field {unknown[0]!r} in {name!r} that is not known; known are: {', '.join(sorted(known))}."
        )


@dataclass(frozen=True)
class SageMaker:
    region: str
    role_arn: str


def sagemaker(text: str) -> SageMaker:
    """Raises ValueError."""
    found = json.loads(text)
    if not isinstance(found, dict) or found.keys() != {"region", "role_arn"}:
        raise ValueError('is not {"region": "…", "role_arn": "arn:aws:iam::…"}.')
    region, role_arn = str(found["region"]), str(found["role_arn"])
    is_role = re.fullmatch(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/.+", role_arn)
    if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-[0-9]", region) or not is_role:
        raise ValueError("names no region such as us-east-1, or no ARN of an IAM role.")
    return SageMaker(region, role_arn)


def refuse_open_door(host: str) -> None:
    """Raises SettingsError where other machines could reach a server that asks for no key."""
    if not is_loopback(host):
        raise SettingsError(
            "LLMANAGER_HOST",
            f"is {host!r}, which other machines can reach, and LLMANAGER_AUTH is off. "
            "Set LLMANAGER_AUTH=keys, or listen on 127.0.0.1.",
        )


@dataclass(frozen=True)
class Setting:
    """One variable."""

    name: str
    default: str  # as text: what an empty or absent variable means
    parse: Parse
    says: str  # meaning, unit and what empty means, for .env.template


def declared_in(settings: type) -> dict[str, Setting]:
    """Of a class of settings, by the name of the field, in the order of the class. Fields without one are left out."""
    hints = get_type_hints(settings, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items() if hasattr(hint, "__metadata__")}


def parsed(declared: Mapping[str, Setting], env: Mapping[str, str]) -> dict[str, Any]:
    """By the names of `declared`. Raises SettingsError for the first that is wrong."""
    found: dict[str, Any] = {}
    for field, setting in declared.items():
        try:
            found[field] = setting.parse(env.get(setting.name, "").strip() or setting.default)
        except ValueError as error:
            raise SettingsError(setting.name, str(error)) from None  # its cause may hold the value, even a secret
    return found
