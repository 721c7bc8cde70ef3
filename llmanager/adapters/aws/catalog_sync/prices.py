"""What an hour of hosting costs, from the answers of pricing:GetProducts. Pure.

https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/price-changes.html; hosting is billed under usage types
such as "USE1-Host:ml.g5.xlarge".
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

SERVICE: Final = "AmazonSageMaker"
HOSTING: Final = re.compile(r"(?:^|-)Host:(ml\.[a-z0-9-]+\.[a-z0-9]+)$")
GIB: Final = re.compile(r"([\d,.]+) GiB")


@dataclass(frozen=True)
class Offer:
    """On demand, of one instance type in one region."""

    region: str
    instance_type: str
    usd_per_hour: Decimal
    vcpus: int | None
    memory_gib: int | None


def offers(price_list: Iterable[str]) -> tuple[Offer, ...]:
    """What else is sold under the service (training, notebooks, savings plans) is left out."""
    read = (offer_of(json.loads(product)) for product in price_list)
    return tuple(offer for offer in read if offer is not None)


def offer_of(product: Mapping[str, Any]) -> Offer | None:
    attributes = product.get("product", {}).get("attributes", {})
    hosting = HOSTING.search(attributes.get("usagetype", ""))
    usd = hourly(product.get("terms", {}).get("OnDemand", {}))
    if hosting is None or usd is None or "regionCode" not in attributes:
        return None
    vcpus = attributes.get("vCpu", "")
    return Offer(
        region=attributes["regionCode"],
        instance_type=hosting[1],
        usd_per_hour=usd,
        vcpus=int(vcpus) if vcpus.isdecimal() else None,
        memory_gib=gib(attributes.get("memory", "")),
    )


def hourly(terms: Mapping[str, Any]) -> Decimal | None:
    """The one price by the hour; None where there is none, or none above zero."""
    for term in terms.values():
        for dimension in term.get("priceDimensions", {}).values():
            usd = decimal(dimension.get("pricePerUnit", {}).get("USD", ""))
            if dimension.get("unit") in ("Hrs", "Hours", "Hour") and usd is not None and usd > 0:
                return usd
    return None


def decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def gib(text: str) -> int | None:
    found = GIB.fullmatch(text)
    return None if found is None else int(Decimal(found[1].replace(",", "")))


def with_prices(
    regions: Mapping[str, Mapping[str, str]], known: Iterable[str], fetched: Iterable[Offer]
) -> dict[str, dict[str, str]]:
    """Every region that was fetched is told anew, for the instance types that the catalog knows; the others stay."""
    kinds = list(known)
    told: dict[str, dict[str, str]] = {}
    for offer in fetched:
        if offer.instance_type in kinds:
            # AWS writes "1.4080000000"
            told.setdefault(offer.region, {})[offer.instance_type] = f"{offer.usd_per_hour.normalize():f}"
    kept = {region: dict(prices) for region, prices in regions.items()}
    return {**kept, **{region: {k: prices[k] for k in kinds if k in prices} for region, prices in told.items()}}


def with_sizes(instances: Mapping[str, Mapping[str, Any]], fetched: Iterable[Offer]) -> dict[str, dict[str, Any]]:
    """Processors and memory as AWS tells them. Of GPUs the price list tells names only: those stay as they are."""
    told = {name: dict(machine) for name, machine in instances.items()}
    for offer in fetched:
        machine = told.get(offer.instance_type)
        if machine is not None:
            sizes = {"vcpus": offer.vcpus, "memory_gib": offer.memory_gib}
            machine.update({key: value for key, value in sizes.items() if value is not None})
    return told
