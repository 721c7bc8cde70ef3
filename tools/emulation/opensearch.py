"""The OpenSearch of an emulation: `python -m tools.emulation.opensearch PORT FOLDER` serves until it is ended."""

import contextlib
import signal
import sys
from pathlib import Path

from tools.opensearch_server import Absent, running


def main(port: int, folder: Path) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with running(folder, port=port) as server, contextlib.suppress(KeyboardInterrupt):
            server.process.wait()
    except Absent as absent:
        sys.exit(str(absent))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
