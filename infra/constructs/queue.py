"""A queue and where its messages go that nobody could handle."""

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra import names
from infra.options import Options

TRIES = 5
KEPT = Duration.days(14)


class Queue(Construct):
    def __init__(self, scope: Construct, identifier: str, options: Options, *, name: str, visibility: Duration) -> None:
        super().__init__(scope, identifier)
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            queue_name=names.prefixed(options.stage, f"{name}-dead"),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=KEPT,
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=names.prefixed(options.stage, name),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            visibility_timeout=visibility,
            retention_period=Duration.days(4),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=TRIES),
        )
