"""docs/cost.md, computed from the templates and docs/cost-prices.json.

`./run.sh synth && .venv/bin/python -m tools.cost_page` writes it; a test compares what is there with what is computed.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tools.cost_model import Line, Stage, Use, counted, idle, overhead_usd, used

ROOT = Path(__file__).resolve().parents[1]
PRICES = ROOT / "docs" / "cost-prices.json"
PAGE = ROOT / "docs" / "cost.md"
TEMPLATES = ROOT / "cdk.out" / "dev-aws"
TOLD = {
    "scheduled_run_s": "a scheduled function runs, in seconds",
    "scheduled_run_log_kb": "it logs, in KB",
    "scheduled_run_read_units": "it reads, in DynamoDB's units",
    "queue_polls_a_minute": "Lambda asks an empty queue, times a minute (five pollers that wait 20 s)",
    "blob_lists_an_hour": "the reaper lists blobs, in requests an hour (of up to 1000 blobs each)",
    "alarms_a_model": "alarms that autoscaling and we keep of each model",
    "stored_rows_gb": "rows kept, in GB",
    "stored_blobs_gb": "blobs kept, in GB",
    "stored_index_gb": "vector index kept, in GB (100 000 vectors of 1024 numbers)",
    "query_stream_s": "an answer streams, in seconds: 1500 tokens in, 300 out",
    "query_authorizer_s": "the authorizer runs, in seconds",
    "query_authorizer_share": "share of questions for which it is asked; the others find its answer kept",
    "query_read_units": "rows read for a question, in units",
    "query_write_units": "rows written for it, in units",
    "query_log_kb": "logged for it, in KB",
    "query_model_log_kb": "logged for it by the models' servers, in KB; more where a server is told to",
    "search_ocu_awake": "OCUs of an awake collection; AWS says two workers, their size is not published",
    "search_sleeps_after_h": "hours until it sleeps again",
    "wake_h": "hours a model takes to wake, counted as paid",
    "model_tail_h": "hours from the last question until its instance is released",
    "model_queries_a_second": "questions a second that one model instance answers",
    "peak_over_mean": "peak of questions over their mean, which instances are counted for",
}


def page(resources: dict[str, Any], told: dict[str, Any]) -> str:
    prices = {name: price["usd"] for name, price in told["prices"].items()}
    assumed, days = told["assumed"], told["days_a_month"]
    stage = counted(resources)
    lines = idle(stage, prices, told["free_each_month"], assumed, days)
    idle_usd = sum(line.usd for line in lines)
    uses = [used(stage, prices, assumed, days, pattern, idle_usd) for pattern in told["patterns"]]
    return "\n".join(
        [
            "# What AWS costs",
            "",
            "Computed by `tools/cost_page.py` from the CDK templates and `cost-prices.json`, which says whence each",
            "price is. Nobody has been billed by it yet: it is arithmetic on list prices and on the assumptions below.",
            "",
            *idle_part(lines),
            *use_part(stage, uses, prices, told),
            *kept_part(prices, assumed),
            *assumption_part(assumed),
        ]
    )


def idle_part(lines: list[Line]) -> list[str]:
    total, after = sum(line.usd for line in lines), sum(line.usd_after_free for line in lines)
    return [
        "## A month in which nobody asks anything",
        "",
        "No model runs, the collection sleeps. The last column takes off what AWS gives every account each month.",
        "",
        "| what | how much | list price | after what is free |",
        "|---|---|---|---|",
        *(f"| {line.what} | {line.how} | ${line.usd:.2f} | ${line.usd_after_free:.2f} |" for line in lines),
        f"| **together** | | **${total:.2f}** | **${after:.2f}** |",
        "",
    ]


def use_part(stage: Stage, uses: list[Use], prices: dict[str, float], told: dict[str, Any]) -> list[str]:
    days, beside = told["days_a_month"], told["beside"]
    overhead = overhead_usd(stage, prices, told["assumed"])
    return [
        "## Questions over documents",
        "",
        "A chat that searches a vector database: a model of up to 8 billion parameters on ml.g6.2xlarge, an embedder",
        "on ml.c6i.xlarge, both asleep when nobody asks. Of a question, API Gateway, functions, rows and logs are",
        f"${overhead:.6f}.",
        "",
        "| questions a day | when | instances | API and rows | search | embedder | model | a month | a question |",
        "|---|---|---|---|---|---|---|---|---|",
        *(use_row(use, days) for use in uses),
        f"| {beside['name']} | | | | | | | ${beside['usd_a_month']:,.0f} | ${beside['usd_a_query']:g} |",
        "",
        f"The last row is {beside['told']}; with no questions at all it costs the same.",
        "",
    ]


def use_row(use: Use, days: int) -> str:
    parts = (use.control_usd, use.search_usd, use.embedder_usd, use.model_usd)
    return " | ".join(
        [
            f"| {use.queries_a_day:,}",
            use.told,
            str(use.instances),
            *(f"${part:,.2f}" for part in parts),
            f"${use.month_usd:,.2f}",
            f"${use.query_usd(days):.4f} |",
        ]
    )


def kept_part(prices: dict[str, float], assumed: dict[str, float]) -> list[str]:
    kept = (
        prices["secret_month"]
        + assumed["stored_rows_gb"] * (prices["dynamodb_gb_month"] + prices["dynamodb_restore_gb_month"])
        + assumed["stored_blobs_gb"] * prices["s3_gb_month"]
    )
    return [
        "## What `destroy` leaves",
        "",
        "Tables, the bucket and the secret stay, so that a later deploy goes on where this one ended. With",
        f"{assumed['stored_rows_gb']:g} GB of rows and {assumed['stored_blobs_gb']:g} GB of blobs they cost",
        f"${kept:.2f} a month.",
        "",
    ]


def assumption_part(assumed: dict[str, float]) -> list[str]:
    return [
        "## Assumed",
        "",
        "| | |",
        "|---|---|",
        *(f"| {TOLD[name]} | {value:g} |" for name, value in assumed.items()),
        "",
    ]


def resources_of(folder: Path) -> dict[str, Any]:
    files = sorted(folder.glob("*.template.json"))
    return {id_: found for file in files for id_, found in json.loads(file.read_text())["Resources"].items()}


def main() -> int:
    if not TEMPLATES.is_dir():
        print("The templates are not made. Run ./run.sh synth first.", file=sys.stderr)
        return 2
    PAGE.write_text(page(resources_of(TEMPLATES), json.loads(PRICES.read_text())))
    print(PAGE.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
