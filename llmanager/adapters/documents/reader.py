"""Documents opened in a child process each: what a parser does with a hostile one stays there."""

import errno
import json
import os
import selectors
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

import structlog

from llmanager.adapters.documents.limits import MAX_MESSAGE_BYTES, MIB, Limits
from llmanager.kernel.errors import OutOfSpace
from llmanager.vdb.entities import MAX_DOCUMENT_BYTES, Block
from llmanager.vdb.errors import DocumentUnreadable

PACKAGE: Final = "llmanager.adapters.documents"
MODULES: Final = {  # run as programs; each format loads its own libraries only
    ".txt": "text",
    ".text": "text",
    ".md": "text",
    ".markdown": "text",
    ".html": "web",
    ".htm": "web",
    ".pdf": "pdf",
    ".docx": "word",
    ".csv": "csv_rows",
    ".tsv": "csv_rows",
    ".jsonl": "json_lines",
    ".ndjson": "json_lines",
}
PACKAGE_ROOT: Final = Path(__file__).parents[3]
READ_BYTES: Final = 256 * 1024
END_WAIT_S: Final = 5.0
LOGGED_BYTES: Final = 2000
MAX_SHOWN: Final = 20  # characters of an ending
BROKEN: Final = "It could not be read; it seems to be broken. Open it in a program of its own and save it anew."

_log = structlog.get_logger(__name__)


class ChildDocumentReader:
    """`folder` holds the document while it is read, as a file without a name: nothing is left of it, whatever dies."""

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self._folder = folder
        self._limits = limits or Limits()

    @contextmanager
    def open(self, name: str, content: Iterable[bytes]) -> Iterator[Iterator[Block]]:
        """To be left by the thread that entered, and not before that has read all it wants: the child ends with it.

        Raises DocumentUnreadable, OutOfSpace, and what `content` raises.
        """
        module = _module(name)
        with tempfile.TemporaryFile(dir=self._folder) as document, tempfile.TemporaryFile(dir=self._folder) as errors:
            _fill(document, content)
            process = self._start(module, document, errors)
            try:
                yield self._blocks(process, errors)
            finally:
                process.kill()
                process.wait()
                assert process.stdout is not None
                process.stdout.close()

    def _start(self, module: str, document: IO[bytes], errors: IO[bytes]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603 (our own interpreter and module)
            [sys.executable, "-P", "-m", f"{PACKAGE}.{module}", json.dumps(asdict(self._limits)), str(os.getpid())],
            bufsize=0,
            stdin=document,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment(sys.base_prefix, is_shared=bool(sysconfig.get_config_var("Py_ENABLE_SHARED"))),
            start_new_session=True,  # Ctrl-C is for the server, which then stops its children
        )

    def _blocks(self, process: "subprocess.Popen[bytes]", errors: IO[bytes]) -> Iterator[Block]:
        characters = 0
        for number, line in enumerate(self._lines(process)):
            event = _event(line)
            if "end" in event:
                return
            if "refused" in event:
                raise DocumentUnreadable(event["refused"])
            characters += len(event["text"])
            if characters > self._limits.text_characters or number >= self._limits.blocks:
                raise DocumentUnreadable(
                    f"It holds more than {self._limits.text_characters} characters or {self._limits.blocks} records. "
                    "Split it."
                )
            yield Block(event["text"], event["metadata"], event["record"])
        raise self._broken(process, errors)

    def _lines(self, process: "subprocess.Popen[bytes]") -> Iterator[bytes]:
        """The pipe holds the child back: it reads no faster than its blocks are taken."""
        assert process.stdout is not None
        rest = b""
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while True:
                if not selector.select(self._limits.silence_s):
                    raise DocumentUnreadable(
                        f"It gave no text for {self._limits.silence_s:g} s. Split it, or save it in a simpler format."
                    )
                data = os.read(process.stdout.fileno(), READ_BYTES)
                *lines, rest = (rest + data).split(b"\n")
                yield from lines
                if not data:
                    return
                if len(rest) > MAX_MESSAGE_BYTES:
                    raise DocumentUnreadable(BROKEN)

    def _broken(self, process: "subprocess.Popen[bytes]", errors: IO[bytes]) -> DocumentUnreadable:
        """It ended without a word."""
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_WAIT_S)
        if process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            return DocumentUnreadable(f"It took more than {self._limits.cpu_s} s of computing to read. Split it.")
        errors.seek(max(0, errors.seek(0, os.SEEK_END) - LOGGED_BYTES))
        tail = errors.read().decode(errors="replace")
        _log.warning("document_child_ended", exit_code=process.returncode, stderr=tail)
        return DocumentUnreadable(BROKEN)


def environment(prefix: str, *, is_shared: bool) -> dict[str, str]:
    """Of the child: nothing of the server's.

    `is_shared`: this Python is itself a library, below `prefix`. Lambda has that where no system looks, in
    /var/lang/lib, and tells of it by a variable that the child would not get.
    """
    own = {"PYTHONPATH": str(PACKAGE_ROOT)}
    return own | {"LD_LIBRARY_PATH": f"{prefix}/lib"} if is_shared else own


def _module(name: str) -> str:
    ending = PurePosixPath(name).suffix.lower()
    if ending not in MODULES:
        raise DocumentUnreadable(
            f"Its ending {ending[:MAX_SHOWN]!r} is not of a format that can be read. There are "
            f"{', '.join(sorted(MODULES))}."
        )
    return MODULES[ending]


def _fill(document: IO[bytes], content: Iterable[bytes]) -> None:
    size = 0
    try:
        for piece in content:
            size += len(piece)
            if size > MAX_DOCUMENT_BYTES:
                raise DocumentUnreadable(f"It has more than {MAX_DOCUMENT_BYTES // MIB} MiB. Split it.")
            document.write(piece)
        if not size:
            raise DocumentUnreadable("It holds no text: it has 0 bytes. Send it again.")
        document.flush()
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise OutOfSpace("The disk is full, so the document could not be opened. Free some space.") from error
    document.seek(0)


def _event(line: bytes) -> dict[str, Any]:
    """Raises DocumentUnreadable for a line that was cut off by an end."""
    try:
        event: dict[str, Any] = json.loads(line)
    except ValueError as error:
        raise DocumentUnreadable(BROKEN) from error
    return event
