"""An event loop in a thread of its own, for a function that does blocking work and asks models meanwhile."""

import asyncio
import threading


def inner_loop() -> asyncio.AbstractEventLoop:
    """It runs as long as the process; while that stands still, so does the loop."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="models", daemon=True).start()
    return loop
