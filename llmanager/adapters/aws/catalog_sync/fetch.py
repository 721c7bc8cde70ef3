"""What is fetched for the catalog: the image tables of an installed package, and three calls of AWS."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import Any, Final

import boto3

from llmanager.adapters.aws.catalog_sync.images import TABLES, Table
from llmanager.adapters.aws.catalog_sync.jumpstart import HUB, KIND, HubModel, hub_model
from llmanager.adapters.aws.catalog_sync.prices import SERVICE, Offer, offers
from llmanager.adapters.aws.errors import Missing, translated
from llmanager.adapters.aws.fence import CLIENT_CONFIG
from llmanager.kernel.errors import InvalidInput

VERSION: Final = "3.27.0"  # of the extra `catalog` in pyproject.toml
OWN_VENV: Final = ".venv-catalog"
TABLES_IN_PACKAGE: Final = Path("core/image_uri_config")
PRICING_REGION: Final = "us-east-1"  # one of the few that answer for all
PAGE: Final = 100


class NoSageMakerPackage(InvalidInput):
    code = "no_sagemaker_package"

    def __init__(self) -> None:
        super().__init__(
            "The image tables come with the sagemaker package, which is not installed: it takes a gigabyte, and "
            f"serving needs none of it. Install it beside: python3 -m venv {OWN_VENV} && "
            f"{OWN_VENV}/bin/pip install sagemaker=={VERSION}"
        )


@dataclass(frozen=True)
class ImageTables:
    version: str  # of the package
    tables: dict[str, Table]


def image_tables(root: Path) -> ImageTables:
    """From this environment, or from the one beside it in `root`. The package itself, slow to import, is not loaded.

    Raises NoSageMakerPackage.
    """
    folder = next((f for f in _packages(root) if (f / TABLES_IN_PACKAGE).is_dir()), None)
    if folder is None:
        raise NoSageMakerPackage
    read = {
        name: json.loads((folder / TABLES_IN_PACKAGE / f"{name}.json").read_text("utf-8"))
        for name, _ in TABLES.values()
    }
    return ImageTables(_version(folder), read)


def _packages(root: Path) -> Iterator[Path]:
    found = util.find_spec("sagemaker")
    for place in (found.submodule_search_locations or []) if found is not None else []:
        yield Path(place)
    yield from sorted((root / OWN_VENV).glob("lib/python3*/site-packages/sagemaker"))


def _version(package: Path) -> str:
    names = (path.name for path in package.parent.glob("sagemaker-*.dist-info"))
    versions = [match[1] for name in names if (match := re.fullmatch(r"sagemaker-([\d.]+)\.dist-info", name))]
    return versions[0] if versions else "of an unknown version"


@dataclass(frozen=True)
class Account:
    """boto3 clients, or what looks like them."""

    pricing: Any
    sagemaker: Any

    def hosting_offers(self, regions: Iterable[str]) -> tuple[Offer, ...]:
        """Raises kernel errors; without credentials, one that says so."""
        found: list[Offer] = []
        for region in regions:
            only = [{"Type": "TERM_MATCH", "Field": "regionCode", "Value": region}]
            pages = self._pages("read prices", self.pricing.get_products, ServiceCode=SERVICE, Filters=only)
            found += (offer for page in pages for offer in offers(page["PriceList"]))
        return tuple(found)

    def listed_models(self) -> frozenset[str]:
        call = self.sagemaker.list_hub_contents
        pages = self._pages("list JumpStart's models", call, HubName=HUB, HubContentType=KIND)
        return frozenset(one["HubContentName"] for page in pages for one in page["HubContentSummaries"])

    def hub_models(self, ids: Iterable[str]) -> tuple[HubModel, ...]:
        found = []
        for id_ in ids:
            try:
                with translated(f"read {id_} in JumpStart"):
                    described = self.sagemaker.describe_hub_content(
                        HubName=HUB, HubContentType=KIND, HubContentName=id_
                    )
            except Missing:
                continue
            found.append(hub_model(described))
        return tuple(found)

    def _pages(self, what: str, call: Any, **parameters: Any) -> Iterator[dict[str, Any]]:
        token: dict[str, Any] = {}
        while True:
            with translated(what):
                page: dict[str, Any] = call(MaxResults=PAGE, **parameters, **token)
            yield page
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}


def account(region: str) -> Account:
    """With the credentials that boto3 finds."""
    with translated("prepare for the price list"):
        session = boto3.Session(region_name=region)
        return Account(
            pricing=session.client("pricing", region_name=PRICING_REGION, config=CLIENT_CONFIG),
            sagemaker=session.client("sagemaker", config=CLIENT_CONFIG),
        )
