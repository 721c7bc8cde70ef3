"""The emulator has a price list of its own: both read the same page, so both must say the same."""

import json
from decimal import Decimal

from emulator.prices import PRICES, listed_in
from llmanager.adapters.aws.sagemaker_catalog import catalog


def test_the_bill_and_the_quote_know_the_same_prices():
    assert catalog().usd_per_hour["us-east-1"] == PRICES


def test_another_list_may_be_given(tmp_path):
    (tmp_path / "prices.json").write_text(json.dumps({"ml.g5.xlarge": "0.5"}))
    assert listed_in(tmp_path / "prices.json") == {"ml.g5.xlarge": Decimal("0.5")}
