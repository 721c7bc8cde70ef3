"""The whole HTTP surface as one ASGI callable: the gateway for the data path, FastAPI for the control plane."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from llmanager.api.validation import install_error_handlers
from llmanager.gateway.app import Gateway
from llmanager.wire.errors import ErrorAnswer

IsReady = Callable[[], None]  # raises a Retryable error while it is not


class Application:
    """Sends a request to the gateway if it is of the data path, else to the control plane."""

    def __init__(self, gateway: Gateway, control_plane: ASGIApp) -> None:
        self._gateway, self._control_plane = gateway, control_plane

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._gateway.handles(scope):
            await self._gateway(scope, receive, send)
        else:
            await self._control_plane(scope, receive, send)


class _Described(FastAPI):
    description_of_all: dict[str, Any] | None = None

    def openapi(self) -> dict[str, Any]:
        return self.description_of_all or super().openapi()


def control_plane(
    routers: Sequence[APIRouter], is_ready: IsReady, version: str, description: dict[str, Any] | None = None
) -> FastAPI:
    """The OpenAPI document is at /openapi.json; the interactive pages load scripts from elsewhere, so they are off.

    `description`: that document, where this app is only a part of what it tells of.
    """
    refusal: dict[int | str, dict[str, Any]] = {"default": {"model": ErrorAnswer, "description": "A refusal"}}
    app = _Described(title="LLManager", version=version, docs_url=None, redoc_url=None, responses=refusal)
    app.description_of_all = description
    install_error_handlers(app)
    app.include_router(health_routes(is_ready))
    for router in routers:
        app.include_router(router)
    return app


def health_routes(is_ready: IsReady) -> APIRouter:
    """The two routes that need no key."""
    router = APIRouter()

    @router.get("/health")
    async def health() -> Any:  # takes no thread: it answers while all of them are busy
        return {"status": "Healthy"}

    @router.get("/ready")
    def ready() -> Any:
        is_ready()
        return {"status": "Ready"}

    return router
