"""What ./run.sh emulate prints in the end can be done as it stands there."""

import re

from llmanager.gateway import surface
from tools.emulation.__main__ import show
from tools.emulation.state import State


def test_the_request_that_is_printed_is_for_a_route_that_exists(tmp_path, capsys):
    state = State.of(tmp_path)
    state.target.write_text("https://127.0.0.1:1/dev")
    show(state)
    asked = re.search(rf"curl .*{state.url('front')}(/\S+)", capsys.readouterr().out)
    found = surface.match(asked[1]) if asked else None
    assert found is not None
    assert found[0].method == "GET"
