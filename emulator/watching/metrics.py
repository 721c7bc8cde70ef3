"""CloudWatch metrics of inference components: late, and absent where nothing ran.

A period in which no copy was up has no data at all, and neither has the last `metrics_lag_s` before now.
https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from collections.abc import Iterator
from datetime import datetime

from emulator.errors import Params, Refusal
from emulator.instants import from_us, to_us, us
from emulator.watching.entities import BUCKET_US, Series
from emulator.world import World

GPU = "/aws/sagemaker/InferenceComponents"
INVOCATIONS = "AWS/SageMaker"
COUNTED = frozenset({"Invocations", "NoCapacityInvocationFailures"})
GAUGES = {(GPU, "GPUUtilization"), (GPU, "GPUUtilizationNormalized"), (INVOCATIONS, "ConcurrentRequestsPerCopy")}


def get_metric_data(world: World, params: Params) -> Params:
    results = []
    for query in params["MetricDataQueries"]:
        if "MetricStat" not in query:
            raise Refusal("ValidationError", "Not emulated: metric expressions.")
        stat = query["MetricStat"]
        found = points(world, stat["Metric"], stat["Period"], params["StartTime"], params["EndTime"])
        if params.get("ScanBy", "TimestampDescending") == "TimestampDescending":
            found.reverse()
        results.append(
            {
                "Id": query["Id"],
                "Label": query.get("Label", stat["Metric"].get("MetricName", "")),
                "Timestamps": [from_us(start_us) for start_us, _ in found],
                "Values": [statistic(stat["Stat"], values) for _, values in found],
                "StatusCode": "Complete",
            }
        )
    return {"MetricDataResults": results, "Messages": []}


def get_metric_statistics(world: World, params: Params) -> Params:
    found = points(world, params, params["Period"], params["StartTime"], params["EndTime"])
    names = params.get("Statistics", ())
    datapoints = [
        {"Timestamp": from_us(start_us), "Unit": "None", **{name: statistic(name, values) for name in names}}
        for start_us, values in found
    ]
    return {"Label": params["MetricName"], "Datapoints": datapoints}


def points(
    world: World, metric: Params, period_s: int, start: datetime, end: datetime
) -> list[tuple[int, list[float]]]:
    """For every period that has any: its start and what was measured in it, in steps of ten seconds."""
    dimensions = {d["Name"]: d["Value"] for d in metric.get("Dimensions", ())}
    series = [s for name, s in world.series.items() if is_meant(name, s, dimensions)] if world.has_metrics else []
    key = (metric.get("Namespace", ""), metric.get("MetricName", ""))
    newest_us = world.at_us - us(world.timing.metrics_lag_s)
    found = []
    period_us = us(period_s)
    first_us = max(to_us(start) // period_us * period_us, world.at_us - us(world.timing.metrics_keep_s))
    for start_us in range(first_us // period_us * period_us, to_us(end), period_us):
        last_us = min(start_us + period_us, newest_us)
        values = [v for one in series for v in measured(one, key, start_us, last_us)]
        if values:
            found.append((start_us, values))
    return found


def is_meant(name: str, series: Series, dimensions: dict[str, str]) -> bool:
    return dimensions.get("InferenceComponentName", name) == name and (
        dimensions.get("EndpointName", series.endpoint_name) == series.endpoint_name
    )


def measured(series: Series, key: tuple[str, str], start_us: int, end_us: int) -> Iterator[float]:
    namespace, name = key
    for at_us in range(start_us, end_us, BUCKET_US):
        if name in COUNTED and namespace == INVOCATIONS:
            if count := series.counts.get((name, at_us // BUCKET_US)):
                yield count
        elif key in GAUGES:
            sample = next((s for s in reversed(series.samples) if s.at_us <= at_us), None)
            if sample is not None and sample.up:
                yield sample.requests / sample.up if name == "ConcurrentRequestsPerCopy" else sample.gpu_percent


def statistic(name: str, values: list[float]) -> float:
    match name:
        case "Average":
            return sum(values) / len(values)
        case "Maximum":
            return float(max(values))
        case "Minimum":
            return float(min(values))
        case "Sum":
            return float(sum(values))
        case "SampleCount":
            return float(len(values))
    raise Refusal("ValidationError", f"Not emulated: the statistic {name}.")
