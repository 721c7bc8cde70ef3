"""Jobs: the API's side, and the worker that ingests what the queue tells of."""

from aws_cdk import aws_lambda_event_sources as sources
from constructs import Construct

from infra import grants_sagemaker
from infra.constructs.function import place_of
from infra.constructs.surroundings import Surroundings
from infra.functions import JOBS, WORKER
from infra.grants import consume

AT_ONCE = 4  # workers that the queue may start: a new account runs 10 functions at once, and the API needs some


class Jobs(Construct):
    def __init__(self, scope: Construct, identifier: str, around: Surroundings) -> None:
        super().__init__(scope, identifier)
        self.api = around.function(self, "Api", JOBS)
        self.worker = around.function(
            self,
            "Worker",
            WORKER,
            consume(around.jobs.queue.queue_arn),
            *grants_sagemaker.ask_models(place_of(around.options)),
        )
        self.worker.called.add_event_source(
            sources.SqsEventSource(
                around.jobs.queue, batch_size=1, report_batch_item_failures=True, max_concurrency=AT_ONCE
            )
        )
