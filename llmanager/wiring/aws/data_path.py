"""The gateway in a function: routes from rows, models on SageMaker and at remotes, nothing that could change them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from llmanager.adapters.remote.aiohttp_upstreams import AiohttpUpstreams
from llmanager.adapters.remote.openai_host import RemoteModelHost
from llmanager.api.errors import render_as_openai
from llmanager.gateway.app import Gateway
from llmanager.gateway.inner import InnerCalls
from llmanager.gateway.ports import Keyring, Upstreams
from llmanager.kernel.ids import random_id
from llmanager.models.absent_host import AbsentHost
from llmanager.models.entities import Backend, Model, ReplicaState
from llmanager.models.ports import Endpoint, ModelHost
from llmanager.models.rows import Key
from llmanager.models.usecases.registry import Registry
from llmanager.wiring.aws.directory import EndpointsOf, RowDirectory
from llmanager.wiring.aws.house import House
from llmanager.wiring.aws.meter import LoggedMeter
from llmanager.wiring.aws.models import sagemaker_entries
from llmanager.wiring.serving.embedding import GatewayEmbedder
from llmanager.wiring.serving.limits import limits_of
from llmanager.wiring.settings import Settings

if TYPE_CHECKING:
    from llmanager.adapters.aws.session import Runtime


@dataclass(frozen=True)
class DataPath:
    directory: RowDirectory
    gateway: Gateway
    inner: InnerCalls
    embedder: GatewayEmbedder


def data_path(house: House, poke: Callable[[Key], None], keyring: Keyring, plain: Upstreams | None = None) -> DataPath:
    """`poke` has a model looked at soon; `plain` is the HTTP client. Raises SettingsError."""
    common, clock = house.settings.common, house.clock
    runtime = runtime_of(house)
    registry = Registry(
        table=house.tables("registry"),
        hosts=hosts_out_of_reach(common),
        clock=clock,
        new_id=random_id,
        stage=common.stage,
        catalog=sagemaker_entries() if common.sagemaker else (),
    )
    directory = RowDirectory(registry, clock, random_id, poke, endpoints_of(common, runtime))
    gateway = Gateway(
        directory=directory,
        upstreams=_upstreams(plain or AiohttpUpstreams(), runtime, directory),
        keyring=keyring,
        meter=LoggedMeter(),
        render=render_as_openai,
        limits=limits_of(common),
        clock=clock,
    )
    inner = InnerCalls(gateway, render_as_openai, clock)
    return DataPath(directory, gateway, inner, GatewayEmbedder(inner, directory))


def runtime_of(house: House) -> "Runtime | None":
    """None where no model can be on SageMaker."""
    if house.settings.common.sagemaker is None:
        return None
    from llmanager.adapters.aws.session import runtime

    return runtime(house.settings.common.sagemaker.region, house.clock)


def hosts_out_of_reach(settings: Settings) -> dict[Backend, ModelHost]:
    """This function wakes models by their rows alone; what decides about a wake is known of their hosts."""
    hosts: dict[Backend, ModelHost] = {Backend.REMOTE: RemoteModelHost(settings.remotes, on_change=lambda _: None)}
    if settings.sagemaker is not None:
        from llmanager.adapters.aws.sagemaker_endpoints import SURE_CLOCKS_S, TRAITS

        hosts[Backend.SAGEMAKER] = AbsentHost(Backend.SAGEMAKER, replace(TRAITS, clock_skew_s=SURE_CLOCKS_S))
    return hosts


def endpoints_of(settings: Settings, runtime: "Runtime | None") -> EndpointsOf:
    on_sagemaker: EndpointsOf = _nowhere
    if settings.sagemaker is not None and runtime is not None:
        from llmanager.adapters.aws.sagemaker_endpoints import SageMakerEndpoints

        region = settings.sagemaker.region
        on_sagemaker = SageMakerEndpoints(region=region, runtime_url=runtime.url, bearer=runtime.bearer)

    def at_remote(model: Model) -> Sequence[Endpoint]:
        remote = settings.remotes.get(model.spec.model)
        ready = [r.index for r in model.observed.replicas if r.state is ReplicaState.READY]
        if remote is None:
            return ()
        return [Endpoint(index, remote.base_url, remote.served_name, remote.authorization) for index in ready]

    by_backend: dict[Backend, EndpointsOf] = {Backend.SAGEMAKER: on_sagemaker, Backend.REMOTE: at_remote}
    return lambda model: by_backend.get(model.spec.backend, _nowhere)(model)


def _nowhere(_: Model) -> Sequence[Endpoint]:
    return ()


def _upstreams(plain: Upstreams, runtime: "Runtime | None", directory: RowDirectory) -> Upstreams:
    if runtime is None:
        return plain
    from llmanager.adapters.aws.sagemaker_upstreams import SageMakerUpstreams

    return SageMakerUpstreams(plain, runtime.sign, directory.missed)
