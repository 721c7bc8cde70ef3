"""Models: the API's side, and the reconciler, the only function that may make or change anything on SageMaker."""

from aws_cdk import Duration
from aws_cdk import aws_lambda_event_sources as sources
from constructs import Construct

from infra import grants_sagemaker
from infra.constructs.function import place_of
from infra.constructs.surroundings import Surroundings
from infra.functions import MODELS, RECONCILER
from infra.grants import consume

AT_ONCE = 2  # reconcilers that the queue may start, the least there is; each takes up to ten models


class Models(Construct):
    def __init__(self, scope: Construct, identifier: str, around: Surroundings) -> None:
        super().__init__(scope, identifier)
        place = place_of(around.options)
        self.api = around.function(self, "Api", MODELS, *grants_sagemaker.look(place))
        self.reconciler = around.function(
            self,
            "Reconciler",
            RECONCILER,
            consume(around.reconcile.queue.queue_arn),
            *grants_sagemaker.take_away(place),
            *grants_sagemaker.retag(place),
            *grants_sagemaker.make(place, around.execution_role_arn),
            grants_sagemaker.nowhere_else(place),
        )
        self.reconciler.called.add_event_source(
            sources.SqsEventSource(
                around.reconcile.queue,
                batch_size=10,
                max_batching_window=Duration.seconds(0),
                report_batch_item_failures=True,
                max_concurrency=AT_ONCE,
            )
        )
        self.reconciler.every(1)
