import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmanager.api.errors import BadRequest, BodyTooLarge, ForeignOrigin, MisdirectedRequest
from llmanager.api.head import (
    check_host,
    check_length,
    check_origin,
    host_names,
    is_upload,
    name_of,
    public_path,
    request_id,
    stage_prefix,
)

ALLOWED = host_names(["localhost", "127.0.0.1", "[::1]", "llm.example"])

OURS = [
    "localhost",
    "LOCALHOST",
    "localhost:8080",
    "127.0.0.1:1",
    "[::1]",
    "[::1]:8080",
    "llm.example:443",
    "localhost:0",
]
MALFORMED = [
    *["", " ", ":", ":8080", "localhost:", "localhost:80a", "localhost:-1", "localhost:99999", "localhost:8080:8080"],
    *["localhost/", "localhost/health?x=", "localhost?x", "localhost#", "localhost#@evil", "localhost\\evil"],
    *["evil@localhost", "user:pw@localhost", "localhost,evil", "localhost evil", "localhost\tevil", " localhost"],
    *["localhost\x00", "localhost\x00.evil", "localhost\r\nx: y", "lo%63alhost", "local\xadhost", "localhost\xa0"],
    *["[::1", "::1", "::1]", "[::1]x", "[]", "[::1%lo]", "[fffff::1]", "[127.0.0.1]", "[::1]:", "[[::1]]"],
    *[".localhost", "localhost.", "-localhost", "*", "http://localhost", "a" * 20_000 + "!"],
]
FOREIGN = [
    *["evil", "evil.example:8080", "localhost.evil.example", "evil.localhost", "localhost-evil", "xlocalhost"],
    *["127.0.0.2", "127.1", "2130706433", "0.0.0.0", "0x7f.1", "[::]", "[::ffff:127.0.0.1]", "[0:0:0:0:0:0:0:1]"],
]


def hosts(*values):
    return [(b"accept", b"*/*"), *((b"host", value.encode("latin-1")) for value in values)]


@pytest.mark.parametrize("host", OURS)
def test_our_names_pass_in_any_case_with_any_port(host):
    check_host(hosts(host), ALLOWED)


@pytest.mark.parametrize("host", MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_host_is_a_bad_request(host):
    with pytest.raises(BadRequest):
        check_host(hosts(host), ALLOWED)


@pytest.mark.parametrize("host", FOREIGN)
def test_a_name_that_is_not_ours_is_misdirected_even_if_it_leads_here(host):
    with pytest.raises(MisdirectedRequest):
        check_host(hosts(host), ALLOWED)


@pytest.mark.parametrize("values", [(), ("localhost", "localhost"), ("localhost", "evil"), ("evil", "localhost")])
def test_one_host_header_exactly_is_needed(values):
    with pytest.raises(BadRequest):
        check_host(hosts(*values), ALLOWED)


@given(st.text(st.characters(max_codepoint=255)))
def test_no_text_but_our_names_ever_passes(host):
    try:
        check_host(hosts(host), ALLOWED)
    except (BadRequest, MisdirectedRequest):
        return
    assert host.lower().rpartition(":")[0] in ALLOWED or host.lower() in ALLOWED


def test_configured_names_may_carry_ports_and_must_be_names():
    assert host_names(["LOCALHOST:8080", "[::1]:9"]) == {"localhost", "[::1]"}
    with pytest.raises(ValueError, match="'::1'"):
        host_names(["localhost", "::1"])
    assert name_of("localhost:8080") == "localhost"


def check_page(host, origin):
    check_origin([*hosts(host), (b"origin", origin.encode("latin-1"))])


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8080", "http://localhost:8080"),
        ("LocalHost:8080", "http://localhost:8080"),
        ("llm.example", "https://llm.example"),
        ("llm.example:443", "https://llm.example"),
        ("[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_a_page_of_our_own_may_call(host, origin):
    check_page(host, origin)


@pytest.mark.parametrize(
    "origin",
    [
        *["null", "", "http://evil.example", "http://localhost", "http://localhost:3000", "https://127.0.0.1:8080"],
        *[
            "http://localhost:8080.evil.example",
            "http://localhost:8080@evil",
            "file://localhost:8080",
            "localhost:8080",
        ],
        *["http://localhost:8080/", "http://localhost:8080 http://evil", "chrome-extension://localhost:8080"],
    ],
)
def test_a_page_of_another_origin_may_not(origin):
    with pytest.raises(ForeignOrigin):
        check_page("localhost:8080", origin)


def test_a_second_origin_does_not_hide_behind_the_first():
    own = (b"origin", b"http://localhost")
    with pytest.raises(ForeignOrigin):
        check_origin([*hosts("localhost"), own, (b"origin", b"http://evil")])


def test_a_program_sends_no_origin_and_may():
    check_origin(hosts("localhost"))


@pytest.mark.parametrize("length", ["", "-1", "+1", "1.0", "0x10", "1, 1", "1 ", "٣", "NaN"])
def test_a_length_is_one_decimal_number(length):
    with pytest.raises(BadRequest):
        check_length([(b"content-length", length.encode())], 100)


def test_two_lengths_are_none():
    with pytest.raises(BadRequest):
        check_length([(b"content-length", b"1"), (b"content-length", b"1")], 100)


@pytest.mark.parametrize("length", [b"101", b"9" * 5_000])
def test_a_length_over_the_limit_is_too_large(length):
    with pytest.raises(BodyTooLarge):
        check_length([(b"content-length", length)], 100)
    check_length([(b"content-length", b"100")], 100)


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("/model/create", "/model/create"),
        ("/dev/model/create", "/model/create"),
        ("/dev/models/create/", "/model/create"),
        ("/models/create", "/model/create"),
        ("/models/models/", "/model/models"),
        ("/model/create/", "/model/create"),
        ("/v1/models", "/v1/models"),
        ("/v1/models/", "/v1/models"),
        ("/dev/v1/models/a", "/v1/models/a"),
        ("/dev", "/"),
        ("/dev/", "/"),
        ("/", "/"),
        ("/dev/dev/health", "/dev/health"),
        ("/device/x", "/device/x"),
        ("/x/dev/health", "/x/dev/health"),
        ("//model/create", "//model/create"),
        ("/modelsx/create", "/modelsx/create"),
    ],
)
def test_a_route_has_one_path(asked, meant):
    assert public_path(asked, "dev") == meant


def test_without_a_stage_nothing_is_cut():
    assert public_path("/dev/model/create", None) == "/dev/model/create"


@pytest.mark.parametrize("given_id", ["a" * 8, "Ab0_-" * 12])
def test_a_harmless_request_id_is_taken_over(given_id):
    assert request_id([(b"x-request-id", given_id.encode())]) == given_id


@pytest.mark.parametrize(
    "given_id", ["", "a" * 7, "a" * 65, "a b c d e f", "abcdefgh\n", "<script>1", "abcdefgé", "{abcdefg}"]
)
def test_any_other_request_id_is_not(given_id):
    assert request_id([(b"x-request-id", given_id.encode())]) is None


def test_two_request_ids_are_none():
    assert request_id([(b"x-request-id", b"aaaaaaaa"), (b"x-request-id", b"bbbbbbbb")]) is None


@pytest.mark.parametrize(
    ("path", "prefix"),
    [("/dev/files", "/dev"), ("/dev", "/dev"), ("/dev/dev/x", "/dev"), ("/devil/files", ""), ("/files", ""), ("/", "")],
)
def test_the_stages_prefix_is_told_where_a_path_has_it(path, prefix):
    assert stage_prefix(path, "dev") == prefix
    assert stage_prefix(path, None) == ""


@pytest.mark.parametrize(
    ("method", "path", "is_one"),
    [
        ("PUT", "/files/01a1f8d3ea00abcd/content", True),
        ("POST", "/files/01a1f8d3ea00abcd/content", False),
        ("PUT", "/files/01a1f8d3ea00abcd", False),
        ("PUT", "/files//content", False),
        ("PUT", "/files/../content", False),
        ("PUT", "/files/a/b/content", False),
        ("PUT", "/files/a/content/", False),
        ("PUT", "/files/a/content\n", False),
        ("PUT", "/x/files/a/content", False),
        ("PUT", f"/files/{'a' * 65}/content", False),
    ],
)
def test_only_a_files_content_is_an_upload(method, path, is_one):
    assert is_upload(method, path) is is_one
