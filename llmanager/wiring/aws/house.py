"""What every function that serves HTTP has, and how its routes become one ASGI app.

The authorizer before it only turns strangers away: here each route asks for the key and its scope again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from fastapi import APIRouter
from starlette.types import ASGIApp

from llmanager.api.app import IsReady, control_plane
from llmanager.api.front import Front
from llmanager.api.idempotency import Idempotency
from llmanager.api.within import Within
from llmanager.auth.usecases.authenticate import authenticate
from llmanager.gateway.ports import Keyring
from llmanager.kernel.clock import Clock
from llmanager.kernel.ids import random_id
from llmanager.wiring.aws.clock import ThawedClock
from llmanager.wiring.aws.description import description
from llmanager.wiring.aws.settings import AwsSettings
from llmanager.wiring.aws.tables import Tables, tables_of
from llmanager.wiring.aws.time_left import TimeLeft
from llmanager.wiring.keyring import CachedKeyring
from llmanager.wiring.serving.version import own_version

UNDONE_S = 3.0  # for what takes long to leave things in order, before its request is answered without it
SILENT_S = 290.0  # API Gateway ends a streamed answer of which nothing came for five minutes
LONGEST_S = 60.0  # API Gateway gives a request that does not stream 29 s


@dataclass(frozen=True)
class House:
    settings: AwsSettings
    tables: Tables
    clock: Clock

    @cached_property
    def time_left(self) -> TimeLeft:
        return TimeLeft(self.clock)

    @cached_property
    def keyring(self) -> Keyring:
        table, clock = self.tables("auth"), self.clock
        return CachedKeyring(lambda secret: authenticate(table, secret=secret, now=clock.now()), clock)


def house() -> House:
    """From this process's environment. Raises SettingsError."""
    settings, clock = AwsSettings.load(), ThawedClock()
    return House(settings, tables_of(settings, clock), clock)


def control_app(
    house: House, routers: Sequence[APIRouter], is_ready: IsReady, *, longest_s: float = LONGEST_S
) -> ASGIApp:
    """The routers with health, error shapes and Idempotency-Key. It still wants `fronted` around it.

    `longest_s`: that a request may take. After it a key whose request has not ended is one that was cut off.
    """
    app = control_plane(routers, is_ready, own_version(), description())
    app.add_middleware(
        Idempotency, table=house.tables("idempotency"), keyring=house.keyring, clock=house.clock, lease_s=longest_s
    )
    return app


def fronted(house: House, app: ASGIApp) -> ASGIApp:
    """What every request meets first, whichever function it comes to."""
    common, longest_s = house.settings.common, house.settings.answer_within_s
    in_time = Within(app, longest_s, lambda: house.time_left.begin(longest_s - UNDONE_S), silent_s=SILENT_S)
    return Front(
        in_time,
        allowed_hosts=common.allowed_hosts or None,
        max_body_bytes=common.max_body_mib * 2**20,
        max_file_bytes=common.max_file_mib * 2**20,
        stage=common.stage,
        new_id=random_id,
    )
