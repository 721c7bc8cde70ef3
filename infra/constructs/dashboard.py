"""One page that tells how a stage is."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra import names
from infra.constructs.alarms import OWN, own_metric
from infra.constructs.function import Function
from infra.constructs.queue import Queue
from infra.options import Options

PERIOD = Duration.minutes(5)


class Dashboard(Construct):
    def __init__(
        self,
        scope: Construct,
        identifier: str,
        options: Options,
        functions: Mapping[str, Function],
        queues: Sequence[Queue],
        api: apigateway.RestApi,
    ) -> None:
        super().__init__(scope, identifier)
        self.dashboard = cloudwatch.Dashboard(
            self, "Dashboard", dashboard_name=names.prefixed(options.stage, "llmanager")
        )
        lambdas = [function.function for function in functions.values()]
        self._row(
            ("Requests", [api.metric_count(period=PERIOD)]),
            ("Errors", [api.metric_client_error(period=PERIOD), api.metric_server_error(period=PERIOD)]),
            ("Latency, p50 and p99 (ms)", [api.metric_latency(period=PERIOD, statistic=s) for s in ("p50", "p99")]),
        )
        self._row(
            ("Functions: errors", [f.metric_errors(period=PERIOD) for f in lambdas]),
            ("Functions: duration (ms)", [f.metric_duration(period=PERIOD, statistic="p99") for f in lambdas]),
            ("Functions: at once", [f.metric("ConcurrentExecutions", period=PERIOD) for f in lambdas]),
        )
        waiting = [q.queue.metric_approximate_number_of_messages_visible(period=PERIOD) for q in queues]
        dead = [q.dead_letters.metric_approximate_number_of_messages_visible(period=PERIOD) for q in queues]
        self._row(
            ("Lifecycle: what should not be", [own_metric(options.stage, name) for name in OWN]),
            ("Queues: waiting", waiting),
            ("Queues: dead letters", dead),
        )

    def _row(self, *graphs: tuple[str, Sequence[cloudwatch.IMetric]]) -> None:
        self.dashboard.add_widgets(
            *(cloudwatch.GraphWidget(title=title, left=list(metrics), width=8) for title, metrics in graphs)
        )
