"""A model's whole life through the functions: asked for over HTTP, made by messages, ended by the reaper."""

import json

import boto3
import pytest

from llmanager.kernel.errors import LLManagerError
from llmanager.wiring.aws.apps import READY_S
from llmanager.wiring.aws.functions import FUNCTIONS
from tests.lambdas.events import records, request, schedule
from tests.lambdas.stack import Stack, answered, called

ASKED = {"name": "greeter", "model": "qwen3-4b", "backend": "sagemaker", "sleep_after_s": 600}
ENOUGH_MINUTES = 40  # for whatever SageMaker does


class Fleet:
    """The functions, warm, and time that goes by a minute at a time as the schedules do."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.models = stack.function("models")
        self.reconciler = stack.function("reconciler")
        self.reaper = stack.function("reaper")
        self.watchdog = stack.function("watchdog")

    def post(self, path, status=200, **body):
        return answered(self.models, request("POST", path, body, key=self.stack.key), status)

    def status(self):
        return self.post("/model/status", name="greeter")["status"]

    def deliver(self):
        """What is in the queue, as the event source mapping does; how much it was."""
        bodies = self.stack.messages()
        if bodies:
            assert called(self.reconciler, records(*bodies)) == {"batchItemFailures": []}
        return len(bodies)

    def minute(self):
        self.stack.clock.advance(60)
        self.deliver()
        called(self.reconciler, schedule())
        called(self.reaper, schedule())

    def until(self, status):
        for _ in range(ENOUGH_MINUTES):
            if self.status() == status:
                return
            self.minute()
        assert self.status() == status

    def make(self, **more):
        self.post("/model/create", 202, **{**ASKED, **more})
        self.deliver()
        self.until("ready")


@pytest.fixture
def fleet(stack):
    return Fleet(stack)


def running(stack):
    """Instances that are paid for."""
    return [item for item in stack.cloud.billable() if item.instances]


def test_who_asks_for_a_model_creates_nothing_and_tells_the_reconciler(fleet, stack):
    fleet.post("/model/create", 202, **ASKED)
    assert not stack.cloud.billable()
    assert [json.loads(text) for text in stack.messages()] == [{"tenant": "acme", "name": "greeter"}]
    assert fleet.status() == "creating"


def test_the_message_has_it_made_at_once(fleet, stack):
    fleet.post("/model/create", 202, **ASKED)
    assert fleet.deliver() == 1
    assert stack.cloud.billable()


def test_it_becomes_ready_sleeps_when_nobody_uses_it_wakes_and_goes(fleet, stack):
    fleet.make()
    fleet.until("asleep")
    fleet.minute()
    fleet.post("/model/wake", 202, name="greeter")
    fleet.deliver()
    fleet.until("ready")
    fleet.post("/model/delete", 202, name="greeter")
    for _ in range(ENOUGH_MINUTES):
        fleet.minute()
    answered(fleet.models, request("POST", "/model/status", {"name": "greeter"}, key=stack.key), 404)
    assert not stack.cloud.billable()


def test_without_the_queue_the_round_makes_it(fleet, stack):
    fleet.post("/model/create", 202, **ASKED)
    stack.messages()  # lost
    fleet.until("ready")


def test_the_reaper_alone_ends_what_is_to_end(fleet, stack):
    fleet.make()
    fleet.post("/model/delete", 202, name="greeter")
    for _ in range(ENOUGH_MINUTES):
        stack.clock.advance(60)
        called(fleet.reaper, schedule())
    answered(fleet.models, request("POST", "/model/status", {"name": "greeter"}, key=stack.key), 404)
    assert not stack.cloud.billable()


def test_the_reaper_alone_creates_nothing(fleet, stack):
    fleet.post("/model/create", 202, **ASKED)
    for _ in range(5):
        stack.clock.advance(60)
        called(fleet.reaper, schedule())
    assert not stack.cloud.billable()


def test_an_admin_who_reaps_has_the_reconciler_do_it(fleet, stack):
    fleet.make(sleep_after_s=300)
    stack.messages()
    stack.clock.advance(900)
    before = stack.cloud.billable()
    told = fleet.post("/admin/reap", dry_run=False)
    assert [due["is_begun"] for due in told["due"]] == [True]
    assert stack.cloud.billable() == before, "this function may stop nothing"
    assert stack.messages()
    assert fleet.status() == "asleep"


def test_the_watchdog_ends_without_rows_what_nobody_renews(fleet, stack):
    fleet.make(sleep_after_s=10 * 86_400)
    for table in ("registry", "auth"):
        stack.dynamodb.delete_table(TableName=f"lm-test-{table}")
    for _ in range(ENOUGH_MINUTES):
        stack.clock.advance(3600)
        called(fleet.watchdog, schedule())
    assert not running(stack)


def test_the_fleet_is_told_with_its_vector_databases(fleet):
    fleet.make()
    told = fleet.post("/admin/fleet")
    assert [model["name"] for model in told["models"]] == ["greeter"]
    assert told["vdbs"] == []


def test_what_is_in_the_queue_and_makes_no_sense_comes_again_alone(fleet, stack):
    fleet.post("/model/create", 202, **ASKED)
    event = records("nonsense", *stack.messages())
    assert called(fleet.reconciler, event) == {
        "batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]
    }
    assert stack.cloud.billable()


def test_messages_for_which_there_is_no_time_come_again(fleet, stack):
    event = records('{"tenant": "acme", "name": "greeter"}')
    answer = called(fleet.reconciler, event, left_ms=2_000)
    assert len(answer["batchItemFailures"]) == 1


def test_rounds_and_reaper_count_what_alarms_look_at(capsys, fleet):
    called(fleet.reconciler, schedule())
    called(fleet.reaper, schedule())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    told = {name: value for line in lines for name, value in line.items() if name not in ("_aws", "Stage")}
    assert told == {"FailedDeletes": 0, "PastTtl": 0, "SweepStops": 0}


def test_health_asks_nobody_and_ready_asks_the_table(fleet, stack):
    assert answered(fleet.models, request("GET", "/health")) == {"status": "Healthy"}
    assert answered(fleet.models, request("GET", "/ready")) == {"status": "Ready"}
    stack.dynamodb.delete_table(TableName="lm-test-registry")
    stack.clock.advance(READY_S)
    answered(fleet.models, request("GET", "/ready"), 503)
    answered(fleet.models, request("GET", "/health"))


def test_the_reaper_gives_what_sagemaker_logs_an_end_once_an_hour(fleet, stack):
    logs = boto3.client("logs")
    names = [f"/aws/sagemaker/Endpoints/lm-test-{name}" for name in ("a", "b")]

    def kept():
        groups = logs.describe_log_groups(logGroupNamePrefix="/aws/sagemaker/")["logGroups"]
        return [group.get("retentionInDays") for group in groups]

    logs.create_log_group(logGroupName=names[0])
    called(fleet.reaper, schedule())
    assert kept() == [30]
    logs.create_log_group(logGroupName=names[1])
    stack.clock.advance(3540)
    called(fleet.reaper, schedule())
    assert kept() == [30, None]
    stack.clock.advance(60)
    called(fleet.reaper, schedule())
    assert kept() == [30, 30]


@pytest.mark.parametrize("name", ["models", "reconciler", "reaper", "watchdog"])
def test_a_function_that_was_not_told_its_account_says_so_when_it_starts(stack, monkeypatch, name):
    function = FUNCTIONS[name]
    monkeypatch.setitem(FUNCTIONS, name, type(function)(function.handler, function.group, function.tables))
    with pytest.raises(LLManagerError, match="is needed by this function"):
        stack.function(name)


def test_a_teardown_asks_the_reaper_until_nothing_is_left(fleet, stack):
    fleet.make()
    assert called(fleet.reaper, {"do": "empty"}) == {"models": ["greeter"], "indexes": []}
    assert fleet.status() == "deleting"
    for _ in range(ENOUGH_MINUTES):
        stack.clock.advance(60)
        left = called(fleet.reaper, {"do": "empty"})
    assert left == {"models": [], "indexes": []}
    assert not stack.cloud.billable()
