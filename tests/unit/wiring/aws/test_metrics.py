"""Metrics as CloudWatch reads them from a log."""

import json

from llmanager.wiring.aws.metrics import FAILED_DELETES, PAST_TTL, count
from tests.fakes.clock import NOON


def test_a_line_tells_cloudwatch_what_to_count_and_of_which_stage(capsys):
    count("dev", {FAILED_DELETES: 2, PAST_TTL: 0}, NOON)
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["Stage"], told["FailedDeletes"], told["PastTtl"]) == ("dev", 2, 0)
    assert told["_aws"]["Timestamp"] == int(NOON.timestamp() * 1000)
    (directive,) = told["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("LLManager", [["Stage"]])
    assert {metric["Name"] for metric in directive["Metrics"]} == {"FailedDeletes", "PastTtl"}
