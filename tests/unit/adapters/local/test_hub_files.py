"""Which file `owner/name` means."""

import pytest

from llmanager.adapters.local.hub_files import choose
from llmanager.adapters.local.job_child import JobFailed


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["m-Q8_0.gguf", "m-Q4_K_M.gguf", "m-f16.gguf"], "m-Q4_K_M.gguf"),
        (["m-q8_0.gguf", "m-f16.gguf"], "m-q8_0.gguf"),
        (["only-iq3_xs.gguf", "README.md"], "only-iq3_xs.gguf"),
        (["m-Q4_K_M-long-name.gguf", "m-Q4_K_M.gguf"], "m-Q4_K_M.gguf"),
        (["m-f16-00001-of-00002.gguf", "m-f16-00002-of-00002.gguf", "small.gguf"], "small.gguf"),
        (["mmproj-Q8_0.gguf", "m-f16.gguf"], "m-f16.gguf"),
        (["Q8_0/m.gguf", "Q4_K_M/m.gguf"], "Q4_K_M/m.gguf"),
        (["../../etc/Q4_K_M.gguf", "/Q4_K_M.gguf", "a/.hidden-Q4_K_M.gguf", "b.gguf"], "b.gguf"),
    ],
)
def test_the_rule_prefers_q4_k_m_then_q8_0_then_the_only_one(names: list[str], chosen: str):
    assert choose("acme/m", names, None) == chosen


@pytest.mark.parametrize(
    ("names", "wanted", "says"),
    [
        (["a-f16.gguf", "b-f32.gguf"], None, "Name one as owner/name:file. There are: a-f16.gguf, b-f32.gguf."),
        (["model.safetensors"], None, "no GGUF model in one file"),
        (["a-00001-of-00002.gguf", "a-00002-of-00002.gguf"], None, "no GGUF model in one file"),
        (["a.gguf"], "b.gguf", "has no file 'b.gguf'. Name one as owner/name:file. There are: a.gguf."),
        (["a-00001-of-00002.gguf", "b.gguf"], "a-00001-of-00002.gguf", "one part of a model .* There are: b.gguf"),
        ([f"{n:02}-f16.gguf" for n in range(20)], None, "11-f16.gguf and 8 more"),
    ],
)
def test_what_cannot_be_chosen_is_answered_with_what_there_is(names: list[str], wanted: str | None, says: str):
    with pytest.raises(JobFailed, match=says) as raised:
        choose("acme/m", names, wanted)

    assert raised.value.is_final
