"""/history/*"""

from llmanager.wiring.aws.apps import history_app
from llmanager.wiring.aws.handling import logged
from llmanager.wiring.aws.house import house
from llmanager.wiring.aws.http import http_handler

_house = house()
handler = logged(http_handler(history_app(_house)), _house.settings.common.log_level)
