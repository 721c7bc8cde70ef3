"""The data path's limits as the settings have them."""

from llmanager.gateway.policy import Limits
from llmanager.wiring.settings import Settings


def limits_of(settings: Settings) -> Limits:
    return Limits(
        max_body_bytes=settings.max_body_mib * 2**20,
        first_byte_s=settings.first_byte_s,
        gap_s=settings.gap_s,
        hold_silent_s=settings.hold_silent_s,
        wake_timeout_s=settings.wake_timeout_s,
        max_waiters=settings.max_waiters,
    )
