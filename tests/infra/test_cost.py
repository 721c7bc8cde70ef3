"""docs/cost.md is what the templates and the prices say, and the goals it speaks of are met."""

import json

import pytest

from tools.cost_model import counted, idle, overhead_usd, schedules, used
from tools.cost_page import PAGE, PRICES, page


@pytest.fixture(scope="session")
def told():
    return json.loads(PRICES.read_text())


@pytest.fixture(scope="session")
def prices(told):
    return {name: price["usd"] for name, price in told["prices"].items()}


def test_the_page_is_what_is_computed(aws, told):
    assert PAGE.read_text() == page(aws.resources, told), "run ./run.sh synth, then python -m tools.cost_page"


def test_every_price_says_where_and_when_it_was_read(told):
    for name, price in told["prices"].items():
        assert price["usd"] > 0, name
        assert price["source"], name
        assert price["read"].startswith("2026-"), name


def test_an_idle_month_costs_less_than_five_dollars_after_what_is_free(aws, told, prices):
    lines = idle(counted(aws.resources), prices, told["free_each_month"], told["assumed"], told["days_a_month"])
    assert sum(line.usd_after_free for line in lines) < 5
    assert all(line.usd >= line.usd_after_free >= 0 for line in lines)


def test_what_is_not_a_model_or_search_costs_less_than_a_hundredth_of_a_cent_a_question(aws, told, prices):
    assert overhead_usd(counted(aws.resources), prices, told["assumed"]) < 0.0001


def test_more_alarms_cost_more(aws, told, prices):
    resources = dict(aws.resources)
    alarm = next(iter(aws.of_type("AWS::CloudWatch::Alarm").values()))
    more = resources | {f"Another{number}": alarm for number in range(10)}
    costs = [
        sum(line.usd for line in idle(counted(r), prices, told["free_each_month"], told["assumed"], 30))
        for r in (resources, more)
    ]
    assert costs[1] - costs[0] == pytest.approx(10 * prices["alarm_month"])


def test_a_tenfold_peak_takes_more_instances(aws, told, prices):
    stage = counted(aws.resources)
    (usual, busy) = (
        used(stage, prices, told["assumed"] | {"peak_over_mean": peak}, 30, told["patterns"][2], 0.0)
        for peak in (2, 20)
    )
    assert busy.instances > usual.instances > 1
    assert busy.model_usd > usual.model_usd
    assert busy.control_usd == usual.control_usd


def test_a_schedule_that_is_not_understood_is_not_taken_for_free():
    rule = {"Targets": [{"Arn": {"Fn::GetAtt": ["F", "Arn"]}}], "ScheduleExpression": "cron(0 * * * ? *)"}
    with pytest.raises(ValueError, match="another kind"):
        schedules({"Rule": rule}, {"F": {"FunctionName": "lm-dev-reaper"}})
