"""A client that looks like boto3's and calls the emulated services in the same process."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, Protocol

from botocore import xform_name
from botocore.errorfactory import ClientExceptionsFactory
from botocore.hooks import HierarchicalEmitter
from botocore.model import ServiceModel
from botocore.paginate import Paginator

from emulator.contract import contract, session
from emulator.errors import Params
from emulator.faults import BeforeSend
from emulator.operations import OPERATIONS


class Account(Protocol):
    """Answers a call, or raises what boto3 raises. Calls `before_send` right before the effect."""

    def call(
        self, service: str, operation: str, params: Params, region: str | None, before_send: BeforeSend | None
    ) -> Params: ...


@cache
def methods(service: str) -> dict[str, str]:
    """boto3's method names, and the operations they stand for."""
    return {xform_name(operation): operation for operation in OPERATIONS[service]}


@cache
def exceptions(service: str) -> Any:
    """The service's exception classes, all of them ClientErrors."""
    return ClientExceptionsFactory().create_client_exceptions(contract(service).model)


class Meta:
    """The part of boto3's client.meta that callers use."""

    def __init__(self, service: str, region_name: str) -> None:
        self.region_name = region_name
        self.service = service
        self.events = HierarchicalEmitter()

    @property
    def service_model(self) -> ServiceModel:
        return contract(self.service).model


class Client:
    """`client.create_endpoint(EndpointName=...)` and so on, for the operations that are emulated.

    `before-send.<service>.<Operation>` is emitted on `meta.events` right before the effect, as botocore does.
    """

    def __init__(self, cloud: Account, service: str, region_name: str) -> None:
        self.meta = Meta(service, region_name)
        self._cloud = cloud
        self._service = service
        self._prefix = f"before-send.{contract(service).model.service_id.hyphenize()}."

    def __getattr__(self, name: str) -> Callable[..., Params]:
        operation = methods(self._service).get(name)
        if operation is None:
            raise AttributeError(f"{self._service} client: {name!r} is not emulated (see emulator/operations.py)")
        method = partial(self._call, operation)
        setattr(self, name, method)
        return method

    def _call(self, operation: str, **params: Any) -> Params:
        return self._cloud.call(self._service, operation, params, self.meta.region_name, self._before_send)

    def _before_send(self, operation: str) -> None:
        self.meta.events.emit(self._prefix + operation, request=None)

    @property
    def exceptions(self) -> Any:
        return exceptions(self._service)

    def can_paginate(self, name: str) -> bool:
        return methods(self._service).get(name) in paginators(self._service)

    def get_paginator(self, name: str) -> Paginator:
        operation = methods(self._service)[name]
        model = contract(self._service).operation(operation)
        return Paginator(getattr(self, name), paginators(self._service)[operation], model)


@cache
def paginators(service: str) -> dict[str, Any]:
    found: dict[str, Any] = session().get_component("data_loader").load_service_model(service, "paginators-1")
    return dict(found["pagination"])
