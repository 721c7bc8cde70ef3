"""Word documents of the .docx kind."""

import zipfile
from collections.abc import Iterator
from typing import BinaryIO, Final

import docx
from docx.opc.exceptions import PackageNotFoundError
from docx.table import Table
from docx.text.paragraph import Paragraph

from llmanager.adapters.documents.child import serve
from llmanager.adapters.documents.limits import MIB, Limits, Refused
from llmanager.adapters.documents.whole import check_size, cut
from llmanager.vdb.entities import Block

MAX_PARTS: Final = 10_000  # of an archive
NO_DOCX: Final = "It is no Word document of the .docx kind, or a broken one. Save it anew as .docx."


def docx_blocks(source: BinaryIO, limits: Limits) -> Iterator[Block]:
    """Paragraphs and tables in their order. Footnotes, headers and text boxes are left out."""
    check_size(source, limits)
    try:
        _check_archive(source, limits)
        parts = docx.Document(source).iter_inner_content()
    except (zipfile.BadZipFile, PackageNotFoundError, KeyError, ValueError) as error:
        raise Refused(NO_DOCX) from error
    for part in parts:
        text = part.text if isinstance(part, Paragraph) else "\n".join(_rows(part))
        yield from cut(text + "\n\n", {})


def _rows(table: Table) -> Iterator[str]:
    for row in table.rows:
        cells = {cell._tc: cell.text.strip() for cell in row.cells}  # a merged cell is told for each of its columns
        yield " | ".join(text for text in cells.values() if text)


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


if __name__ == "__main__":
    serve(docx_blocks)
