import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llmanager.gateway.depth import depth_of


@given(st.recursive(st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_the_depth_of_any_json_is_exact_or_a_small_upper_bound(value: Any):
    def depth(value: Any) -> int:
        if not isinstance(value, list | dict):
            return 0
        return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)

    wide = [value, *([[]] * 100)]
    assert depth_of(json.dumps(wide).encode()) == depth(wide)
    assert depth(value) <= depth_of(json.dumps(value).encode())
