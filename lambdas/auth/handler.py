"""/auth/*"""

from llmanager.wiring.aws.apps import auth_app
from llmanager.wiring.aws.house import house
from llmanager.wiring.aws.http import http_handler

handler = http_handler(auth_app(house()))
