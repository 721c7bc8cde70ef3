"""The watchdog's pass."""

from llmanager.wiring.aws.handling import left_s, logged
from llmanager.wiring.aws.settings import AwsSettings
from llmanager.wiring.aws.watching import watchdog

_settings = AwsSettings.load()
_watchdog = watchdog(_settings)
handler = logged(lambda _event, context: _watchdog.serve(left_s(context)), _settings.common.log_level)
