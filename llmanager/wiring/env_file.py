"""The file .env: settings as text, for whom the environment does not have them."""

from collections.abc import Collection
from pathlib import Path

from llmanager.wiring import values
from llmanager.wiring.values import SettingsError


def read_env_file(path: Path, known: Collection[str]) -> dict[str, str]:
    """KEY=VALUE lines, `#` comments, one pair of quotes around a value dropped; nothing is expanded or run.

    An absent file is an empty one. Raises SettingsError for a line of another shape, and for a setting of ours that is
    not `known`: misspelt, it would silently do nothing.
    """
    if not path.is_file():
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise SettingsError(path.name, "is not UTF-8 text. Save it as UTF-8.") from None
    except OSError as error:
        raise SettingsError(path.name, f"cannot be read ({error.strerror}). Correct its permissions.") from error
    found: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or not name.strip().isidentifier():
            raise SettingsError(path.name, f"line {number} is not NAME=VALUE. Correct it, or begin it with '#'.")
        if name.strip().startswith("LLMANAGER_") and name.strip() not in known:
            raise SettingsError(
                path.name, f"line {number}: there is no such setting. .env.template lists those there are."
            )
        found[name.strip()] = values.unquoted(value.strip())
    return found
