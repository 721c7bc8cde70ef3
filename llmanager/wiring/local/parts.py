"""The local platform's parts, made from the settings and joined. No thread or socket is started here."""

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI

from llmanager.adapters.local.home_lock import HomeLock
from llmanager.adapters.local.llama_cpp import LlamaCppModelHost
from llmanager.adapters.local.sqlite_table import SQLiteStore
from llmanager.adapters.local.weights import LocalWeights
from llmanager.adapters.remote.openai_host import RemoteModelHost
from llmanager.kernel.clock import SystemClock
from llmanager.kernel.ids import random_id
from llmanager.models.entities import Backend
from llmanager.models.ports import ModelHost
from llmanager.models.rows import Key
from llmanager.models.usecases.reconcile import reconcile_once
from llmanager.models.usecases.registry import Registry
from llmanager.wiring.local.directory import RegistryDirectory
from llmanager.wiring.local.loop import ReconcileLoop
from llmanager.wiring.settings import Settings


class Changes:
    """Lets a request wait until something about models is so."""

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
                self._changed.wait(min(left_s, 0.5))
