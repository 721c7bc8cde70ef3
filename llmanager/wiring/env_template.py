"""The text of .env.template: every setting with its meaning, commented out at its default."""

import textwrap

from llmanager.wiring import settings
from llmanager.wiring.aws import settings as aws_settings


def template() -> str:
    parts = [
        "# Settings of LLManager. Copy to .env and uncomment what should differ; the environment wins over .env.",
        "# NAME=VALUE lines, nothing is evaluated. An empty value means the default, the one shown here.",
    ]
    parts += [f"\n{_comment(s.says)}\n#{s.name}={s.default}" for s in settings.declared().values()]
    parts.append("\n# What follows means nothing in .env: ./run.sh deploy tells it to the functions on AWS.")
    parts += [f"\n{_comment(f'{s.name}: {s.says}')}" for s in aws_settings.declared().values()]
    return "\n".join(parts) + "\n"


def _comment(text: str) -> str:
    return textwrap.fill(text, 116, initial_indent="# ", subsequent_indent="# ")
