"""The minute's pass of the reaper, and {"do": "empty"} of who destroys."""

from typing import Any

from llmanager.wiring.aws.emptying import emptying, is_asked
from llmanager.wiring.aws.handling import Event, left_s, logged
from llmanager.wiring.aws.reaping import reaper
from llmanager.wiring.aws.settings import AwsSettings

_settings = AwsSettings.load()
_reaper = reaper(_settings)
_emptying = emptying(_settings, _reaper)


def _serve(event: Event, context: Any) -> dict[str, list[str]] | None:
    if is_asked(event):
        return _emptying.serve(left_s(context))
    _reaper.serve(left_s(context))
    return None


handler = logged(_serve, _settings.common.log_level)
