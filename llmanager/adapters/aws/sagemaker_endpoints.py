"""Where a model's copies answer, told from its row alone: nothing is asked of AWS, so any process can route to them."""

from collections.abc import Callable
from typing import Final

from llmanager.adapters.aws.sagemaker_catalog import Catalog, catalog, choose
from llmanager.adapters.aws.sagemaker_requests import SERVED_NAME
from llmanager.adapters.aws.sagemaker_seen import ready_of
from llmanager.kernel.errors import InvalidInput
from llmanager.models.entities import Model, ModelSpec
from llmanager.models.ports import Endpoint, HostTraits

# What an endpoint's path for OpenAI's API does not route is asked for with InvokeEndpoint: in OpenAI's words ...
INVOKED: Final = "sagemaker"
INVOKED_TEI: Final = "sagemaker-tei"  # ... or in those of text-embeddings-inference
TEI_ENGINES: Final = ("tei", "tei-cpu")
OPENAI_SUFFIX: Final = "/openai"
SURE_CLOCKS_S: Final = 5.0  # by which clocks differ that AWS itself keeps, as those of functions are
TRAITS: Final = HostTraits(  # of SageMaker, for whoever decides about its models, anywhere
    gone_after_s=60.0,
    clock_skew_s=600.0,
    is_billed=True,
    scales_itself=True,
    replaces_in_place=True,
    measures_gpus=True,
    surge_instances=1,
)


def openai_url(runtime_url: str, resource: str) -> str:
    return f"{runtime_url}/endpoints/{resource}/inference-components/{resource}{OPENAI_SUFFIX}"


def protocol_of(environment: dict[str, str]) -> str:
    """Of a container with these variables: those of text-embeddings-inference have no prefix."""
    is_other = any(name.startswith(("SM_", "OPTION_")) for name in environment)
    return INVOKED if is_other or "AUTO_TRUNCATE" not in environment else INVOKED_TEI


class SageMakerEndpoints:
    """Of a row whose replicas were seen by whoever looks at SageMaker. `bearer`: see bearer.py."""

    def __init__(
        self, *, region: str, runtime_url: str, bearer: Callable[[], str], known: Catalog | None = None
    ) -> None:
        self._region, self._runtime_url, self._bearer = region, runtime_url, bearer
        self._catalog = known or catalog()

    def __call__(self, model: Model) -> tuple[Endpoint, ...]:
        ready = ready_of(model.observed)
        if not ready:
            return ()
        engine = self._engine(model.spec)
        served_as = model.spec.env.get(SERVED_NAME, model.resource) if engine == "vllm" else None
        protocol = INVOKED_TEI if engine in TEI_ENGINES else INVOKED
        url, authorization = openai_url(self._runtime_url, model.resource), self._bearer()
        return tuple(Endpoint(index, url, served_as, authorization, protocol) for index in ready)

    def _engine(self, spec: ModelSpec) -> str:
        try:
            return choose(self._catalog, spec, self._region).engine
        except InvalidInput:  # the catalog has no such model any more, but it runs
            return spec.engine
