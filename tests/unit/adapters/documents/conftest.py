import pytest

from llmanager.adapters.documents.limits import Limits
from llmanager.adapters.documents.reader import ChildDocumentReader
from llmanager.vdb.entities import Block
from llmanager.vdb.errors import DocumentUnreadable


@pytest.fixture
def read(tmp_path):
    def read(name: str, content: bytes, **limits) -> list[Block]:
        reader = ChildDocumentReader(tmp_path, Limits(**limits))
        with reader.open(name, [content[:7], content[7:]]) as blocks:
            return list(blocks)

    return read


@pytest.fixture
def reason(read):
    def reason(name: str, content: bytes, **limits) -> str:
        with pytest.raises(DocumentUnreadable) as refused:
            read(name, content, **limits)
        return str(refused.value)

    return reason
