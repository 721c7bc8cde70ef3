"""The reaper: every minute, from rows. It can only take away."""

from constructs import Construct

from infra import grants_sagemaker
from infra.constructs.function import place_of
from infra.constructs.surroundings import Surroundings
from infra.functions import REAPER


class Reaper(Construct):
    def __init__(self, scope: Construct, identifier: str, around: Surroundings) -> None:
        super().__init__(scope, identifier)
        place = place_of(around.options)
        self.function = around.function(
            self,
            "Reaper",
            REAPER,
            *grants_sagemaker.take_away(place),
            *grants_sagemaker.retag(place),
            *grants_sagemaker.limit_logs(place),
        )
        self.function.every(1)
