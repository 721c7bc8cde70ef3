"""Requests and answers held against botocore's service models, at the price of one look-up for what was seen before.

ParamValidator says what boto3 refuses before it sends; the limits that boto3 leaves to the service (maxima, patterns,
enumerations) are checked here and refused as the service does.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

import botocore.session
from botocore.exceptions import ParamValidationError
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.validate import ParamValidator

from emulator.errors import Params, invalid

MEMO_SIZE = 50_000
# Java's classes of characters, near enough; a pattern that Python cannot read is left out.
JAVA_CLASSES = (("\\p{L}", "\\w"), ("\\p{Z}", "\\s"), ("\\p{N}", "\\d"), ("\\p{P}", "!-/:-@\\[-`{-~"), ("\\p{S}", "$"))


class ContractBreach(AssertionError):
    """The emulator answered something that the service could not. Mend the emulator."""


@lru_cache(maxsize=1)
def session() -> botocore.session.Session:
    return botocore.session.get_session()


@cache
def contract(service: str) -> "Contract":
    return Contract(session().get_service_model(service))


class Contract:
    """What one service accepts and answers."""

    def __init__(self, model: ServiceModel) -> None:
        self.model = model
        self._validator = ParamValidator()
        self._requests: set[str] = set()
        self._refused_by_service: dict[str, str] = {}
        self._answers: set[Any] = set()

    def check_request(self, operation: str, params: Params) -> str | None:
        """Raise what boto3 raises before sending, or return what the service will refuse: None is fine."""
        key = operation + repr(params)
        if key in self._requests:
            return None
        if key in self._refused_by_service:
            return self._refused_by_service[key]
        shape = self.operation(operation).input_shape
        report = self._validator.validate(params, shape)
        if report.has_errors():
            raise ParamValidationError(report=report.generate_report())
        faults = list(breaches(shape, params, ""))
        if faults:
            self._refused_by_service[key] = f"{len(faults)} validation error detected: " + "; ".join(faults)
            return self._refused_by_service[key]
        remember(self._requests, key)
        return None

    def check_answer(self, operation: str, answer: Params) -> None:
        key = (operation, outline(answer))
        if key in self._answers:
            return
        shape = self.operation(operation).output_shape
        if shape is None:
            faults = [f"{operation} answers nothing"] if answer else []
        else:
            report = self._validator.validate(answer, shape)
            unknown = [f"no such member: {path}" for path in strangers(shape, answer, "")]
            faults = [report.generate_report()] if report.has_errors() else [*unknown, *breaches(shape, answer, "")]
        if faults:
            raise ContractBreach(f"{operation}: {'; '.join(faults)}")
        remember(self._answers, key)

    @cache  # noqa: B019 - contracts live as long as the process
    def operation(self, name: str) -> OperationModel:
        return self.model.operation_model(name)


def remember(memo: set[Any], key: Any) -> None:
    if len(memo) >= MEMO_SIZE:
        memo.clear()
    memo.add(key)


def outline(value: Any) -> Any:
    """A key under which two answers are equally valid: the times in them do not count."""
    kind = type(value)
    if kind is dict:
        return tuple([(k, v if type(v) is str else outline(v)) for k, v in value.items()])
    if kind is list:
        return tuple([v if type(v) is str else outline(v) for v in value])
    return kind if kind is datetime else (kind, value)


def breaches(shape: Shape | None, value: Any, path: str) -> Iterator[str]:
    """Every limit of the model that `value` breaks, said as SageMaker says it."""
    if shape is None:
        return
    match shape.type_name:
        case "structure":
            for name in value:
                yield from breaches(shape.members.get(name), value[name], join(path, name))
        case "list":
            yield from list_breaches(shape, value, path)
        case "map":
            yield from map_breaches(shape, value, path)
        case "string":
            yield from string_breaches(shape, value, path)
        case "integer" | "long" | "float" | "double":
            yield from number_breaches(shape, value, path)


def list_breaches(shape: Shape, value: list[Any], path: str) -> Iterator[str]:
    yield from size_breaches(shape, value, path)
    for index, item in enumerate(value, 1):
        yield from breaches(shape.member, item, f"{path}.{index}.member")


def map_breaches(shape: Shape, value: dict[str, Any], path: str) -> Iterator[str]:
    yield from size_breaches(shape, value, path)
    for key, item in value.items():
        yield from breaches(shape.key, key, path)
        yield from breaches(shape.value, item, join(path, key))


def join(path: str, name: str) -> str:
    name = name[:1].lower() + name[1:]
    return f"{path}.{name}" if path else name


def failed(value: Any, path: str, constraint: str) -> str:
    return f"Value '{value}' at '{path}' failed to satisfy constraint: Member must {constraint}"


def size_breaches(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if len(value) > shape.metadata.get("max", len(value)):
        yield failed(value, path, f"have length less than or equal to {shape.metadata['max']}")
    if len(value) < shape.metadata.get("min", 0):
        yield failed(value, path, f"have length greater than or equal to {shape.metadata['min']}")


def string_breaches(shape: Shape, value: str, path: str) -> Iterator[str]:
    yield from size_breaches(shape, value, path)
    options = shape.metadata.get("enum")
    if options and value not in options:
        yield failed(value, path, f"satisfy enum value set: [{', '.join(options)}]")
    pattern = compiled(shape.metadata.get("pattern"))
    if pattern and not pattern.fullmatch(value):
        yield failed(value, path, f"satisfy regular expression pattern: {shape.metadata['pattern']}")


def number_breaches(shape: Shape, value: float, path: str) -> Iterator[str]:
    if value > shape.metadata.get("max", value):
        yield failed(value, path, f"have value less than or equal to {shape.metadata['max']}")
    if value < shape.metadata.get("min", value):
        yield failed(value, path, f"have value greater than or equal to {shape.metadata['min']}")


@cache
def compiled(pattern: str | None) -> re.Pattern[str] | None:
    if not pattern:
        return None
    for java, python in JAVA_CLASSES:
        pattern = pattern.replace(java, python)
    try:
        return re.compile(pattern)
    except re.error:
        return None


def strangers(shape: Shape | None, value: Any, path: str) -> Iterator[str]:
    """Members that the model does not know. (ParamValidator lets none pass either, but only in requests' top level.)"""
    if shape is None:
        return
    match shape.type_name:
        case "structure":
            for name, item in value.items():
                if name not in shape.members:
                    yield join(path, name)
                else:
                    yield from strangers(shape.members[name], item, join(path, name))
        case "list":
            for item in value:
                yield from strangers(shape.member, item, path)


def refuse(fault: str | None) -> None:
    if fault:
        raise invalid(fault)
