"""Plain text: which encoding it is in, its characters piece by piece."""

import codecs
import io
from collections.abc import Iterator
from typing import BinaryIO, Final

from llmanager.adapters.documents.child import serve
from llmanager.adapters.documents.limits import BLOCK_CHARACTERS, MIB, Limits, Refused
from llmanager.vdb.entities import Block

BOMS: Final = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
CONTROLS: Final = bytes(set(range(0x20)) - set(b"\t\n\r\f\x1b"))
NOT_IN_CP1252: Final = b"\x81\x8d\x8f\x90\x9d"
MAX_CONTROLS_SHARE: Final = 0.001
SIGNATURES: Final = (
    (b"%PDF-", "a PDF", ".pdf"),
    (b"PK\x03\x04", "an archive or an office document", ".docx if it is a Word document"),
)


def text_blocks(source: BinaryIO, _: Limits) -> Iterator[Block]:
    encoding = encoding_of(source)
    metadata = noted(encoding)
    for piece in pieces(source, encoding):
        yield Block(piece, metadata)


def pieces(source: BinaryIO, encoding: str) -> Iterator[str]:
    """Line ends become line feeds."""
    text = io.TextIOWrapper(source, encoding, newline=None)
    while piece := text.read(BLOCK_CHARACTERS):
        yield piece


def noted(encoding: str) -> dict[str, str]:
    """Only where the encoding was guessed."""
    return {} if encoding.startswith("utf") else {"encoding": encoding}


def encoding_of(source: BinaryIO, fallback: str | None = None) -> str:
    """Read to its end once, so that a wrong guess never shows in the middle. Raises Refused for what is no text.

    `fallback`: what the document itself says, where it is neither UTF-8 nor UTF-16 with its mark.
    """
    head = source.read(4)
    for signature, what, ending in SIGNATURES:
        if head.startswith(signature[:4]):
            raise Refused(f"Its content is {what}. Give it the ending of its format: {ending}.")
    marked = next((encoding for bom, encoding in BOMS if head.startswith(bom)), None)
    if _decodes(source, marked or "utf-8-sig"):
        return marked or "utf-8-sig"
    if marked is not None:
        raise Refused("It begins as UTF-16 and does not go on so. Save it as UTF-8.")
    legacy = _legacy(source)
    return fallback if fallback is not None and _decodes(source, fallback) else legacy


def _decodes(source: BinaryIO, encoding: str) -> bool:
    source.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while data := source.read(MIB):
            if "\0" in decoder.decode(data):
                raise Refused("It holds NUL bytes, so it is no text. Save it as UTF-8 text.")
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    finally:
        source.seek(0)
    return True


def _legacy(source: BinaryIO) -> str:
    """One byte a character, which any bytes could be: so only with few control characters."""
    size = controls = 0
    fits_cp1252 = True
    while data := source.read(MIB):
        size += len(data)
        controls += len(data) - len(data.translate(None, CONTROLS))
        fits_cp1252 = fits_cp1252 and len(data.translate(None, NOT_IN_CP1252)) == len(data)
    source.seek(0)
    if controls > size * MAX_CONTROLS_SHARE:
        raise Refused("Its content is binary, not text. Convert it to one of the formats that can be read.")
    return "cp1252" if fits_cp1252 else "latin-1"


if __name__ == "__main__":
    serve(text_blocks)
