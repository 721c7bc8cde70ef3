"""The catalog's files as they would become, and how that differs from what they are."""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any, Final

from llmanager.adapters.aws.catalog_sync import jumpstart, prices
from llmanager.adapters.aws.catalog_sync.fetch import Account, ImageTables
from llmanager.adapters.aws.catalog_sync.images import engine_images
from llmanager.kernel.errors import LLManagerError

FOLDER: Final = "llmanager.adapters.aws.data"
NAMES: Final = ("images", "instances", "models", "prices")
Files = Mapping[str, Mapping[str, Any]]  # name without .json -> its content


@dataclass(frozen=True)
class Draft:
    before: Files
    after: Files
    remarks: tuple[str, ...] = ()

    def diff(self) -> str:
        lines: list[str] = []
        for name in NAMES:
            old, new = (text(files[name]).splitlines() for files in (self.before, self.after))
            lines += difflib.unified_diff(old, new, f"{name}.json", f"{name}.json as it would be", lineterm="", n=1)
        return "".join(f"{line}\n" for line in lines)

    def write(self) -> None:
        folder = Path(str(resources.files(FOLDER)))
        for name in NAMES:
            (folder / f"{name}.json").write_text(text(self.after[name]), "utf-8")


def current() -> Files:
    folder = resources.files(FOLDER)
    return {name: json.loads(folder.joinpath(f"{name}.json").read_text("utf-8")) for name in NAMES}


def drafted(files: Files, tables: ImageTables, account: Account | None, regions: Sequence[str], today: date) -> Draft:
    """`account` None: images only. What AWS cannot be asked for stays, and a remark says why."""
    draft = with_images(Draft(files, files), tables, today)
    if account is None:
        return draft
    for step in (with_offers, with_models):
        try:
            draft = step(draft, account, regions, today)
        except LLManagerError as error:
            draft = replace(draft, remarks=(*draft.remarks, f"left as it was: {error}"))
    return draft


def with_images(draft: Draft, tables: ImageTables, today: date) -> Draft:
    source = f"Image tables of the sagemaker package {tables.version}; {AMI_SOURCE}"
    images = {**told(today, source, is_offline=True), "engines": engine_images(tables.tables)}
    return replace(draft, after={**draft.after, "images": images})


def with_offers(draft: Draft, account: Account, regions: Sequence[str], today: date) -> Draft:
    fetched = account.hosting_offers(regions)
    machines, listed = draft.after["instances"], draft.after["prices"]
    known = prices.with_sizes(machines["instances"], fetched)
    regional = prices.with_prices(listed["regions"], known, fetched)
    source = "pricing:GetProducts of AmazonSageMaker, usage type Host, on demand"
    after = {
        "instances": {**told(today, f"{source}; GPUs: {EC2_SOURCE}", is_offline=False), "instances": known},
        "prices": {**told(today, source, is_offline=False), "unit": listed["unit"], "regions": regional},
    }
    kept = sorted(set(regional) - {offer.region for offer in fetched})
    remarks = [f"prices of {region} are those of {listed['as_of']}: they were not asked for" for region in kept]
    return replace(draft, after={**draft.after, **after}, remarks=(*draft.remarks, *remarks))


def with_models(draft: Draft, account: Account, _: Sequence[str], today: date) -> Draft:
    old = draft.after["models"]
    listed, found = account.listed_models(), account.hub_models(jumpstart.ids_of(old["models"]))
    source = f"{old['source'].split('; JumpStart')[0]}; JumpStart: DescribeHubContent of {jumpstart.HUB}"
    models = jumpstart.with_hub_models(old["models"], found)
    after = {**told(today, source, is_offline=False), "models": models}
    remarks = jumpstart.remarks(models, listed, found)
    return replace(draft, after={**draft.after, "models": after}, remarks=(*draft.remarks, *remarks))


def told(today: date, source: str, *, is_offline: bool) -> dict[str, Any]:
    return {"as_of": today.isoformat(), "source": source, "made_offline": is_offline}


def text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


AMI_SOURCE: Final = (
    "AMI versions: CreateEndpointConfig, "
    "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html"
)
EC2_SOURCE: Final = "Amazon EC2 instance types, https://aws.amazon.com/ec2/instance-types/"
