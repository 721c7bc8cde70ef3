"""/model/*, /models/*, /admin/*, /health and /ready."""

from llmanager.wiring.aws.apps import models_app
from llmanager.wiring.aws.handling import logged
from llmanager.wiring.aws.house import house
from llmanager.wiring.aws.http import http_handler

_house = house()
handler = logged(http_handler(models_app(_house)), _house.settings.common.log_level)
