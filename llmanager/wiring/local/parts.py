"""The local platform's parts, made from the settings and joined. Importing or making them opens no socket."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

from llmanager.adapters.local.engines import EngineCommand
from llmanager.adapters.local.home_lock import HomeLock
from llmanager.adapters.local.llama_cpp import LlamaCppModelHost
from llmanager.adapters.local.replica import Timing
from llmanager.adapters.local.sqlite_table import SQLiteStore
from llmanager.adapters.local.weights import HubSettings, LocalWeights
from llmanager.adapters.remote.openai_host import Remote, RemoteModelHost
from llmanager.history.usecases.sweep import sweep as sweep_chats
from llmanager.kernel.clock import Clock, SystemClock
from llmanager.kernel.ids import random_id
from llmanager.kernel.table import Table
from llmanager.models.entities import Backend
from llmanager.models.rows import Key
from llmanager.models.usecases.reconcile import reconcile_once
from llmanager.models.usecases.registry import Registry
from llmanager.models.usecases.sweep import sweep as sweep_models
from llmanager.wiring.local.directory import RegistryDirectory
from llmanager.wiring.local.loop import ReconcileLoop
from llmanager.wiring.settings import Settings
from llmanager.wiring.values import SettingsError

ROUND_S = 5.0  # every model is looked at that often, whatever happens
MEMORY_SHARE = 0.7  # of this machine's memory for workers, unless the settings say


class Changes:
    """Lets a request's thread wait until something about models is so."""

    def __init__(self) -> None:
        self._changed = threading.Condition()

    def tell(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def until(self, is_so: Callable[[], bool], timeout_s: float) -> None:
        ends_at = time.monotonic() + timeout_s
        while not is_so():
            left_s = ends_at - time.monotonic()
            if left_s <= 0:
                return
            with self._changed:
                self._changed.wait(min(left_s, 0.2))  # a change between the question and the wait is not missed long


@dataclass(frozen=True)
class Parts:
    """What runs as long as the server does."""

    store: SQLiteStore
    registry: Registry
    directory: RegistryDirectory
    loop: ReconcileLoop
    changes: Changes
    clock: Clock

    def start(self) -> None:
        self.directory.reload()
        self.loop.start()

    def check_ready(self) -> None:
        """Raises Unavailable where the rows cannot be read."""
        self.registry.table.get("ready", "ready")


@contextmanager
def opened_parts(settings: Settings) -> Iterator[Parts]:
    """On leaving, the loop ends first, then every worker, then the rows are closed.

    Raises HomeInUse if another server runs on the same home, and what opening the rows raises.
    """
    clock, news, changes, owner = SystemClock(), _News(), Changes(), random_id()
    make_folders(settings)
    with ExitStack() as stack:
        stack.enter_context(HomeLock(settings.home))
        store = stack.enter_context(closing(open_store(settings, clock)))
        host = stack.enter_context(closing(local_host(settings, stack, clock, news.replica_changed)))
        remotes = {
            name: Remote(r.base_url, f"Bearer {r.key}" if r.key else None, r.served_name)
            for name, r in settings.remotes.items()
        }
        registry = Registry(
            table=store.table("registry"),
            hosts={Backend.LOCAL: host, Backend.REMOTE: RemoteModelHost(remotes, on_change=news.replica_changed)},
            clock=clock,
            new_id=random_id,
            stage=settings.stage,
            changed=news.model_changed,
        )
        loop = ReconcileLoop(
            reconcile=lambda key: reconcile_once(registry, key, owner),
            rounds=lambda: look_round(registry, store.table("history")),
            clock=clock,
            period_s=ROUND_S,
        )
        stack.callback(loop.close)
        directory = RegistryDirectory(registry, clock, owner, loop.poke)
        news.connect(directory, loop, changes)
        yield Parts(store, registry, directory, loop, changes, clock)


def look_round(registry: Registry, history: Table) -> list[Key]:
    """Finish what was interrupted; every model is due."""
    sweep_models(registry)
    sweep_chats(history)
    return [model.key for model in registry.every()]


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
        engines={
            name: EngineCommand(e.argv, e.env, e.key_env, e.health_path, e.served_name)
            for name, e in settings.engines.items()
        },
        timing=Timing(liveness_s=settings.liveness_s, probe_timeout_s=settings.liveness_s),
        on_change=on_change,
    )


def make_folders(settings: Settings) -> None:
    """Raises SettingsError where LLMANAGER_HOME cannot be one."""
    try:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings.own_models.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError("LLMANAGER_HOME", f"cannot be made or used as a folder ({error.strerror}).") from error


@contextmanager
def keys_table(settings: Settings) -> Iterator[Table]:
    """The API keys, for a command beside the server or without one."""
    make_folders(settings)
    with closing(open_store(settings, SystemClock())) as store:
        yield store.table("auth")


def open_store(settings: Settings, clock: Clock) -> SQLiteStore:
    return SQLiteStore(settings.home / "llmanager.sqlite", clock)


class _News:
    """Carries what changed in rows and replicas to those who cache or wait, who are made after them."""

    def __init__(self) -> None:
        self._parts: tuple[RegistryDirectory, ReconcileLoop, Changes] | None = None

    def connect(self, directory: RegistryDirectory, loop: ReconcileLoop, changes: Changes) -> None:
        self._parts = (directory, loop, changes)

    def model_changed(self, key: Key) -> None:
        if self._parts is not None:
            directory, loop, changes = self._parts
            directory.refresh(key)
            loop.poke(key)
            changes.tell()

    def replica_changed(self, resource: str) -> None:
        if self._parts is not None:
            directory, _, _ = self._parts
            key = directory.key_of(resource)
            if key is not None:
                self.model_changed(key)


def physical_mib() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
