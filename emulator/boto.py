"""A real boto3 client whose calls end in the emulator: botocore serialises and validates, nothing is sent."""

from typing import Any

from botocore.awsrequest import create_request_object
from botocore.exceptions import ClientError

from emulator.cloud import Cloud
from emulator.errors import Params
from emulator.operations import OPERATIONS

PARAMS = "emulated_params"


class Answered:
    """The little that botocore asks of an HTTP response once it is parsed."""

    def __init__(self, status_code: int) -> None:
        self.status_code = status_code
        self.headers: dict[str, str] = {}


def connect(client: Any, cloud: Cloud) -> None:
    """Route a boto3 client into the cloud, in the client's region.

    The client's own `before-send` handlers run as usual: after the gate, right before the effect.
    """
    model = client.meta.service_model
    service, service_id = model.service_name, model.service_id.hyphenize()
    if service not in OPERATIONS:
        raise ValueError(f"{service} is not emulated; {', '.join(OPERATIONS)} are")

    def keep_params(params: Params, context: dict[str, Any], **_: Any) -> None:
        context[PARAMS] = params

    def answer(model: Any, params: Params, context: dict[str, Any], **_: Any) -> tuple[Answered, Params]:
        if model.name not in OPERATIONS[service]:
            raise NotImplementedError(f"{service} {model.name} is not emulated (see emulator/operations.py)")

        def before_send(operation: str) -> None:
            request = create_request_object(params).prepare()
            client.meta.events.emit(f"before-send.{service_id}.{operation}", request=request)

        try:
            found = cloud.call(service, model.name, context[PARAMS], client.meta.region_name, before_send)
        except ClientError as error:
            metadata = error.response["ResponseMetadata"]
            return Answered(metadata["HTTPStatusCode"]), dict(error.response)
        return Answered(found["ResponseMetadata"]["HTTPStatusCode"]), found

    client.meta.events.register_last(f"before-parameter-build.{service_id}", keep_params)
    client.meta.events.register_last(f"before-call.{service_id}", answer)
