"""The SageMaker backend. boto3 and what it brings are loaded only where the settings name an account's role."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from llmanager.gateway.ports import Upstream, Upstreams
from llmanager.kernel.clock import Clock
from llmanager.models.catalog import CatalogEntry
from llmanager.models.ports import ModelHost
from llmanager.wiring.settings import Settings
from llmanager.wiring.values import SettingsError

if TYPE_CHECKING:
    from llmanager.adapters.aws.sagemaker_host import SageMakerModelHost


def sagemaker_host(
    settings: Settings, clock: Clock, kind: "type[SageMakerModelHost] | None" = None, *, is_on_aws: bool = False
) -> ModelHost | None:
    """None where it is not set up. Raises SettingsError where it cannot be.

    `kind`: of host, if it is not to do all. `is_on_aws`: all that share its models have AWS's clocks.
    """
    if settings.sagemaker is None:
        return None
    try:
        from llmanager.adapters.aws.sagemaker_endpoints import SURE_CLOCKS_S, TRAITS
        from llmanager.adapters.aws.sagemaker_host import SageMakerModelHost
        from llmanager.adapters.aws.session import connected, runtime_url
    except ModuleNotFoundError as error:
        how = f"needs a package that is not installed ({error.name}): .venv/bin/python -m pip install boto3"
        raise SettingsError("LLMANAGER_SAGEMAKER", how) from error
    region = settings.sagemaker.region
    clients, bearer = connected(region, clock)
    return (kind or SageMakerModelHost)(
        clients,
        role_arn=settings.sagemaker.role_arn,
        region=region,
        stage=settings.stage,
        clock=clock,
        bearer=bearer,
        runtime_url=partial(runtime_url, region),
        hub_token=settings.hf_token,
        clock_skew_s=SURE_CLOCKS_S if is_on_aws else TRAITS.clock_skew_s,
    )


def sagemaker_entries() -> tuple[CatalogEntry, ...]:
    """What the catalog has for SageMaker."""
    from llmanager.adapters.aws.sagemaker_entries import entries

    return entries()


def sagemaker_upstreams(
    settings: Settings, plain: Upstreams, clock: Clock, missed: Callable[[Upstream], None]
) -> Upstreams:
    """`plain` where SageMaker is not set up. `missed` hears of a model without a copy."""
    if settings.sagemaker is None:
        return plain
    from llmanager.adapters.aws.sagemaker_upstreams import SageMakerUpstreams
    from llmanager.adapters.aws.session import runtime

    return SageMakerUpstreams(plain, runtime(settings.sagemaker.region, clock).sign, missed)
