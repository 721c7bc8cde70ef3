from dataclasses import asdict, fields

from llmanager.gateway.policy import Limits
from llmanager.wiring.local.app import limits_of
from llmanager.wiring.settings import Settings
from tests.api.server import ROOT

# The row of docs/limits.md that tells each limit of the data path, with its value.
ROWS = {
    "max_body_bytes": "| request body | {:.0f} MiB |",
    "max_chat_body_bytes": "| body of a chat on `/v1` | {:.0f} MB |",
    "body_s": "| a request's body to arrive | {:g} s |",
    "first_byte_s": "| first byte of an answer | {:g} s |",
    "gap_s": "| silence within a stream | {:g} s |",
    "total_s": "| one whole answer | {:g} s |",
    "hold_silent_s": "| its silent part | {:g} s |",
    "wake_timeout_s": "| a model's wake, as a request waits for it | {:g} s |",
    "max_waiters": "| waiters of one model | {} |",
    "heartbeat_s": "| silence of an open stream that waits | {:g} s |",
    "max_event_bytes": "| one event of a model server's stream | {:.0f} MB |",
    "max_response_bytes": "| one whole answer of a model's server | {:.0f} MB |",
    "max_retries": "| sending a request again where no server worked on it | {} times;",
    "retry_ratio": "in the long run {:g} of all requests,",
    "retry_burst": "at most {:g} at once |",
}


def test_the_settings_defaults_are_the_data_paths():
    assert limits_of(Settings.from_env({})) == Limits()


def test_the_docs_tell_every_limit_of_the_data_path_with_its_value():
    assert set(ROWS) == {field.name for field in fields(Limits)}
    text = (ROOT / "docs" / "limits.md").read_text()
    for name, value in asdict(Limits()).items():
        unit = {"MiB": 2**20, "MB": 10**6}.get(ROWS[name].removesuffix(" |").rpartition(" ")[2], 1)
        assert ROWS[name].format(value / unit if unit > 1 else value) in text, name
