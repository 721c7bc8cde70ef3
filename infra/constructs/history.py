"""Chat history: rows only."""

from constructs import Construct

from infra.constructs.surroundings import Surroundings
from infra.functions import HISTORY


class History(Construct):
    def __init__(self, scope: Construct, identifier: str, around: Surroundings) -> None:
        super().__init__(scope, identifier)
        self.api = around.function(self, "Api", HISTORY)
