"""What the functions of a stage share: queues, the role of models, vectors. From it come their settings and rights."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from aws_cdk import Aws
from constructs import Construct

from infra import grants, names
from infra.constructs.function import Function, json_of, place_of
from infra.constructs.queue import Queue
from infra.functions import ALL_SETTINGS, Shape
from infra.grants import Grant
from infra.options import Options

MAX_FILE_MIB = 512  # what S3 copies within the time of a request (docs/aws_storage.md)
MAX_BODY_MIB = 6  # of Lambda: the whole event, base64 included, so a body's own limit is a little lower
SECONDS_TO_WAKE = 600  # most models take 3 to 9 minutes; how long a request may take in all is another setting


@dataclass
class Surroundings:
    scope: Construct
    options: Options
    reconcile: Queue
    jobs: Queue
    execution_role_arn: str
    opensearch_url: str
    functions: dict[str, Function] = field(default_factory=dict)

    def function(
        self, scope: Construct, identifier: str, shape: Shape, *more: Grant, layers: tuple[str, ...] = (), **env: str
    ) -> Function:
        made = Function(
            scope,
            identifier,
            self.options,
            shape,
            {**self.environment(shape), **env},
            (*self.grants(shape), *more),
            layers,
        )
        self.functions[shape.name] = made
        return made

    def environment(self, shape: Shape) -> dict[str, str]:
        values = self._values(shape)
        wanted = (*ALL_SETTINGS, *shape.settings)
        return {name: values[name] for name in wanted if name in values}

    def _values(self, shape: Shape) -> dict[str, str]:
        stage = self.options.stage
        kind = "serverless" if self.options.is_aws else "open"
        fixed = {
            "LLMANAGER_STAGE": stage,
            "LLMANAGER_TABLES": json_of(self.scope, {name: names.table(stage, name) for name in sorted(shape.tables)}),
            "LLMANAGER_BUCKET": names.bucket(stage, Aws.ACCOUNT_ID, self.options.region),
            "LLMANAGER_RECONCILE_QUEUE_URL": self.reconcile.queue.queue_url,
            "LLMANAGER_JOBS_QUEUE_URL": self.jobs.queue.queue_url,
            "LLMANAGER_OPENSEARCH": json_of(self.scope, {"url": self.opensearch_url, "kind": kind}),
            "LLMANAGER_SAGEMAKER": json_of(
                self.scope, {"region": self.options.region, "role_arn": self.execution_role_arn}
            ),
            "LLMANAGER_ADMIN_SECRET": names.admin_secret(stage),
            "LLMANAGER_MAX_BODY_MIB": str(MAX_BODY_MIB),
            "LLMANAGER_MAX_FILE_MIB": str(MAX_FILE_MIB),
            "LLMANAGER_WAKE_TIMEOUT_S": str(SECONDS_TO_WAKE),
        }
        return {**fixed, **self.options.settings}

    def grants(self, shape: Shape) -> Iterator[Grant]:
        place = place_of(self.options)
        yield from grants.tables(place, shape.reads, shape.uses)
        if "LLMANAGER_BUCKET" in shape.settings:
            yield from grants.use_blobs(place)
        if "LLMANAGER_RECONCILE_QUEUE_URL" in shape.settings:
            yield grants.send(self.reconcile.queue.queue_arn)
        if "LLMANAGER_JOBS_QUEUE_URL" in shape.settings:
            yield grants.send(self.jobs.queue.queue_arn)
