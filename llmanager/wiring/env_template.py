"""The text of .env.template: every setting with its meaning, commented out at its default."""

import textwrap

from llmanager.wiring.settings import declared


def template() -> str:
    parts = [
        "# Settings of LLManager. Copy to .env and uncomment what should differ; the environment wins over .env.",
        "# NAME=VALUE lines, nothing is evaluated. An empty value means the default, the one shown here.",
    ]
    for setting in declared().values():
        comment = textwrap.fill(setting.says, 116, initial_indent="# ", subsequent_indent="# ")
        parts.append(f"\n{comment}\n#{setting.name}={setting.default}")
    return "\n".join(parts) + "\n"
