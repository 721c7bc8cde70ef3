import logging
import sys

import pytest
import structlog

from llmanager.wiring import logs


@pytest.fixture
def restored():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    logging.basicConfig(level=level, handlers=handlers, force=True)


class Terminal:
    def __init__(self, is_a_tty):
        self.text, self.is_a_tty = "", is_a_tty

    def write(self, text):
        self.text += text

    def flush(self): ...

    def isatty(self):
        return self.is_a_tty


@pytest.mark.parametrize("is_a_tty", [True, False])
def test_a_failure_is_told_without_the_values_at_hand(monkeypatch, restored, is_a_tty):
    err = Terminal(is_a_tty)
    monkeypatch.setattr(sys, "stderr", err)
    logs.configure("info")
    secret = "canary" + "-secret"
    try:
        raise ValueError("it broke" if secret else "")
    except ValueError:
        structlog.get_logger().exception("a step broke")
    assert "a step broke" in err.text
    assert "it broke" in err.text
    assert "canary-secret" not in err.text


def test_the_level_is_the_least_that_is_told(monkeypatch, restored):
    err = Terminal(False)
    monkeypatch.setattr(sys, "stderr", err)
    logs.configure("warning")
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud", model="m")
    assert "quiet" not in err.text
    assert '"event": "loud"' in err.text
