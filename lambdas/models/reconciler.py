"""SQS's messages about models, and the minute's round over all of them."""

from llmanager.wiring.aws.handling import left_s, logged
from llmanager.wiring.aws.rounds import rounds
from llmanager.wiring.aws.settings import AwsSettings

_settings = AwsSettings.load()
_rounds = rounds(_settings)
handler = logged(lambda event, context: _rounds.serve(event, left_s(context)), _settings.common.log_level)
