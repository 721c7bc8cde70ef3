"""Where a failure that nobody foresaw came from, for the log."""

import traceback
from pathlib import PurePath

MAX_FRAMES = 20


def origin_of(error: Exception) -> list[str]:
    """Its innermost frames, never its message: exceptions like to quote the values that they choked on."""
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    return [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
