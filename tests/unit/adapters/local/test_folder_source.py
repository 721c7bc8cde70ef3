import os

import pytest

from llmanager.adapters.local import folder_source
from llmanager.adapters.local.folder_source import FolderSource
from llmanager.kernel.errors import InvalidInput, NotFound
from llmanager.vdb.entities import Document


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "docs"
    (root / "reports" / "old").mkdir(parents=True)
    (root / ".hidden").mkdir()
    for name in ("b.txt", "a.MD", "reports/c.pdf", "reports/old/d.csv", ".secret.txt", ".hidden/e.txt", "program.exe"):
        (root / name).write_text(name)
    (tmp_path / "outside.txt").write_text("not yours")
    return root


@pytest.fixture
def source(root):
    return FolderSource(root)


def names(source: FolderSource, src: str) -> list[str]:
    return [document.name for document in source.list("acme", src)]


def test_documents_below_are_listed_by_name_without_hidden_ones_and_other_formats(source):
    assert names(source, "folder:") == ["a.MD", "b.txt", "reports/c.pdf", "reports/old/d.csv"]
    assert names(source, "folder:reports") == ["reports/c.pdf", "reports/old/d.csv"]
    assert names(source, "folder:reports/old/../") == ["reports/c.pdf", "reports/old/d.csv"]


def test_one_document_may_be_named(source):
    assert list(source.list("acme", "folder:b.txt")) == [Document("b.txt", 5, "b.txt")]


def test_a_document_is_read_as_it_is(source):
    (document,) = source.list("acme", "folder:reports/c.pdf")
    assert b"".join(source.read("acme", document)) == b"reports/c.pdf"


@pytest.mark.parametrize(
    "path",
    ["absent", "../outside.txt", "..", "/etc", "/etc/passwd", "a\0b", "x" * 5000, ".hidden", ".secret.txt", "link"],
)
def test_what_is_absent_hidden_or_outside_is_not_found_alike(source, root, path):
    (root / "link").symlink_to("link")
    with pytest.raises(NotFound, match="in the documents folder"):
        source.list("acme", f"folder:{path}")


def test_links_are_not_followed(source, root):
    (root / "link.txt").symlink_to(root.parent / "outside.txt")
    (root / "within.txt").symlink_to(root / "b.txt")
    (root / "linked").symlink_to(root.parent)
    assert names(source, "folder:") == ["a.MD", "b.txt", "reports/c.pdf", "reports/old/d.csv"]
    for name in ("link.txt", "linked", "linked/outside.txt"):
        with pytest.raises(NotFound):
            source.list("acme", f"folder:{name}")


def test_pipes_are_no_documents(source, root):
    os.mkfifo(root / "pipe.txt")
    assert "pipe.txt" not in names(source, "folder:")
    with pytest.raises(NotFound):
        source.list("acme", "folder:pipe.txt")


def test_a_folder_without_documents_is_told(source, root):
    (root / "empty").mkdir()
    with pytest.raises(NotFound, match="no document at 'folder:empty'"):
        source.list("acme", "folder:empty")
    with pytest.raises(NotFound):
        FolderSource(root / "nowhere").list("acme", "folder:")


def test_a_document_that_is_gone_meanwhile_is_not_found(source, root):
    (document,) = source.list("acme", "folder:b.txt")
    (root / "b.txt").unlink()
    with pytest.raises(NotFound):
        source.read("acme", document)


def test_a_document_that_became_a_link_is_not_read(source, root):
    (document,) = source.list("acme", "folder:b.txt")
    (root / "b.txt").unlink()
    (root / "b.txt").symlink_to(root.parent / "outside.txt")
    with pytest.raises(NotFound):
        source.read("acme", document)


def test_folders_with_too_much_in_them_are_refused(source, monkeypatch):
    monkeypatch.setattr(folder_source, "MAX_SEEN", 5)
    with pytest.raises(InvalidInput, match="more than 5 entries"):
        source.list("acme", "folder:")
