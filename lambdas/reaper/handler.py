"""The minute's pass of the reaper."""

from llmanager.wiring.aws.handling import left_s, logged
from llmanager.wiring.aws.reaping import reaper
from llmanager.wiring.aws.settings import AwsSettings

_settings = AwsSettings.load()
_reaper = reaper(_settings)
handler = logged(lambda _event, context: _reaper.serve(left_s(context)), _settings.common.log_level)
