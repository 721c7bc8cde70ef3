"""/jobs/*"""

from llmanager.wiring.aws.handling import logged
from llmanager.wiring.aws.house import house
from llmanager.wiring.aws.http import http_handler
from llmanager.wiring.aws.jobs import jobs_app

_house = house()
handler = logged(http_handler(jobs_app(_house)), _house.settings.common.log_level)
