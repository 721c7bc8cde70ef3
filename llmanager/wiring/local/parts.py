"""The local platform's parts, made from the settings and joined. Importing or making them opens no socket."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from llmanager.adapters.local.home_lock import HomeLock
from llmanager.adapters.local.llama_cpp import LlamaCppModelHost
from llmanager.adapters.local.replica import Timing
from llmanager.adapters.local.sqlite_table import SQLiteStore
from llmanager.adapters.local.weights import HubSettings, LocalWeights
from llmanager.adapters.remote.openai_host import RemoteModelHost
from llmanager.gateway.ports import Upstream
from llmanager.history.usecases.sweep import sweep_chats
from llmanager.kernel.clock import Clock, SystemClock
from llmanager.kernel.errors import LLManagerError, Retryable
from llmanager.kernel.ids import random_id
from llmanager.kernel.table import Table
from llmanager.models.catalog import ENTRIES
from llmanager.models.entities import Backend
from llmanager.models.ports import ModelHost
from llmanager.models.rows import Key
from llmanager.models.usecases.reconcile import reconcile_once
from llmanager.models.usecases.recover import void_leases
from llmanager.models.usecases.registry import Registry
from llmanager.models.usecases.sweep import sweep as sweep_models
from llmanager.vdb.usecases.ingest import Embed
from llmanager.wiring.aws.models import sagemaker_entries, sagemaker_host
from llmanager.wiring.local.chores import Chores
from llmanager.wiring.local.library import Library, opened_library
from llmanager.wiring.local.loop import ReconcileLoop
from llmanager.wiring.local.watchdog import EVERY_S as WATCHED_EVERY_S
from llmanager.wiring.local.watchdog import watchers
from llmanager.wiring.serving.alarms import Alarms
from llmanager.wiring.serving.caps import caps_of
from llmanager.wiring.serving.directory import RegistryDirectory
from llmanager.wiring.settings import Settings
from llmanager.wiring.values import SettingsError

ROUND_S = 5.0  # every model is looked at that often, whatever happens
CLOUD_ROUND_S = 60.0  # and those whose host is asked over a network, where questions are counted
OWNER = "local"  # of reconcile leases: one server works on a home, so those of an earlier run are nobody's
MEMORY_SHARE = 0.7  # of this machine's memory for workers, unless the settings say
log = structlog.get_logger()


@dataclass(frozen=True)
class Parts:
    """What runs as long as the server does."""

    store: SQLiteStore
    registry: Registry
    directory: RegistryDirectory
    loop: ReconcileLoop
    chores: tuple[Chores, ...]
    library: Library
    clock: Clock
    news: "News"

    def start(self, embed: Embed) -> None:
        """`embed`: what ingestion embeds with."""
        try:
            void_leases(self.registry)  # the home is ours alone, so whoever held one is dead
        except Retryable as error:  # such as a full disk: reading goes on, and leases run out
            log.warning("leases of the last server not voided", why=str(error))
        self.directory.reload()
        self.loop.start()
        for chores in self.chores:
            chores.start()
        self.library.start(embed)

    def missed(self, upstream: Upstream) -> None:
        """A request found no copy of a model on SageMaker: it counts as waking until somebody has looked."""
        resource = upstream.id.rpartition("/")[0]
        cloud: Any = self.registry.hosts[Backend.SAGEMAKER]
        cloud.missed(resource)
        self.news.replica_changed(resource)

    def check_ready(self) -> None:
        """Raises Unavailable where the rows cannot be read."""
        self.registry.table.get("ready", "ready")


@contextmanager
def opened_parts(settings: Settings) -> Iterator[Parts]:
    """On leaving, the loop ends first, then every worker, then the rows are closed.

    Raises HomeInUse if another server runs on the same home, and what opening the rows raises.
    """
    clock, news = SystemClock(), News()
    make_folders(settings)
    with ExitStack() as stack:
        stack.enter_context(HomeLock(settings.home))
        store = stack.enter_context(closing(open_store(settings, clock)))
        host = stack.enter_context(closing(local_host(settings, stack, clock, news.replica_changed)))
        remotes = RemoteModelHost(settings.remotes, on_change=news.replica_changed)
        hosts: dict[Backend, ModelHost] = {Backend.LOCAL: host, Backend.REMOTE: remotes}
        if (cloud := sagemaker_host(settings, clock)) is not None:
            hosts[Backend.SAGEMAKER] = cloud
        registry = Registry(
            table=store.table("registry"),
            hosts=hosts,
            clock=clock,
            new_id=random_id,
            stage=settings.stage,
            caps=caps_of(settings),
            catalog=ENTRIES if cloud is None else ENTRIES + sagemaker_entries(),
            changed=news.model_changed,
            busy=news.busy,
        )
        directory = RegistryDirectory(registry, clock, random_id(), news.poke)
        loop = ReconcileLoop(
            reconcile=lambda key: reconcile_once(registry, key, OWNER),
            rounds=Rounds(registry),
            clock=clock,
            period_s=ROUND_S,
            longest_s=CLOUD_ROUND_S,
            is_slow=partial(is_slow, registry),
            chores=(
                directory.reload,
                lambda: sweep_models(registry, is_billed=False).check(),
                Alarms(registry).look,
                partial(sweep_chats, store.table("history")),
            ),
        )
        stack.callback(loop.close)
        watchdog = Chores(watchers(hosts.values(), clock, settings.stage), WATCHED_EVERY_S)
        stack.callback(watchdog.close)
        # In a thread of its own: listing a cloud may take minutes, and local models are not to wait for it.
        cloud_sweep = Chores([lambda: sweep_models(registry, is_billed=True).check()], CLOUD_ROUND_S)
        stack.callback(cloud_sweep.close)
        news.connect(directory, loop)
        library = stack.enter_context(opened_library(settings, store.table, clock))
        yield Parts(store, registry, directory, loop, (watchdog, cloud_sweep), library, clock, news)


def is_slow(registry: Registry, key: Key) -> bool:
    """Whether its host is asked over a network. Raises what is Retryable of the table."""
    model = registry.find(key)
    return model is not None and registry.host(model).traits.is_billed


def local_host(
    settings: Settings, stack: ExitStack, clock: Clock, on_change: Callable[[str], None]
) -> LlamaCppModelHost:
    hub = HubSettings(endpoint=settings.hf_endpoint, token=settings.hf_token)
    weights = LocalWeights(home=settings.home, models_dir=settings.own_models, hub=hub, clock=clock)
    stack.callback(weights.close)
    return LlamaCppModelHost(
        weights=weights,
        home=settings.home,
        memory_budget_mib=settings.memory_mib or int(physical_mib() * MEMORY_SHARE),
        cores=os.cpu_count() or 1,
        engines=settings.engines,
        timing=Timing(liveness_s=settings.liveness_s, probe_timeout_s=settings.liveness_s),
        on_change=on_change,
    )


def make_folders(settings: Settings) -> None:
    """Raises SettingsError where LLMANAGER_HOME cannot be one, or LLMANAGER_MODELS_DIR is none.

    A models folder that the user names is the user's: it is not made here, where a slip in its name would go unseen.
    """
    if settings.models_dir is not None and not settings.models_dir.is_dir():
        raise SettingsError("LLMANAGER_MODELS_DIR", "names no folder. Make it, or name the one that holds your models.")
    try:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings.own_models.mkdir(exist_ok=True)
    except OSError as error:
        reason = f"cannot be made or used as a folder ({error.strerror}). Name one that you may write to."
        raise SettingsError("LLMANAGER_HOME", reason) from error


@contextmanager
def keys_table(settings: Settings) -> Iterator[Table]:
    """The API keys, for a command beside the server or without one."""
    make_folders(settings)
    with closing(open_store(settings, SystemClock())) as store:
        yield store.table("auth")


def open_store(settings: Settings, clock: Clock) -> SQLiteStore:
    return SQLiteStore(settings.home / "llmanager.sqlite", clock)


class Rounds:
    """The models to look at in a round, which happens every ROUND_S."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._cloud_at_s = registry.clock.monotonic_s()

    def __call__(self) -> list[Key]:
        now_s = self._registry.clock.monotonic_s()
        with_cloud = now_s >= self._cloud_at_s
        if with_cloud:
            self._cloud_at_s = now_s + CLOUD_ROUND_S
        models = self._registry.every()
        return [m.key for m in models if with_cloud or not self._registry.host(m).traits.is_billed]


class News:
    """Carries what changed in rows and replicas to those who cache or wait, who are made after them.

    Never raises an error of ours: a write that was answered has not failed, and a replica's thread must not either.
    What could not be read now is read by the next round.
    """

    def __init__(self) -> None:
        self._parts: tuple[RegistryDirectory, ReconcileLoop] | None = None
        self._open_requests: Mapping[str, int] | None = None

    def connect(self, directory: RegistryDirectory, loop: ReconcileLoop) -> None:
        self._parts = (directory, loop)

    def count_with(self, open_requests: Mapping[str, int]) -> None:
        """By upstream, kept up to date by whoever serves: what a replica has open is waited for before it stops."""
        self._open_requests = open_requests

    def busy(self, resource: str) -> frozenset[int] | None:
        if self._open_requests is None:
            return None
        ids = [upstream.rpartition("/") for upstream in list(self._open_requests)]
        return frozenset(int(replica) for whose, _, replica in ids if whose == resource)

    def poke(self, key: Key) -> None:
        if self._parts is not None:
            self._parts[1].poke(key)

    def model_changed(self, key: Key) -> None:
        if self._parts is None:
            return
        directory, loop = self._parts
        loop.poke(key)
        try:
            directory.refresh(key)
        except LLManagerError as error:
            log.warning("a route could not be renewed and will be later", model=key[1], why=str(error))

    def replica_changed(self, resource: str) -> None:
        if self._parts is not None:
            directory, _ = self._parts
            key = directory.key_of(resource)
            if key is not None:
                self.model_changed(key)


def physical_mib() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
