"""The same as an ASGI app, for the server that the Lambda Web Adapter asks: its answers are streamed."""

from llmanager.wiring import logs
from llmanager.wiring.aws.chat import chat_app
from llmanager.wiring.aws.house import house

_house = house()
logs.configure(_house.settings.common.log_level)
app = chat_app(_house)
