"""The end of this server, for threads that may be busy for minutes: they ask between two steps whether to go on."""

import threading

from llmanager.kernel.errors import Unavailable


class Stopping:
    def __init__(self) -> None:
        self._is_so = threading.Event()

    def begin(self) -> None:
        """From any thread. There is no way back."""
        self._is_so.set()

    def check(self) -> None:
        """Raises Unavailable once the server stops. Whoever asks leaves what a crash at that point would leave."""
        if self._is_so.is_set():
            raise Unavailable("The server is stopping. Try again when it is back.")
