"""API Gateway's authorizer: it turns strangers away. What a key may do is asked by each route."""

from llmanager.wiring.aws.handling import logged
from llmanager.wiring.aws.identify import authorizer
from llmanager.wiring.aws.settings import AwsSettings

_settings = AwsSettings.load()
_answer = authorizer(_settings)
handler = logged(lambda event, _context: _answer(event), _settings.common.log_level)
