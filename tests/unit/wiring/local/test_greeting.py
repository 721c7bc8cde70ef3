from llmanager.wiring.local.greeting import greeting

URL = "http://127.0.0.1:8080"


def test_where_keys_are_needed_every_line_to_copy_sends_one():
    lines = [line for line in greeting(URL, "/home", needs_key=True).splitlines() if "curl" in line]
    assert lines
    assert all('"authorization: Bearer $KEY"' in line for line in lines)
    assert "authorization" not in greeting(URL, "/home", needs_key=False)
