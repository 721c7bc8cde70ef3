"""The registry of models as a function on AWS holds it: SageMaker and remotes, nothing on the machine itself."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from llmanager.adapters.remote.openai_host import RemoteModelHost
from llmanager.kernel.clock import Clock
from llmanager.kernel.ids import random_id
from llmanager.models.entities import Backend
from llmanager.models.ports import ModelHost
from llmanager.models.rows import Key
from llmanager.models.usecases.registry import Registry
from llmanager.wiring.aws.models import sagemaker_entries, sagemaker_host
from llmanager.wiring.aws.remote_notes import TableNotes
from llmanager.wiring.aws.settings import AwsSettings
from llmanager.wiring.aws.tables import Tables
from llmanager.wiring.serving.caps import caps_of

if TYPE_CHECKING:
    from llmanager.adapters.aws.sagemaker_host import SageMakerModelHost


def registry_of(
    settings: AwsSettings,
    tables: Tables,
    clock: Clock,
    changed: Callable[[Key], None],
    kind: "type[SageMakerModelHost] | None" = None,
) -> Registry:
    """`changed`: told of every answered write; `kind`: of SageMaker host, for a function that may not do all.

    Raises SettingsError.
    """
    return Registry(
        table=tables("registry"),
        hosts=hosts_of(settings, tables, clock, kind),
        clock=clock,
        new_id=random_id,
        stage=settings.common.stage,
        caps=caps_of(settings.common),
        catalog=sagemaker_entries() if settings.common.sagemaker else (),
        changed=changed,
    )


def hosts_of(
    settings: AwsSettings, tables: Tables, clock: Clock, kind: "type[SageMakerModelHost] | None" = None
) -> dict[Backend, ModelHost]:
    notes = TableNotes(tables("registry"))
    remotes = RemoteModelHost(settings.common.remotes, on_change=lambda _: None, notes=notes)
    hosts: dict[Backend, ModelHost] = {Backend.REMOTE: remotes}
    cloud = sagemaker_host(settings.common, clock, kind, is_on_aws=True)
    if cloud is not None:
        hosts[Backend.SAGEMAKER] = cloud
    return hosts
