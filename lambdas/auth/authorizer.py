"""API Gateway's authorizer: it turns strangers away. What a key may do is asked by each route."""

from llmanager.wiring.aws.handling import logged
from llmanager.wiring.aws.house import house
from llmanager.wiring.aws.identify import identify

_house = house()
_identify = identify(_house)
handler = logged(lambda event, _context: _identify(event), _house.settings.common.log_level)
