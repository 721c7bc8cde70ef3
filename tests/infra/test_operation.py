"""What runs, what wakes it, what a person is told of, and what is left when something fails."""

import json

import pytest

from tests.infra.templates import plain

NAMES = {"authorizer", "auth", "models", "reconciler", "reaper", "watchdog", "history", "vdb", "jobs", "worker", "chat"}


def properties(stage, kind):
    return [resource["Properties"] for resource in stage.of_type(kind).values()]


def logical_name(stage, reference):
    """Our name of the function that a target or mapping refers to by Ref or Arn."""
    (id_,) = [id_ for id_ in stage.of_type("AWS::Lambda::Function") if id_ in plain(reference)]
    return stage.resources[id_]["Properties"]["FunctionName"].removeprefix("lm-dev-")


def test_there_is_a_function_for_each_job(aws, emulated):
    assert set(aws.functions) == set(emulated.functions) == NAMES


def test_functions_run_on_arm_with_pinned_python_and_emulated_ones_on_the_emulators_own(aws, emulated):
    assert {(f["Runtime"], *f["Architectures"]) for f in aws.functions.values()} == {("python3.13", "arm64")}
    assert {(f["Runtime"], *f["Architectures"]) for f in emulated.functions.values()} == {("python3.11", "x86_64")}


def test_schedules_are_the_reconcilers_the_reapers_and_the_watchdogs(aws):
    rules = properties(aws, "AWS::Events::Rule")
    found = {logical_name(aws, rule["Targets"][0]["Arn"]): rule["ScheduleExpression"] for rule in rules}
    assert found == {"reconciler": "rate(1 minute)", "reaper": "rate(1 minute)", "watchdog": "rate(5 minutes)"}
    for rule in rules:
        assert rule["State"] == "ENABLED"
        assert rule["Targets"][0]["RetryPolicy"]["MaximumRetryAttempts"] == 0  # the next one sees what this one missed


def test_queues_start_their_functions_and_report_each_message_apart(aws):
    mappings = properties(aws, "AWS::Lambda::EventSourceMapping")
    assert {logical_name(aws, m["FunctionName"]): m["BatchSize"] for m in mappings} == {"reconciler": 10, "worker": 1}
    for mapping in mappings:
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_queues_leave_room_for_the_api_in_a_new_account(aws):
    """Lambda runs ten functions at once there."""
    most = [m["ScalingConfig"]["MaximumConcurrency"] for m in properties(aws, "AWS::Lambda::EventSourceMapping")]
    assert min(most) >= 2  # Lambda takes no less
    assert sum(most) <= 6


def test_every_queue_has_a_dead_letter_queue_that_keeps_for_two_weeks(aws):
    queues = {queue["QueueName"]: queue for queue in properties(aws, "AWS::SQS::Queue")}
    assert set(queues) == {"lm-dev-reconcile", "lm-dev-reconcile-dead", "lm-dev-jobs", "lm-dev-jobs-dead"}
    assert {queue["SqsManagedSseEnabled"] for queue in queues.values()} == {True}
    for name in ("reconcile", "jobs"):
        assert queues[f"lm-dev-{name}"]["RedrivePolicy"]["maxReceiveCount"] == 5
        assert queues[f"lm-dev-{name}-dead"]["MessageRetentionPeriod"] == 14 * 86400


@pytest.mark.parametrize(("queue", "function"), [("reconcile", "reconciler"), ("jobs", "worker")])
def test_a_message_is_not_seen_again_while_a_function_may_still_work_on_it(aws, queue, function):
    (found,) = [q for q in properties(aws, "AWS::SQS::Queue") if q["QueueName"] == f"lm-dev-{queue}"]
    assert found["VisibilityTimeout"] > aws.functions[function]["Timeout"]


def test_logs_of_every_function_and_of_the_gateway_end_after_a_month(aws):
    groups = {group["LogGroupName"]: group for group in properties(aws, "AWS::Logs::LogGroup")}
    assert set(groups) == {f"/aws/lambda/lm-dev-{name}" for name in NAMES} | {"/aws/apigateway/lm-dev-access"}
    assert {group["RetentionInDays"] for group in groups.values()} == {30}


def test_a_person_is_told_of_what_does_not_mend_itself(aws):
    found = properties(aws, "AWS::CloudWatch::Alarm")
    alarms = {alarm["AlarmName"].removeprefix("llmanager-dev-"): alarm for alarm in found}
    # The authorizer says 401 by failing: strangers with wrong keys must not ring.
    of_functions = {f"{name.capitalize()}Errors" for name in NAMES if name != "authorizer"}
    assert set(alarms) == of_functions | {
        "FailedDeletes",
        "PastTtl",
        "SweepStops",
        "ReconcileQueueDeadLetters",
        "JobsQueueDeadLetters",
        "ServerErrors",
        "Throttles",
    }
    (topic,) = aws.of_type("AWS::SNS::Topic")
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == [{"Ref": topic}]
        assert alarm["TreatMissingData"] == "notBreaching"
    for name in ("FailedDeletes", "PastTtl", "SweepStops"):
        assert (alarms[name]["Namespace"], alarms[name]["MetricName"]) == ("LLManager", name)
        assert alarms[name]["Dimensions"] == [{"Name": "Stage", "Value": "dev"}]
        assert alarms[name]["Threshold"] == 1


def test_lambda_does_not_end_the_chains_of_messages_that_the_product_bounds(aws):
    """It would take the sixteenth in a row for a loop, and put it to the dead letters."""
    loops = {name: function.get("RecursiveLoop") for name, function in aws.functions.items()}
    assert {name for name, loop in loops.items() if loop == "Allow"} == {"reconciler", "worker"}
    assert set(loops.values()) == {None, "Allow"}


def test_no_function_may_delete_them(aws):
    """The reaper deletes models' wake alarms, which begin with lm-dev-."""
    names = [alarm["AlarmName"] for alarm in properties(aws, "AWS::CloudWatch::Alarm")]
    assert [name for name in names if name.startswith("lm-")] == []


def test_there_is_one_dashboard_and_it_is_json(aws):
    (dashboard,) = properties(aws, "AWS::CloudWatch::Dashboard")
    body = json.loads(plain(dashboard["DashboardBody"]))
    assert len(body["widgets"]) == 9


def test_the_budget_counts_what_carries_the_stages_tag_and_tells_the_topic(aws):
    (budget,) = properties(aws, "AWS::Budgets::Budget")
    assert budget["Budget"]["CostFilters"] == {"TagKeyValue": ["user:llmanager:stage$dev"]}
    assert budget["Budget"]["BudgetLimit"] == {"Amount": 100, "Unit": "USD"}
    assert len(budget["NotificationsWithSubscribers"]) == 3
    (policy,) = properties(aws, "AWS::SNS::TopicPolicy")
    assert "budgets.amazonaws.com" in publishers(policy)


def publishers(policy):
    (allowed,) = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
    assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    return allowed["Principal"]["Service"]


def test_alarms_may_publish_to_the_topic(aws):
    """Its own policy replaces the one that would have let them."""
    (policy,) = properties(aws, "AWS::SNS::TopicPolicy")
    assert "cloudwatch.amazonaws.com" in publishers(policy)


def test_the_collection_sleeps_at_no_cost_and_has_a_ceiling(aws):
    (group,) = properties(aws, "AWS::OpenSearchServerless::CollectionGroup")
    assert group["Generation"] == "NEXTGEN"
    assert group["CapacityLimits"] == {
        "MinSearchCapacityInOcu": 0,
        "MaxSearchCapacityInOcu": 4,
        "MinIndexingCapacityInOcu": 0,
        "MaxIndexingCapacityInOcu": 4,
    }
    (collection,) = properties(aws, "AWS::OpenSearchServerless::Collection")
    assert (collection["Type"], collection["CollectionGroupName"]) == ("VECTORSEARCH", group["Name"])


def test_who_searches_may_touch_the_stages_indexes_and_nothing_else(aws):
    (policy,) = properties(aws, "AWS::OpenSearchServerless::AccessPolicy")
    (statement,) = json.loads(plain(policy["Policy"]))
    (rule,) = statement["Rules"]
    assert rule["Resource"] == ["index/lm-dev-vectors/*"]
    may_call = {name for name in NAMES if "aoss:APIAccessAll" in aws.allowed(name)}
    assert may_call == {name for name in NAMES if "LLMANAGER_OPENSEARCH" in aws.environment(name)}
    assert len(statement["Principal"]) == len(may_call) == 4


def test_outputs_tell_what_a_deployment_goes_on_with(aws, emulated):
    for stage in (aws, emulated):
        told = stage.outputs("Service")
        assert {"ApiId", "ApiUrl", "Stage", "AdminSecret", "AuthFunction", "ReaperFunction"} <= told.keys()
        assert (told["Stage"], told["AdminSecret"], told["AuthFunction"]) == ("dev", "lm-dev-admin-key", "lm-dev-auth")
        tables = {name for name in stage.outputs("Stateful") if name.startswith("Table")}
        assert len(tables) == 8


def test_what_a_deployment_chooses_is_what_it_gets(aws, second_stage):
    (subscription,) = properties(second_stage, "AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "someone@example.com")
    assert properties(aws, "AWS::SNS::Subscription") == []
    (budget,) = properties(second_stage, "AWS::Budgets::Budget")
    assert budget["Budget"]["BudgetLimit"]["Amount"] == 7
    assert second_stage.environment("models")["LLMANAGER_MAX_INSTANCES"] == "2"
    assert "LLMANAGER_MAX_INSTANCES" not in aws.environment("models")  # the product's own default
    assert {f["TracingConfig"]["Mode"] for f in second_stage.functions.values()} == {"Active"}


def test_with_snap_start_callers_get_the_published_version(aws, second_stage):
    started = {name for name, f in second_stage.functions.items() if "SnapStart" in f}
    assert started == NAMES - {"worker"}  # whose disk is too large for Lambda to take a snapshot of
    assert not any("SnapStart" in f for f in aws.functions.values())
    versions = second_stage.of_type("AWS::Lambda::Version")
    assert len(versions) == len(started)
    uris = [plain(m["Integration"]["Uri"]) for m in properties(second_stage, "AWS::ApiGateway::Method")]
    assert all(any(version in uri for version in versions) for uri in uris)
