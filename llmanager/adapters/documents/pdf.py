"""PDF: pages one by one, so that a chunk knows its page and never spans two."""

from collections.abc import Iterator
from typing import BinaryIO, Final

import pypdf
from pypdf.errors import DependencyError, FileNotDecryptedError, PyPdfError

from llmanager.adapters.documents.child import serve
from llmanager.adapters.documents.limits import Limits, Refused
from llmanager.adapters.documents.whole import check_size, cut
from llmanager.vdb.entities import Block

SEARCHED_BYTES: Final = 1024  # for a PDF's first line
ENCRYPTED: Final = "It is encrypted. Save it without a password."
BROKEN: Final = "It is a broken PDF. Print or save it anew as a PDF."


def pdf_blocks(source: BinaryIO, limits: Limits) -> Iterator[Block]:
    check_size(source, limits)
    if b"%PDF-" not in source.read(SEARCHED_BYTES):
        raise Refused("Its content is no PDF. Give it the ending of its format.")
    source.seek(0)
    try:
        reader = pypdf.PdfReader(source)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Refused(ENCRYPTED)
        for number, page in enumerate(reader.pages, start=1):
            yield from cut(page.extract_text(), {"page": number})
    except (FileNotDecryptedError, DependencyError) as error:
        raise Refused(ENCRYPTED) from error
    except (PyPdfError, RecursionError) as error:
        raise Refused(BROKEN) from error


if __name__ == "__main__":
    serve(pdf_blocks)
