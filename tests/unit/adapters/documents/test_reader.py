"""Real child processes: each document is opened as the server does it."""

import json

import pytest

from llmanager.adapters.documents.limits import MIB
from llmanager.adapters.documents.reader import MODULES
from llmanager.vdb.entities import ENDINGS, Block
from tests.unit.adapters.documents import files


def joined(blocks: list[Block]) -> str:
    return "".join(block.text for block in blocks)


@pytest.mark.parametrize("ending", [".txt", ".TXT", ".text", ".md", ".markdown"])
def test_text_is_kept_as_it_is(read, ending):
    assert read(f"a{ending}", "# Größe\r\n\r\nZwei 🦙\n".encode()) == [Block("# Größe\n\nZwei 🦙\n")]


def test_a_long_text_comes_in_blocks_that_join_to_it(read):
    text = "Größe und Gewicht. " * 20_000
    blocks = read("a.txt", text.encode())
    assert joined(blocks) == text
    assert len(blocks) == -(-len(text) // 65_536)


@pytest.mark.parametrize(
    ("encoding", "metadata"),
    [("utf-8-sig", {}), ("utf-16", {}), ("cp1252", {"encoding": "cp1252"})],
)
def test_encodings_are_found_and_a_guess_is_noted(read, encoding, metadata):
    assert read("a.txt", "Größe – 5 €".encode(encoding)) == [Block("Größe – 5 €", metadata)]


def test_bytes_that_cp1252_has_not_are_read_as_latin_1(read):
    assert read("a.txt", b"a\x81\xe9") == [Block("a\x81é", {"encoding": "latin-1"})]


def test_a_wrong_guess_late_in_the_file_is_none(read):
    blocks = read("a.txt", b"x" * 3 * MIB + b"\xe9")
    assert joined(blocks).endswith("xé")
    assert {block.metadata["encoding"] for block in blocks} == {"cp1252"}


def test_csv_rows_are_records_with_their_columns_as_metadata(read):
    first, second = read("a.csv", b'name,"age, years",id,note\nAda,36,007,"two\nlines"\nBob,1.5,8,,more\n\n')
    assert first == Block(
        "name: Ada\nage, years: 36\nid: 007\nnote: two\nlines",
        {"row": 2, "name": "Ada", "age, years": 36, "id": "007", "note": "two\nlines"},
        is_record=True,
    )
    assert second.metadata == {"row": 3, "name": "Bob", "age, years": 1.5, "id": 8, "column 5": "more"}


def test_columns_of_one_name_hide_nothing(read):
    (row,) = read("a.csv", b"a,b,a,,a\n1,2,3,4,5\n")
    assert row.text == "a: 1\nb: 2\na 3: 3\ncolumn 4: 4\na 5: 5"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(read, delimiter):
    (row,) = read("a.csv", f"text{delimiter}kind\nHello{delimiter}greeting\n".encode())
    assert row == Block("Hello", {"row": 2, "kind": "greeting"}, is_record=True)


def test_jsonl_lines_are_records(read):
    lines = [
        {"text": "One", "id": "a", "metadata": {"n": 1, "deep": {"x": [1.5]}}, "author": "Ada", "tags": ["x"]},
        {"content": "Two"},
        {"page_content": "Three", "metadata": None},
        {"other": "Four"},
        ["Five"],
    ]
    text = "\n".join(map(json.dumps, lines)) + "\n\nsix, no JSON\n" + "[" * 2000 + "\n"
    blocks = read("a.jsonl", text.encode())
    assert all(block.is_record for block in blocks)
    assert [block.text for block in blocks] == [
        "One",
        "Two",
        "Three",
        '{"other": "Four"}',
        '["Five"]',
        "six, no JSON",
        "[" * 2000,
    ]
    assert blocks[0].metadata == {"line": 1, "id": "a", "author": "Ada", "n": 1, "deep": {"x": [1.5]}}
    assert blocks[5].metadata == {"line": 7}


def test_html_is_what_a_reader_would_read(read):
    page = """<!doctype html><html><head><title>The &amp; title</title><style>p{}</style></head><body>
      <h1>Head</h1><script>no()</script><p>Some <b>bold</b>, <i>slanted</i>
      words<br>next&nbsp;line</p><!-- not --><ul><li>one</li><li>two</ul>
      <table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table><pre>x
  y</pre></body></html>"""
    (block,) = read("a.html", page.encode())
    assert block.metadata == {"title": "The & title"}
    assert block.text == "Head\n\nSome bold, slanted words\nnext line\n\none\n\ntwo\n\na\tb\nc\n\nx\n  y"


def test_html_may_say_its_encoding(read):
    page = '<meta charset="windows-1251"><p>Привет'.encode("cp1251")
    assert read("a.htm", page) == [Block("Привет", {"encoding": "windows-1251"})]
    assert read("a.htm", '<meta charset="rot13"><p>é'.encode("cp1252")) == [Block("é", {"encoding": "cp1252"})]


def test_pdf_pages_are_blocks_with_their_number(read):
    blocks = read("a.pdf", files.pdf(["First page", "", "Third page"]))
    assert [(block.text, block.metadata) for block in blocks] == [
        ("First page\n", {"page": 1}),
        ("Third page\n", {"page": 3}),
    ]


def test_word_paragraphs_and_tables_come_in_order(read):
    content = files.word(["One", "Two"], [["a", "b"], ["c", "d"]], "Last")
    assert joined(read("a.docx", content)) == "One\n\nTwo\n\na | b\nc | d\n\nLast\n\n"


def test_every_ending_that_is_told_can_be_read_and_no_other(read, reason):
    assert set(MODULES) == ENDINGS
    for ending in ENDINGS - {".pdf", ".docx"}:
        assert read(f"a{ending}", b"text\nword\n")
    assert "'.exe'" in reason("a.exe", b"MZ")
    assert ".docx" in reason("no ending", b"x")


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.csv", "a.jsonl", "a.html"])
@pytest.mark.parametrize("content", [b"", b" \n\n"])
def test_a_document_without_text_is_refused(reason, name, content):
    assert "holds no text" in reason(name, content)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("nul.txt", b"text\0text", "NUL bytes"),
        ("image.md", b"\x89PNG\r\n\x1a\n\0\0\0", "binary"),
        ("packed.csv", bytes(range(1, 256)) * 10, "binary"),
        ("really.txt", files.pdf(["x"]), "a PDF"),
        ("really.csv", files.word(["x"]), ".docx"),
        ("cut.txt", b"\xff\xfea\0b", "UTF-16"),
        ("scan.pdf", files.pdf(["", ""]), "OCR"),
        ("text.pdf", b"just text", "no PDF"),
        ("short.pdf", files.pdf(["x"])[:60], "broken"),
        ("circle.pdf", files.pdf_in_a_circle(), "broken"),
        ("locked.pdf", files.pdf(["x"], trailer="/Encrypt << /Filter /Standard /V 9 >>"), "broken"),
        ("old.docx", b"\xd0\xcf\x11\xe0 old Word", "no Word document"),
        ("torn.docx", files.word(["x"])[:-40], "no Word document"),
        ("other.docx", files.word_with("[Content_Types].xml", b"<Types/>"), "broken"),
        ("quote.csv", b'a,b\n1,"' + b"x\n" * 700_000, "never closed"),
        ("wide.csv", b"a," * 1001, "1002 columns"),
        ("row.csv", b"a\n" + b"b," * 1001, "Row 2"),
        ("endless.csv", b"x" * (MIB + 1), "Line 1"),
        ("endless.jsonl", b'{"text": "' + b"x" * MIB, "Line 1"),
        ("nan.jsonl", b'{"text": "x", "metadata": {"n": NaN}}', "NaN"),
        ("attribute.html", b'<a href="' + b"x" * 9 * MIB, "8 MiB"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(reason, name, content, why):
    assert why in reason(name, content)


def test_a_broken_table_of_objects_is_mended(read):
    content = files.pdf(["Still here"]).replace(b"startxref\n", b"startxref\n9")
    assert joined(read("a.pdf", content)) == "Still here\n"


def test_an_endless_line_is_read_piece_by_piece(read):
    assert len(joined(read("a.txt", b"x" * 3 * MIB, memory_bytes=256 * MIB))) == 3 * MIB


def test_html_nested_without_end_is_read(read):
    assert joined(read("a.html", b"<div>" * 100_000 + b"deep")) == "deep"


def test_entities_within_entities_stay_small(reason):
    assert reason("laughs.docx", files.word_with("word/document.xml", files.LAUGHS))


def test_an_archive_that_says_how_much_it_holds_is_refused_before_it_is_unpacked(reason):
    bomb = files.word_with("word/document.xml", b"\0" * 20 * MIB)
    assert "Unpacked" in reason("a.docx", bomb, unpacked_bytes=16 * MIB)


def test_an_archive_that_lies_about_its_size_is_refused(reason):
    bomb = files.word_with("word/document.xml", b" " * 20 * MIB)
    lied = bomb.replace((20 * MIB).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert lied != bomb
    assert reason("a.docx", lied, unpacked_bytes=16 * MIB)


def test_memory_is_bounded(reason):
    line = b'{"text": "x", "metadata": {"n": [' + b"{}," * 300_000 + b"0]}}"
    assert "32 MiB of memory" in reason("a.jsonl", line, memory_bytes=32 * MIB)


def test_a_pdf_that_unpacks_to_hundreds_of_times_its_size_is_refused(reason):
    assert reason("a.pdf", files.pdf_bomb(80 * MIB), memory_bytes=256 * MIB)


def test_computing_is_bounded(reason):
    assert "1 s of computing" in reason("a.html", b"<a" * 4 * MIB, cpu_s=1)


def test_a_pdf_of_many_pages_is_read(read):
    assert len(read("a.pdf", files.pdf(["x"] * 300))) == 300


def test_text_and_records_are_bounded(reason):
    assert "more than 10 characters" in reason("a.txt", b"x" * 11, text_characters=10)
    assert "2 records" in reason("a.jsonl", b"x\nx\nx\n", blocks=2)


def test_large_files_of_formats_that_are_read_whole_are_refused(reason):
    assert "at most 1 MiB" in reason("a.pdf", b"%PDF-" + b"x" * MIB, whole_bytes=MIB)
    assert "at most 1 MiB" in reason("a.docx", b"x" * (MIB + 1), whole_bytes=MIB)


def test_text_that_no_store_keeps_is_mended(read):
    (block,) = read("a.jsonl", b'{"text": "a\\ud800b\\u0000c"}')
    assert block.text == "a?bc"
