"""The control plane over HTTP: SageMaker, Application Auto Scaling, CloudWatch and the tagging API at one address."""

import logging

from aiohttp import web
from botocore.exceptions import ClientError, ParamValidationError

from emulator.cloud import Cloud
from emulator.contract import ContractBreach, contract
from emulator.errors import Refusal, invalid
from emulator.http.credentials import Denied, signed_for
from emulator.http.wire import Call, answered, called, read, refused

log = logging.getLogger(__name__)


class Control:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        call: Call | None = None
        try:
            call = called(request.headers, request.path)
            return self._answer(call, request, body)
        except Refusal as refusal:
            return refused(call, refusal.code, refusal.message, 403 if isinstance(refusal, Denied) else 400)
        except ClientError as error:
            said = error.response["Error"]
            return refused(call, said["Code"], said["Message"], error.response["ResponseMetadata"]["HTTPStatusCode"])
        except ContractBreach as breach:
            log.error("the emulator is wrong: %s", breach)
            return refused(call, "InternalFailure", f"The emulator is wrong: {breach}", 500)

    def _answer(self, call: Call, request: web.Request, body: bytes) -> web.Response:
        scope = signed_for(request.headers, signing_name(call.service))
        params = read(call, body)
        try:
            return answered(call, self._cloud.call(call.service, call.operation, params, scope.region))
        except ParamValidationError as error:  # boto3 would not have sent it
            raise invalid(str(error)) from None


def signing_name(service: str) -> str:
    metadata = contract(service).model.metadata
    return str(metadata.get("signingName", metadata["endpointPrefix"]))
