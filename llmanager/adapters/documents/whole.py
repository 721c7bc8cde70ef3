"""PDF and Word: formats that must be there whole before their first word can be read."""

import zipfile
from collections.abc import Iterator
from typing import BinaryIO, Final

import docx
import pypdf
from docx.opc.exceptions import PackageNotFoundError
from docx.table import Table
from docx.text.paragraph import Paragraph
from pypdf.errors import DependencyError, FileNotDecryptedError, PdfReadError

from llmanager.adapters.documents.limits import BLOCK_CHARACTERS, MIB, Limits, Refused
from llmanager.vdb.entities import Block

MAX_PARTS: Final = 10_000  # of an archive
SEARCHED_BYTES: Final = 1024  # for a PDF's first line
ENCRYPTED: Final = "It is encrypted. Save it without a password."
BROKEN_PDF: Final = "It is a broken PDF. Print or save it anew as a PDF."
NO_DOCX: Final = "It is no Word document of the .docx kind, or a broken one. Save it anew as .docx."


def pdf_blocks(source: BinaryIO, limits: Limits) -> Iterator[Block]:
    """Pages one by one, so that a chunk knows its page and never spans two."""
    _check_size(source, limits)
    if b"%PDF-" not in source.read(SEARCHED_BYTES):
        raise Refused("Its content is no PDF. Give it the ending of its format.")
    source.seek(0)
    try:
        reader = pypdf.PdfReader(source)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Refused(ENCRYPTED)
        for number, page in enumerate(reader.pages, start=1):
            yield from _cut(page.extract_text(), {"page": number})
    except (FileNotDecryptedError, DependencyError) as error:
        raise Refused(ENCRYPTED) from error
    except (PdfReadError, RecursionError) as error:
        raise Refused(BROKEN_PDF) from error


def docx_blocks(source: BinaryIO, limits: Limits) -> Iterator[Block]:
    """Paragraphs and tables in their order. Footnotes, headers and text boxes are left out."""
    _check_size(source, limits)
    try:
        _check_archive(source, limits)
        parts = docx.Document(source).iter_inner_content()
    except (zipfile.BadZipFile, PackageNotFoundError, KeyError, ValueError) as error:
        raise Refused(NO_DOCX) from error
    for part in parts:
        text = part.text if isinstance(part, Paragraph) else "\n".join(_rows(part))
        yield from _cut(text + "\n\n", {})


def _cut(text: str, metadata: dict[str, int]) -> Iterator[Block]:
    for start in range(0, len(text), BLOCK_CHARACTERS):
        yield Block(text[start : start + BLOCK_CHARACTERS], metadata)


def _rows(table: Table) -> Iterator[str]:
    for row in table.rows:
        cells = {cell._tc: cell.text.strip() for cell in row.cells}  # a merged cell is told for each of its columns
        yield " | ".join(text for text in cells.values() if text)


def _check_size(source: BinaryIO, limits: Limits) -> None:
    size = source.seek(0, 2)
    source.seek(0)
    if size > limits.whole_bytes:
        raise Refused(f"It has {size // MIB} MiB; at most {limits.whole_bytes // MIB} of this format are read. Split it.")


def _check_archive(source: BinaryIO, limits: Limits) -> None:
    """Before anything is unpacked. A part that holds more than it declares is an error of zipfile's."""
    with zipfile.ZipFile(source) as archive:
        parts = archive.infolist()
    source.seek(0)
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > limits.unpacked_bytes:
        raise Refused(
            f"Unpacked it has more than {limits.unpacked_bytes // MIB} MiB or {MAX_PARTS} parts. Split it, or save it "
            "without pictures."
        )
