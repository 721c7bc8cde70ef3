"""Everything that can be made anew from the code and the stateful stack: functions, queues, the API, alarms."""

from aws_cdk import CfnOutput, Duration, Environment, Stack
from constructs import Construct

from infra import names
from infra.constructs.alarms import Alarms
from infra.constructs.auth import Auth
from infra.constructs.budget import Budget
from infra.constructs.chat import Chat
from infra.constructs.dashboard import Dashboard
from infra.constructs.gateway import Gateway
from infra.constructs.history import History
from infra.constructs.jobs import Jobs
from infra.constructs.models import Models
from infra.constructs.queue import Queue
from infra.constructs.reaper import Reaper
from infra.constructs.sagemaker_role import SageMakerRole
from infra.constructs.surroundings import Surroundings
from infra.constructs.vdb import Vdb
from infra.constructs.vectors import Vectors
from infra.constructs.watchdog import Watchdog
from infra.functions import RECONCILER, WORKER
from infra.options import Options

UNTIL_SEEN_AGAIN = 6  # times a function's longest run: AWS's own advice for queues that start functions
NO_OPENSEARCH = "http://127.0.0.1:9200"
SEARCHERS = ("vdb", "worker", "reaper", "chat")


class ServiceStack(Stack):
    def __init__(self, scope: Construct, options: Options) -> None:
        super().__init__(
            scope,
            "Service",
            stack_name=names.stack(options.stage, "service"),
            description=f"LLManager {options.stage}: functions, queues, the API, alarms",
            env=Environment(region=options.region),
            tags={names.STAGE_TAG: options.stage},
        )
        self._options = options
        self._vectors = Vectors(self, "Vectors", options) if options.is_aws else None
        around = self._surroundings()
        auth = Auth(self, "Auth", around)
        Models(self, "Models", around)
        History(self, "History", around)
        Jobs(self, "Jobs", around)
        Vdb(self, "Vdb", around)
        chat = Chat(self, "Chat", around)
        Reaper(self, "Reaper", around)
        Watchdog(self, "Watchdog", around)
        functions = around.functions
        if self._vectors is not None:
            self._vectors.open_to({name: functions[name] for name in SEARCHERS})
        streamed = ("chat",) if chat.is_streamed else ()
        self.gateway = Gateway(self, "Gateway", options, functions, streamed=streamed)
        queues = (around.reconcile, around.jobs)
        self.alarms = Alarms(self, "Alarms", options, functions, queues, self.gateway.api)
        Dashboard(self, "Dashboard", options, functions, queues, self.gateway.api)
        if options.is_aws:
            Budget(self, "Budget", options, self.alarms.topic.topic_arn)
        self._outputs(auth)

    def _surroundings(self) -> Surroundings:
        options = self._options
        return Surroundings(
            self,
            options,
            reconcile=Queue(
                self,
                "ReconcileQueue",
                options,
                name="reconcile",
                visibility=Duration.seconds(RECONCILER.timeout_s * UNTIL_SEEN_AGAIN),
            ),
            jobs=Queue(
                self,
                "JobsQueue",
                options,
                name="jobs",
                visibility=Duration.seconds(WORKER.timeout_s + 60),
            ),
            execution_role_arn=SageMakerRole(self, "SageMaker", options).role.role_arn,
            opensearch_url=self._vectors.url if self._vectors else options.opensearch_url or NO_OPENSEARCH,
        )

    def _outputs(self, auth: Auth) -> None:
        stage = self._options.stage
        for name, value in {
            "Stage": stage,
            "Region": self._options.region,
            "ApiId": self.gateway.api.rest_api_id,
            "ApiUrl": self.gateway.api.url,
            "AdminSecret": names.admin_secret(stage),
            "AuthFunction": auth.api.name,
            "ReaperFunction": names.prefixed(stage, "reaper"),
            "AlarmTopic": self.alarms.topic.topic_arn,
        }.items():
            CfnOutput(self, name, value=value)
