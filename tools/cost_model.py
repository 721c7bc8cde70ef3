"""What a stage costs, from its templates, prices and assumptions. Pure arithmetic; cost_page.py writes it down."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Prices = Mapping[str, float]
KIB_A_GB = 1024 * 1024
MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True)
class Stage:
    """What costs money about a stage, counted in its templates."""

    alarms: int
    own_metrics: int
    dashboards: int
    secrets: int
    polled_queues: int
    scheduled: tuple[tuple[str, float, float], ...]  # function, runs a day, its memory in GiB
    chat_gib: float
    authorizer_gib: float


@dataclass(frozen=True)
class Line:
    """`usd`: at list price; `usd_after_free`: after what AWS gives every account each month."""

    what: str
    how: str
    usd: float
    usd_after_free: float


@dataclass(frozen=True)
class Use:
    queries_a_day: int
    told: str
    control_usd: float  # of each a month: what is ours
    search_usd: float
    embedder_usd: float
    model_usd: float
    instances: int

    @property
    def month_usd(self) -> float:
        return self.control_usd + self.search_usd + self.embedder_usd + self.model_usd

    def query_usd(self, days: int) -> float:
        return self.month_usd / (self.queries_a_day * days)


def counted(resources: Mapping[str, Mapping[str, Any]]) -> Stage:
    """Of all stacks' resources, by logical id."""

    def of(kind: str) -> dict[str, Mapping[str, Any]]:
        return {id_: found["Properties"] for id_, found in resources.items() if found["Type"] == kind}

    functions = of("AWS::Lambda::Function")
    memory_gib = {p["FunctionName"].split("-", 2)[2]: p["MemorySize"] / 1024 for p in functions.values()}
    alarms = of("AWS::CloudWatch::Alarm").values()
    return Stage(
        alarms=len(alarms),
        own_metrics=len({alarm["MetricName"] for alarm in alarms if alarm["Namespace"] == "LLManager"}),
        dashboards=len(of("AWS::CloudWatch::Dashboard")),
        secrets=len(of("AWS::SecretsManager::Secret")),
        polled_queues=len(of("AWS::Lambda::EventSourceMapping")),
        scheduled=tuple(
            (name, MINUTES_A_DAY / minutes, memory_gib[name])
            for name, minutes in sorted(schedules(of("AWS::Events::Rule"), functions))
        ),
        chat_gib=memory_gib["chat"],
        authorizer_gib=memory_gib["authorizer"],
    )


def schedules(
    rules: Mapping[str, Mapping[str, Any]], functions: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, int]]:
    found = []
    for rule in rules.values():
        target = rule["Targets"][0]["Arn"]["Fn::GetAtt"][0]
        minutes = re.fullmatch(r"rate\((\d+) minutes?\)", rule["ScheduleExpression"])
        if minutes is None:
            raise ValueError(f"a schedule of another kind: {rule['ScheduleExpression']}")
        found.append((functions[target]["FunctionName"].split("-", 2)[2], int(minutes[1])))
    return found


def idle(stage: Stage, prices: Prices, free: Prices, assumed: Prices, days: int) -> list[Line]:
    """A month in which nobody asks anything and no model runs."""
    runs = sum(a_day for _, a_day, _ in stage.scheduled) * days
    gib_s = sum(a_day * gib for _, a_day, gib in stage.scheduled) * days * assumed["scheduled_run_s"]
    polls = stage.polled_queues * assumed["queue_polls_a_minute"] * MINUTES_A_DAY * days
    log_gb = runs * assumed["scheduled_run_log_kb"] / KIB_A_GB
    reads = runs * assumed["scheduled_run_read_units"] / 1e6
    lists = assumed["blob_lists_an_hour"] * 24 * days
    rows_gb, restore = assumed["stored_rows_gb"], prices["dynamodb_restore_gb_month"]

    def line(what: str, how: str, amount: float, price: float, given: float = 0.0) -> Line:
        return Line(what, how, amount * price, max(0.0, amount - given) * price)

    return [
        line("Alarms", f"{stage.alarms}", stage.alarms, prices["alarm_month"], free["alarms"]),
        line(
            "Own metrics",
            f"{stage.own_metrics}",
            stage.own_metrics,
            prices["custom_metric_month"],
            free["custom_metrics"],
        ),
        line("Dashboard", f"{stage.dashboards}", stage.dashboards, prices["dashboard_month"], free["dashboards"]),
        line("Secret", f"{stage.secrets}", stage.secrets, prices["secret_month"]),
        line(
            "Functions on schedule",
            f"{runs:,.0f} runs, {gib_s:,.0f} GiB s",
            gib_s,
            prices["lambda_arm_gib_second"],
            free["lambda_gib_seconds"],
        ),
        line(
            "Calls of functions",
            f"{runs:,.0f}",
            runs / 1e6,
            prices["lambda_million_requests"],
            free["lambda_requests"] / 1e6,
        ),
        line(
            "Queues, polled by Lambda",
            f"{polls:,.0f} requests",
            polls / 1e6,
            prices["sqs_million_requests"],
            free["sqs_requests"] / 1e6,
        ),
        line("Logs", f"{log_gb:.2f} GB", log_gb, prices["log_gb"], free["log_gb"]),
        line("Rows, read", f"{reads:.2f} million units", reads, prices["dynamodb_million_read_units"]),
        line("Rows, kept", f"{rows_gb:g} GB", rows_gb, prices["dynamodb_gb_month"], free["dynamodb_gb"]),
        line("Rows, restorable", f"{rows_gb:g} GB", rows_gb, restore),
        line("Blobs, kept", f"{assumed['stored_blobs_gb']:g} GB", assumed["stored_blobs_gb"], prices["s3_gb_month"]),
        line("Blobs, listed", f"{lists:,.0f} requests", lists / 1000, prices["s3_thousand_lists"]),
        line(
            "Vector index, kept",
            f"{assumed['stored_index_gb']:g} GB, 0 OCU",
            assumed["stored_index_gb"],
            prices["opensearch_gb_month"],
        ),
    ]


def overhead_usd(stage: Stage, prices: Prices, assumed: Prices) -> float:
    """Of one question: everything but models and search."""
    gib_s = assumed["query_stream_s"] * stage.chat_gib
    gib_s += assumed["query_authorizer_share"] * assumed["query_authorizer_s"] * stage.authorizer_gib
    calls = 1 + assumed["query_authorizer_share"]
    return (
        gib_s * prices["lambda_arm_gib_second"]
        + calls * prices["lambda_million_requests"] / 1e6
        + prices["api_gateway_rest_million_requests"] / 1e6
        + assumed["query_read_units"] * prices["dynamodb_million_read_units"] / 1e6
        + assumed["query_write_units"] * prices["dynamodb_million_write_units"] / 1e6
        + assumed["query_log_kb"] / KIB_A_GB * prices["log_gb"]
    )


def used(stage: Stage, prices: Prices, assumed: Prices, days: int, pattern: Mapping[str, Any], idle_usd: float) -> Use:
    """A month of a pattern, idle costs included. Models run while asked, and for their wake and their tail."""
    queries, bursts, hours = pattern["queries_a_day"], pattern["bursts_a_day"], pattern["hours_a_burst"]
    peak_a_s = queries / (bursts * hours * 3600) * assumed["peak_over_mean"]
    instances = max(1, math.ceil(peak_a_s / assumed["model_queries_a_second"]))
    model_h = bursts * (hours + assumed["wake_h"] + assumed["model_tail_h"]) * days
    search_h = bursts * (hours + assumed["search_sleeps_after_h"]) * days
    model_log_gb = queries * days * assumed["query_model_log_kb"] / KIB_A_GB
    models_alarms = 2 * assumed["alarms_a_model"] * prices["alarm_month"]
    return Use(
        queries_a_day=queries,
        told=pattern["told"],
        control_usd=idle_usd + models_alarms + queries * days * overhead_usd(stage, prices, assumed),
        search_usd=search_h * assumed["search_ocu_awake"] * prices["opensearch_ocu_hour"],
        embedder_usd=model_h * prices["embedder_instance_hour"],
        model_usd=model_h * instances * prices["model_instance_hour"] + model_log_gb * prices["log_gb"],
        instances=instances,
    )
