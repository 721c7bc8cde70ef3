"""What instances cost where no other list is given: USD an hour in us-east-1, as published on 2026-09-27.

https://aws.amazon.com/sagemaker/ai/pricing/ - a type that is not listed cannot be had.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

PRICES: Mapping[str, Decimal] = {
    name: Decimal(usd)
    for name, usd in {
        "ml.g5.xlarge": "1.408",
        "ml.g5.2xlarge": "1.515",
        "ml.g5.4xlarge": "2.03",
        "ml.g5.8xlarge": "3.06",
        "ml.g5.12xlarge": "7.09",
        "ml.g5.16xlarge": "5.12",
        "ml.g5.24xlarge": "10.18",
        "ml.g5.48xlarge": "20.36",
        "ml.g6.xlarge": "1.127",
        "ml.g6.2xlarge": "1.222",
        "ml.g6.4xlarge": "1.654",
        "ml.g6.8xlarge": "2.518",
        "ml.g6.12xlarge": "5.752",
        "ml.g6.16xlarge": "4.246",
        "ml.g6.24xlarge": "8.344",
        "ml.g6.48xlarge": "16.688",
        "ml.g6e.xlarge": "2.61",
        "ml.g6e.2xlarge": "2.80",
        "ml.g6e.4xlarge": "3.76",
        "ml.g6e.8xlarge": "5.66",
        "ml.g6e.12xlarge": "13.12",
        "ml.g6e.16xlarge": "9.47",
        "ml.g6e.24xlarge": "18.83",
        "ml.g6e.48xlarge": "37.66",
        "ml.g7e.2xlarge": "4.2039",
        "ml.g7e.4xlarge": "4.9977",
        "ml.g7e.12xlarge": "10.3576",
        "ml.p4d.24xlarge": "25.25",
        "ml.p4de.24xlarge": "31.56",
        "ml.p5.4xlarge": "7.912",
        "ml.p5.48xlarge": "63.296",
        "ml.g4dn.xlarge": "0.7364",
        "ml.c6i.xlarge": "0.204",
        "ml.c6i.2xlarge": "0.408",
        "ml.c7i.2xlarge": "0.428",
        "ml.m5.xlarge": "0.23",
    }.items()
}


def listed_in(path: Path) -> dict[str, Decimal]:
    """A JSON file {"ml.g5.xlarge": "1.408", ...}."""
    told: dict[str, str] = json.loads(path.read_text("utf-8"))
    return {name: Decimal(usd) for name, usd in told.items()}
