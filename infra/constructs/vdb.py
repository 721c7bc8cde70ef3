"""Vector databases and uploaded files: the API's side. What takes long goes to the worker by the queue of jobs."""

from constructs import Construct

from infra import grants_sagemaker
from infra.constructs.function import place_of
from infra.constructs.surroundings import Surroundings
from infra.functions import VDB


class Vdb(Construct):
    def __init__(self, scope: Construct, identifier: str, around: Surroundings) -> None:
        super().__init__(scope, identifier)
        self.api = around.function(self, "Api", VDB, *grants_sagemaker.ask_models(place_of(around.options)))
