"""/auth/*, and {"do": "ensure_admin_key"} of who deploys."""

from typing import Any

from llmanager.wiring.aws.admin_key import admin_key, vault_of
from llmanager.wiring.aws.apps import auth_app
from llmanager.wiring.aws.handling import Event, logged
from llmanager.wiring.aws.house import house
from llmanager.wiring.aws.http import http_handler

_house = house()
_http = http_handler(auth_app(_house))


def _serve(event: Event, context: Any) -> dict[str, Any]:
    if event.get("do") == "ensure_admin_key":  # no request of API Gateway has such a field
        return admin_key(_house, vault_of(_house))
    return _http(event, context)


handler = logged(_serve, _house.settings.common.log_level)
