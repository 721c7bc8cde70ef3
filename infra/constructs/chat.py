"""Chat, the data path: streamed through the Lambda Web Adapter on AWS, buffered where that layer is absent."""

from dataclasses import replace

from constructs import Construct

from infra import grants_sagemaker
from infra.constructs.function import place_of
from infra.constructs.surroundings import Surroundings
from infra.functions import CHAT, GATEWAY_TIMEOUT_S, LONGEST_S, STREAMING_HANDLER

# https://github.com/aws/aws-lambda-web-adapter: version 1.0.0
ADAPTER = "arn:{partition}:lambda:{region}:753240598075:layer:LambdaAdapterLayerArm64:27"
PORT = "8080"
TO_END_S = 30  # of the longest time that Lambda gives, for an answer that is cut to say so
ADAPTER_ENVIRONMENT = {
    "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
    "AWS_LWA_INVOKE_MODE": "response_stream",
    "AWS_LWA_PORT": PORT,
    "AWS_LWA_READINESS_CHECK_PATH": "/health",
}


class Chat(Construct):
    def __init__(self, scope: Construct, identifier: str, around: Surroundings) -> None:
        super().__init__(scope, identifier)
        place = place_of(around.options)
        asking = grants_sagemaker.ask_models(place)
        self.is_streamed = around.options.is_aws
        if self.is_streamed:
            adapter = ADAPTER.format(partition=place.partition, region=place.region)
            shape = replace(CHAT, handler=STREAMING_HANDLER)
            streaming = ADAPTER_ENVIRONMENT | {"LLMANAGER_ANSWER_WITHIN_S": str(LONGEST_S - TO_END_S)}
            self.api = around.function(self, "Api", shape, *asking, layers=(adapter,), **streaming)
        else:
            self.api = around.function(self, "Api", replace(CHAT, timeout_s=GATEWAY_TIMEOUT_S), *asking)
