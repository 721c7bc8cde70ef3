"""./run.sh catalog sync: what would change is shown first, and written only when asked."""

import io

import pytest

from llmanager.cli import catalog


class FakeDraft:
    def __init__(self, diff="-old\n+new\n", remarks=()):
        self._diff, self.remarks, self.is_written = diff, remarks, False

    def diff(self):
        return self._diff

    def write(self):
        self.is_written = True


def run(*argv, draft=None):
    draft, asked, out = draft or FakeDraft(), [], io.StringIO()

    def make(regions, is_offline):
        asked.append((regions, is_offline))
        return draft

    return catalog.main(argv, make_draft=make, out=out), out.getvalue(), draft, asked


def test_it_is_shown_and_not_written():
    rc, said, draft, asked = run("sync", draft=FakeDraft(remarks=("look here",)))
    assert (rc, draft.is_written, asked) == (0, False, [(["us-east-1"], False)])
    assert "+new" in said
    assert "! look here" in said
    assert "Nothing was written" in said


def test_with_write_it_is_written():
    rc, said, draft, asked = run("sync", "--write", "--offline", "--region", "eu-west-1", "--region", "us-west-2")
    assert (rc, draft.is_written, asked) == (0, True, [(["eu-west-1", "us-west-2"], True)])
    assert "Written" in said


def test_nothing_new_is_said():
    assert "Nothing would change." in run("sync", draft=FakeDraft(diff=""))[1]


@pytest.mark.parametrize("argv", [(), ("wipe",), ("sync", "--everything")])
def test_what_is_not_understood(argv, capsys):
    assert run(*argv)[0] == 2
    assert "usage: run.sh catalog" in capsys.readouterr().err
