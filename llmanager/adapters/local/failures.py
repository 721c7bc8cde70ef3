"""Why a replica's process ended, in words for its user. Pure; the log's own words stay in the log."""

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from llmanager.adapters.local.guard import NO_COMMAND


@dataclass(frozen=True)
class Failure:
    reason: str
    is_final: bool = False


# What engines say, and what it means. First match wins.
MEANINGS: tuple[tuple[re.Pattern[str], Failure], ...] = (
    (
        re.compile(r"unknown model architecture", re.IGNORECASE),
        Failure(
            "The engine does not know this model's architecture. Choose another model or another 'engine'.",
            is_final=True,
        ),
    ),
    (
        re.compile(r"unable to allocate|failed to allocate|out of memory|bad_alloc|cannot allocate", re.IGNORECASE),
        Failure(
            "There was not enough memory to load the model. Lower 'context_tokens' or 'target_concurrency', or put "
            "other models to sleep."
        ),
    ),
    (
        re.compile(r"corrupted or incomplete|failed to read magic|invalid magic|not within the file", re.IGNORECASE),
        Failure("The model's file is broken or incomplete. Fetch it again or choose another file.", is_final=True),
    ),
    (
        re.compile(r"address already in use|couldn't bind", re.IGNORECASE),
        Failure("The engine's port was taken before it could listen. It is started again on another one."),
    ),
)


def explain(exit_status: int, last_lines: Sequence[str], *, was_ready: bool) -> Failure:
    """`exit_status` as of subprocess: negative for a signal; 128 + n means signal n too (a guard's engine)."""
    if exit_status == NO_COMMAND:
        return Failure("The configured engine command was not found. Ask an admin to install or correct it.", True)
    number = -exit_status if exit_status < 0 else exit_status - 128
    if number == signal.SIGKILL:
        return Failure(
            "The engine was killed, most likely because memory ran out. Lower 'context_tokens' or "
            "'target_concurrency', or put other models to sleep."
        )
    if number == signal.SIGILL:
        return Failure("The engine needs instructions that this processor lacks. Choose another 'engine'.", True)
    said = "\n".join(last_lines)
    for pattern, meaning in MEANINGS:
        if not was_ready and pattern.search(said):
            return meaning
    if number > 0:
        return Failure(f"The engine crashed ({_signal_name(number)}). It is started again.")
    if was_ready:
        return Failure(f"The engine ended by itself (status {exit_status}). It is started again.")
    return Failure("The engine could not load the model. Its log on the host says why.", is_final=True)


def _signal_name(number: int) -> str:
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
