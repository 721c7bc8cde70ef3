"""The watchdog: every five minutes, from tags alone, so that no mistake in rows can blind it too. No tables."""

from constructs import Construct

from infra import grants_sagemaker
from infra.constructs.function import place_of
from infra.constructs.surroundings import Surroundings
from infra.functions import WATCHDOG


class Watchdog(Construct):
    def __init__(self, scope: Construct, identifier: str, around: Surroundings) -> None:
        super().__init__(scope, identifier)
        self.function = around.function(
            self, "Watchdog", WATCHDOG, *grants_sagemaker.take_away(place_of(around.options))
        )
        self.function.every(5)
