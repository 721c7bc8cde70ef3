"""What the reaper does for vector databases and files, beside models."""

from collections.abc import Callable, Sequence

from llmanager.kernel.clock import Clock
from llmanager.wiring.aws.settings import AwsSettings
from llmanager.wiring.aws.tables import Tables


def vdb_care(settings: AwsSettings, tables: Tables, clock: Clock) -> Sequence[Callable[[], object]]:  # noqa: ARG001
    """Chores of a minute's pass. Each ends in time by itself, and may raise OrphansInDoubt."""
    return ()
