"""AWS's wire formats, by botocore's own parsers and serialisers turned round: a request is read as an answer would be.

JSON (the target in a header) and smithy's RPC v2 CBOR (the target in the path); an answer is of its request's kind.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from aiohttp import web
from botocore.model import OperationModel
from botocore.parsers import ResponseParserFactory
from botocore.serialize import create_serializer

from emulator.contract import contract, session
from emulator.errors import Params, Refusal
from emulator.operations import OPERATIONS

JSON, CBOR = "json", "smithy-rpc-v2-cbor"
EMPTY = {JSON: b"{}", CBOR: b"\xa0"}
UNREADABLE = (AttributeError, KeyError, TypeError, ValueError, IndexError)


@dataclass(frozen=True)
class Call:
    service: str
    operation: str
    protocol: str


@cache
def services() -> dict[str, str]:
    """By the name that requests call them: SageMaker, AnyScaleFrontendService and so on."""
    return {contract(service).model.metadata["targetPrefix"]: service for service in OPERATIONS}


def called(headers: Mapping[str, str], path: str) -> Call:
    """What a request asks for. Raises Refusal where that is not emulated."""
    parts = path.strip("/").split("/")
    if len(parts) == 4 and (parts[0], parts[2]) == ("service", "operation"):
        protocol, prefix, operation = CBOR, parts[1], parts[3]
    else:
        protocol = JSON
        prefix, _, operation = headers.get("X-Amz-Target", "").rpartition(".")
    service = services().get(prefix)
    if service is None or operation not in OPERATIONS[service]:
        raise Refusal(
            "UnknownOperationException",
            f"Not emulated: {prefix or path} {operation}. emulator/operations.py lists what is; the protocols are JSON "
            "and RPC v2 CBOR.",
        )
    return Call(service, operation, protocol)


def read(call: Call, body: bytes) -> Params:
    """The parameters of a request. What the model does not name is passed over, as AWS does."""
    shape = contract(call.service).operation(call.operation).input_shape
    body = body or EMPTY[call.protocol]
    try:
        if call.protocol == JSON and not isinstance(json.loads(body), dict):
            raise ValueError
        parser = ResponseParserFactory().create_parser(call.protocol)
        params: Params = parser.parse({"body": body, "headers": {}, "status_code": 200}, shape)
    except UNREADABLE:
        raise Refusal("SerializationException", f"The body is not what {call.operation} takes.") from None
    params.pop("ResponseMetadata", None)
    return params


def answered(call: Call, answer: Params) -> web.Response:
    told = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
    serializer = create_serializer(call.protocol, include_validation=False)
    body = serializer.serialize_to_request(told, mirrored(call.service, call.operation))["body"]
    return web.Response(body=body or EMPTY[call.protocol], headers=headers_of(call))


@cache
def mirrored(service: str, name: str) -> OperationModel:
    """An operation that takes what the real one answers."""
    described: dict[str, Any] = session().get_component("data_loader").load_service_model(service, "service-2")
    operation = dict(described["operations"][name])
    operation["input"] = operation.pop("output", None)
    if operation["input"] is None:
        del operation["input"]
    return OperationModel(operation, contract(service).model, name)


def refused(call: Call | None, code: str, message: str, status: int) -> web.Response:
    """An error answer, in the format of the request as far as that is known."""
    headers = headers_of(call)
    if call is not None and "awsQueryCompatible" in contract(call.service).model.metadata:
        headers["x-amzn-query-error"] = f"{code};{'Sender' if status < 500 else 'Receiver'}"
    said = {"__type": code, "message": message}
    is_cbor = call is not None and call.protocol == CBOR
    body = cbor_of(said) if is_cbor else json.dumps(said).encode()
    return web.Response(body=body, status=status, headers=headers)


def cbor_of(said: Mapping[str, str]) -> bytes:
    """A small map of texts: all that an error is. https://www.rfc-editor.org/rfc/rfc8949#section-3"""
    texts = [text.encode() for pair in said.items() for text in pair]
    return bytes([0xA0 | len(said)]) + b"".join(b"\x79" + len(text).to_bytes(2, "big") + text for text in texts)


def headers_of(call: Call | None) -> dict[str, str]:
    headers = {"x-amzn-RequestId": str(uuid.uuid4())}
    if call is not None and call.protocol == CBOR:
        return headers | {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
    return headers | {"Content-Type": "application/x-amz-json-1.1"}
