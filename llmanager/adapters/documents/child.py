"""The child's side, of every format: reads one document from stdin, tells its blocks on stdout, then ends.

JSON lines: `{"text": …, "metadata": {…}, "record": bool}` a block, then `{"end": true}` or `{"refused": reason}`. An
end without these words, such as an exception of a library, means to the parent that the document is broken.

Documents are hostile until proven otherwise, so they are opened here: with bounded memory and time, no file to write
to, nothing of the server's environment, and an end with the server.
"""

import ctypes
import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final

from llmanager.adapters.documents.limits import MIB, Limits, Refused
from llmanager.vdb.entities import Block

PR_SET_PDEATHSIG: Final = 1
MAX_ERRORS_BYTES: Final = MIB

Read = Callable[[BinaryIO, Limits], Iterator[Block]]


def serve(read: Read) -> None:
    """What a format's module does when it is run as a program: with the limits as JSON and the parent's process id."""
    limits, parent = Limits(**json.loads(sys.argv[1])), int(sys.argv[2])
    end_with(parent)
    confine(limits)
    logging.disable()  # libraries have much to say of a broken document
    try:
        told = sum(tell_block(block) for block in read(sys.stdin.buffer, limits))
        if not told:
            raise Refused("It holds no text. If it is a scan, have its text recognised (OCR) first.")
        tell({"end": True})
    except Refused as refusal:
        tell({"refused": str(refusal)})
    except MemoryError:
        tell({"refused": f"It takes more than {limits.memory_bytes // MIB} MiB of memory to read. Split it."})
    sys.stdout.flush()


def end_with(parent: int) -> None:
    """Linux: at once, whatever this process does. Elsewhere: with the next block, or when the time is over."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def confine(limits: Limits) -> None:
    for kind, limit in (
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, MAX_ERRORS_BYTES),  # only what goes to stderr is a file
    ):
        resource.setrlimit(kind, (limit, limit))
    if sys.platform == "linux":  # macOS refuses
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))


def tell_block(block: Block) -> bool:
    """Whether there was any text to tell."""
    is_blank = not block.text.strip()
    if block.is_record and is_blank:
        return False
    tell({"text": block.text.replace("\0", ""), "metadata": block.metadata, "record": block.is_record})
    return not is_blank


def tell(event: dict[str, Any]) -> None:
    """Lone surrogates, which some documents hold and no store keeps, become question marks."""
    try:
        line = json.dumps(event, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise Refused("Its metadata holds NaN or infinity, which JSON has not. Replace them by null.") from error
    sys.stdout.buffer.write(line.encode("utf-8", "replace") + b"\n")
