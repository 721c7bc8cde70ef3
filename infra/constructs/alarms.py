"""What a person is told of, at one topic. All of it is tried again anyway; an alarm says that trying does not help."""

from collections.abc import Mapping, Sequence

from aws_cdk import Aws, Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra import names
from infra.constructs.function import Function
from infra.constructs.queue import Queue
from infra.options import Options

FIVE_MINUTES = Duration.minutes(5)
OWN = {
    "FailedDeletes": "Something billed should be gone for more than 10 minutes and is still there; it is tried again.",
    "PastTtl": "Something lives on past its time to live.",
    "SweepStops": "A sweep stopped: it would have taken more than a fifth of the fleet. Look at /admin/orphans.",
}


class Alarms(Construct):
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
        self._stage = options.stage
        self.topic = sns.Topic(self, "Topic", topic_name=names.prefixed(options.stage, "alarms"), enforce_ssl=True)
        # A topic with a policy of its own has lost the one that lets its account's alarms in.
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(f"{name}.amazonaws.com") for name in ("cloudwatch", "budgets")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        if options.alarm_email is not None:
            self.topic.add_subscription(subscriptions.EmailSubscription(options.alarm_email))
        for name, text in OWN.items():
            self._alarm(name, own_metric(options.stage, name), 1, text)
        for queue in queues:
            self._dead_letters(queue)
        errors = api.metric_server_error(period=FIVE_MINUTES, statistic="Sum")
        self._alarm("ServerErrors", errors, 5, "The API answered 5 or more requests with 5xx within 5 minutes.")
        for name, function in functions.items():
            if name != "authorizer":  # it fails to say 401, so any stranger could ring; what really fails is a 5xx
                self._function(name, function)
        # Of the whole account, for that is what Lambda limits: any function may use up what ours need.
        throttles = lambda_.Function.metric_all_throttles(period=FIVE_MINUTES, statistic="Sum")
        self._alarm("Throttles", throttles, 1, "Lambda throttled functions of this account: raise its concurrency.")

    def _dead_letters(self, queue: Queue) -> None:
        metric = queue.dead_letters.metric_approximate_number_of_messages_visible(
            period=FIVE_MINUTES, statistic="Maximum"
        )
        self._alarm(
            f"{queue.node.id}DeadLetters",
            metric,
            1,
            "Messages that no function could handle lie in the dead-letter queue.",
        )

    def _function(self, name: str, function: Function) -> None:
        title = name.capitalize()
        errors = function.function.metric_errors(period=FIVE_MINUTES, statistic="Sum")
        self._alarm(f"{title}Errors", errors, 3, f"{function.name} failed 3 or more times within 5 minutes.")

    def _alarm(self, name: str, metric: cloudwatch.IMetric, threshold: int, text: str) -> None:
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=names.alarm(self._stage, name),
            alarm_description=text,
            metric=metric,
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))


def own_metric(stage: str, name: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=names.METRICS,
        metric_name=name,
        dimensions_map={"Stage": stage},
        period=FIVE_MINUTES,
        statistic="Maximum",
    )
