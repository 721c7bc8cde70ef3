"""Nothing that a server started outlives it, however it ended."""

import subprocess
import sys

import psutil
import pytest

from tests.fakes.survivors import survivors

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("what", "processes"),
    [
        ("ready", 2),
        ("loading", 1),
        ("guarded", 6),  # two guards, their engines, and a child of each that ignores SIGTERM
    ],
)
def test_after_kill_9_of_the_server_no_replica_is_left_within_five_seconds(tmp_path, what, processes):
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.doomed_host", str(tmp_path), what], stdout=subprocess.PIPE, text=True
    )
    with server, server.stdout:
        assert server.stdout.readline().strip() == what
        family = psutil.Process(server.pid).children(recursive=True)
        server.kill()

    assert len(family) == processes
    assert survivors(family, within_s=5) == []
