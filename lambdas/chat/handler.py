"""/v1/*, /openai/*, /chat, /model/query and /models/query, each answer in one piece."""

from llmanager.wiring.aws.chat import chat_app
from llmanager.wiring.aws.handling import logged
from llmanager.wiring.aws.house import house
from llmanager.wiring.aws.http import http_handler

_house = house()
handler = logged(http_handler(chat_app(_house)), _house.settings.common.log_level)
