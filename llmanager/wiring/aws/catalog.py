"""The catalog's refresh, for developers. boto3 is loaded only when it is asked for."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Protocol

from llmanager.kernel.errors import InvalidInput


class Draft(Protocol):
    """What the catalog's files would become."""

    @property
    def remarks(self) -> tuple[str, ...]: ...

    def diff(self) -> str: ...

    def write(self) -> None: ...


def draft(root: Path, regions: Sequence[str], today: date, *, is_offline: bool) -> Draft:
    """`root`: where an environment with the sagemaker package may stand beside this one.

    Raises InvalidInput where a package that it needs is not installed.
    """
    try:
        from llmanager.adapters.aws.catalog_sync import fetch
        from llmanager.adapters.aws.catalog_sync.draft import current, drafted
    except ModuleNotFoundError as error:
        how = f"It needs a package that is not installed ({error.name}): run it as ./run.sh catalog sync."
        raise InvalidInput(how) from error
    tables = fetch.image_tables(root)
    account = None if is_offline else fetch.account(regions[0])
    return drafted(current(), tables, account, regions, today)
