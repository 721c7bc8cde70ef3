"""The watchdog's function: ends by its tags what is past its time. It is given no table, so that it works without."""

from dataclasses import dataclass

import structlog

from llmanager.kernel.clock import Clock, SystemClock
from llmanager.kernel.deadline import deadline
from llmanager.models.ports import ModelHost
from llmanager.models.usecases.watch import check, watch
from llmanager.wiring.aws.models import sagemaker_host
from llmanager.wiring.aws.reconciling import FENCE_S
from llmanager.wiring.aws.settings import AwsSettings, there

log = structlog.get_logger()


@dataclass(frozen=True)
class Watchdog:
    host: ModelHost
    stage: str
    clock: Clock

    def serve(self, left_s: float) -> None:
        """Raises the first error there was: AWS counts it, and an alarm tells."""
        with deadline(self.clock.monotonic_s() + left_s - FENCE_S):
            acts = watch(self.host, now=self.clock.now(), stage=self.stage)
        for act in acts:
            log.warning("watchdog", resource=act.resource, deed=act.deed.value, why=act.why, is_done=act.error is None)
        check(acts)


def watchdog(settings: AwsSettings) -> Watchdog:
    """Raises SettingsError."""
    from llmanager.wiring.aws.sagemaker_roles import EndingHost

    clock = SystemClock()
    host = there(sagemaker_host(settings.common, clock, EndingHost), "LLMANAGER_SAGEMAKER")
    return Watchdog(host, settings.common.stage, clock)
