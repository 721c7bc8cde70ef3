"""What ./run.sh emulate prints in the end can be done as it stands there."""

import re

from llmanager.gateway import surface
from tools.emulation.__main__ import parser, show
from tools.emulation.state import State


def test_the_request_that_is_printed_is_for_a_route_that_exists(tmp_path, capsys):
    state = State.of(tmp_path)
    state.target.write_text("https://127.0.0.1:1/dev")
    show(state, "dev")
    asked = re.search(rf"curl .*{state.url('front')}(/\S+)", capsys.readouterr().out)
    found = surface.match(asked[1]) if asked else None
    assert found is not None
    assert found[0].method == "GET"


def test_of_another_stage_the_key_of_that_stage_is_asked_for(tmp_path, capsys):
    state = State.of(tmp_path)
    state.target.write_text("https://127.0.0.1:1/two")
    show(state, "two")
    (asked,) = re.findall(r"\$\((.*)\)", capsys.readouterr().out)
    assert parser().parse_args(asked.split()[2:]).stage == "two"
