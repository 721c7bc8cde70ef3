"""The file .env: settings as text, for whom the environment does not have them, and the template of it."""

import textwrap
from collections.abc import Collection, Iterable
from pathlib import Path

from llmanager.wiring import values
from llmanager.wiring.values import Setting, SettingsError


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


def template_of(settings: Iterable[Setting]) -> str:
    """The text of .env.template: every setting with its meaning, commented out at its default."""
    parts = [
        "# Settings of LLManager. Copy to .env and uncomment what should differ; the environment wins over .env.",
        "# NAME=VALUE lines, nothing is evaluated. An empty value means the default, the one shown here.",
    ]
    for setting in settings:
        comment = textwrap.fill(setting.says, 116, initial_indent="# ", subsequent_indent="# ")
        parts.append(f"\n{comment}\n#{setting.name}={setting.default}")
    return "\n".join(parts) + "\n"
