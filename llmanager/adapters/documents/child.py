"""The child's side: reads one document from stdin, tells its blocks as JSON lines on stdout, then ends.

`{"text": …, "metadata": {…}, "record": bool}` a block, then `{"end": true}` or `{"refused": reason}`. Anything else, such
as an exception of a library, is an end without a word: the parent takes the document for broken.

Documents are hostile until proven otherwise, so they are opened here: with bounded memory and time, no file to write to,
nothing of the server's environment, and an end with the server.
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

from llmanager.adapters.documents.web import html_blocks
from llmanager.adapters.documents.limits import MIB, Limits, Refused
from llmanager.adapters.documents.records import csv_blocks, jsonl_blocks
from llmanager.adapters.documents.text import text_blocks
from llmanager.adapters.documents.whole import docx_blocks, pdf_blocks
from llmanager.vdb.entities import Block

PR_SET_PDEATHSIG: Final = 1
MAX_ERRORS_BYTES: Final = MIB

Read = Callable[[BinaryIO, Limits], Iterator[Block]]
READERS: Final[dict[str, Read]] = {
    ".txt": text_blocks,
    ".text": text_blocks,
    ".md": text_blocks,
    ".markdown": text_blocks,
    ".html": html_blocks,
    ".htm": html_blocks,
    ".pdf": pdf_blocks,
    ".docx": docx_blocks,
    ".csv": csv_blocks,
    ".tsv": csv_blocks,
    ".jsonl": jsonl_blocks,
    ".ndjson": jsonl_blocks,
}


def main() -> None:
    ending, limits, parent = sys.argv[1], Limits(**json.loads(sys.argv[2])), int(sys.argv[3])
    end_with(parent)
    confine(limits)
    logging.disable()  # libraries have much to say of a broken document
    try:
        told = sum(tell_block(block) for block in READERS[ending](sys.stdin.buffer, limits))
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


if __name__ == "__main__":
    main()
