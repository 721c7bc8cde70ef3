"""/history/*"""

from llmanager.wiring.aws.apps import history_app
from llmanager.wiring.aws.house import house
from llmanager.wiring.aws.http import http_handler

handler = http_handler(history_app(house()))
