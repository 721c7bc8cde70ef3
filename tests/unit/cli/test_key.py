import io
import re

import pytest

from llmanager.auth.usecases.authenticate import authenticate
from llmanager.cli.key import main
from llmanager.kernel.ids import random_id
from llmanager.kernel.principal import SCOPES
from tests.fakes.clock import FakeClock
from tests.fakes.table import FakeTable


class Shell:
    def __init__(self):
        self.clock = FakeClock()
        self.table = FakeTable(self.clock)

    def run(self, *argv):
        out = io.StringIO()
        return main(argv, table=self.table, clock=self.clock, new_id=random_id, out=out), out.getvalue()

    def enter(self, text):
        secret = re.search(r"lmk_[A-Za-z0-9_-]{43}", text)[0]
        return authenticate(self.table, secret=secret, now=self.clock.now())


@pytest.fixture
def shell():
    return Shell()


def test_a_new_key_works_and_is_shown_once_with_how_to_use_it(shell):
    status, text = shell.run("create", "laptop")
    assert status == 0
    assert text.count("lmk_") == 1
    assert "Authorization: Bearer <key>" in text
    assert "OPENAI_API_KEY" in text
    principal = shell.enter(text)
    assert (principal.tenant, principal.scopes) == ("local", SCOPES - {"admin"})


def test_scopes_tenant_and_end_are_taken_from_the_line(shell):
    _, text = shell.run("create", "ops", "--scopes", "admin, vdb:*", "--tenant", "acme", "--expires-in-s", "60")
    principal = shell.enter(text)
    assert (principal.tenant, principal.scopes) == ("acme", {"admin", "vdb:read", "vdb:write", "vdb:query"})
    shell.clock.advance(60)
    assert " expired  ops  " in shell.run("list", "--tenant", "acme")[1]


def test_the_list_shows_every_key_with_its_state_and_no_secret(shell):
    for n in range(250):
        shell.run("create", f"key{n}")
        shell.clock.advance(1)
    text = shell.run("list")[1]
    assert [line.split()[2] for line in text.splitlines()] == [f"key{n}" for n in reversed(range(250))]
    assert "lmk_" not in text


def test_a_revoked_key_is_shown_as_such_and_opens_nothing(shell):
    made = shell.run("create", "laptop")[1]
    key_id = shell.enter(made).key_id
    assert shell.run("revoke", key_id)[0] == 0
    assert f"{key_id}  revoked  laptop" in shell.run("list")[1]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("create", "a b"), "'name' must be"),
        (("create", "a", "--scopes", "root"), "'scopes' names one"),
        (("create", "a", "--scopes", ","), "'scopes' is empty"),
        (("create", "a", "--tenant", "a#b"), "'tenant' must be"),
        (("revoke", "no-such-key"), "no such key"),
    ],
)
def test_a_refusal_says_why_and_exits_with_1(shell, argv, said):
    status, text = shell.run(*argv)
    assert status == 1
    assert said in text


@pytest.mark.parametrize("argv", [(), ("nosuch",), ("create",), ("create", "a", "--expires-in-s", "soon")])
def test_a_line_that_is_not_understood_exits_with_2(shell, argv, capsys):
    assert shell.run(*argv)[0] == 2
    assert "usage: run.sh key" in capsys.readouterr().err
