"""One local replica: its whole life, on a thread of its own.

    fetching the weights -> loading -> ready, looked at every `liveness_s` -> stopped, or failed with a reason

The thread is the only one that moves the state; `stop` and `suspect` only leave word for it.
"""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from llmanager.adapters.local.engines import Assignment, EngineCommand, launch
from llmanager.adapters.local.failures import explain
from llmanager.adapters.local.fit import Fit, fit
from llmanager.adapters.local.liveness import Target, is_alive
from llmanager.adapters.local.processes import PATIENCE_S, Child, Launch
from llmanager.adapters.local.weights_port import Fetching, Missing, Present, Weights
from llmanager.kernel.errors import Final, LLManagerError
from llmanager.models.entities import ModelSpec, Replica, ReplicaState
from llmanager.models.ports import Endpoint

MISSES_ALLOWED = 1
AFTER_MISS_S = 1.0
UNTIL_GONE_S = 3 * PATIENCE_S  # in that time a child ends, whatever it does


@dataclass(frozen=True)
class Timing:
    liveness_s: float = 30.0  # between two looks at a replica
    probe_timeout_s: float = 30.0  # an engine on a busy machine is slow, not dead
    load_timeout_s: float = 600.0
    fetch_look_s: float = 0.5  # between two looks at a running fetch


@dataclass(frozen=True)
class Surroundings:
    """What a replica needs of its host. Every function is thread-safe and called without locks held."""

    weights: Weights
    timing: Timing
    spawn: Callable[[Launch, Callable[[], None]], Child]
    resize: Callable[["LocalReplica", Fit], None]  # that is what it takes from now on; raises NoRoom
    threads: Callable[[], int]
    release: Callable[["LocalReplica"], None]  # it does not wait for its weights any more
    changed: Callable[["LocalReplica"], None]
    ended: Callable[["LocalReplica"], None]


class _Failed(Exception):
    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


class LocalReplica:
    def __init__(
        self, index: int, spec: ModelSpec, command: EngineCommand | None, need: Fit, log: Path, revision: int = 1
    ) -> None:
        self.index = index
        self.spec = spec
        self.revision = revision
        self.need = need
        self.is_fetching = True
        self._command = command
        self._log = log
        self._seen = self._in(ReplicaState.STARTING)
        self._endpoint: Endpoint | None = None
        self._child: Child | None = None
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._over = threading.Event()

    @property
    def seen(self) -> Replica:
        return self._in(ReplicaState.STOPPING) if self._stopping.is_set() else self._seen

    @property
    def endpoint(self) -> Endpoint | None:
        return None if self._stopping.is_set() else self._endpoint

    @property
    def is_active(self) -> bool:
        """It takes memory and cores, or is about to."""
        return not self._over.is_set()

    def begin(self, surroundings: Surroundings) -> None:
        threading.Thread(target=self._live, args=(surroundings,), name=f"replica-{self.index}", daemon=True).start()

    def fail(self, reason: str, *, is_final: bool) -> None:
        """For its own thread, or instead of `begin`."""
        self._endpoint = None
        self._seen = self._in(ReplicaState.FAILED, reason=reason, is_final=is_final)
        self._over.set()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()
        if self._child is not None:
            self._child.stop()

    def suspect(self) -> None:
        self._wake.set()

    def wait(self, timeout_s: float) -> bool:
        return self._over.wait(timeout_s)

    def _in(self, state: ReplicaState, *, stage: str = "", reason: str = "", is_final: bool = False) -> Replica:
        return Replica(self.index, state, stage, reason, is_final, self.revision)

    def _live(self, around: Surroundings) -> None:
        reason, is_final = "The host failed unexpectedly. The replica is started again.", False
        try:
            present = self._fetch(around)
            if present is not None:
                self._run(around, present)
        except _Failed as failed:
            reason, is_final = str(failed), failed.is_final
        except LLManagerError as error:
            reason, is_final = str(error), isinstance(error, Final)
        except OSError as error:
            reason = f"The host could not start a process for it ({error.strerror}). It is started again."
        finally:
            self.fail(reason, is_final=is_final)
            around.ended(self)

    def _fetch(self, around: Surroundings) -> Present | None:
        """The weights, once they are here; None: stopped before."""
        model, kind = self.spec.model, self.spec.kind
        found = around.weights.ensure(model, kind)
        while isinstance(found, Fetching) and not self._stopping.is_set():
            self._enter(around, found.stage)
            found = around.weights.wait(model, kind, around.timing.fetch_look_s)
        self.is_fetching = False
        if isinstance(found, Present) and not self._stopping.is_set():
            return found
        around.release(self)
        if isinstance(found, Missing):
            raise _Failed(found.reason, is_final=found.is_final)
        return None

    def _run(self, around: Surroundings, present: Present) -> None:
        around.resize(self, fit(self.spec, present.facts))
        self._enter(around, "loading")
        key = secrets.token_urlsafe(32)
        assignment = Assignment(
            weights=present.path,
            kind=self.spec.kind,
            context_tokens=self.need.context_tokens,
            slots=self.spec.scaling.target_concurrency,
            threads=around.threads(),
            key=key,
        )
        child = around.spawn(launch(assignment, self._command, self._log), self._wake.set)
        self._child = child
        if self._stopping.is_set():
            child.stop()  # `stop` came before there was a child to tell
        address = self._address(child, around.timing.load_timeout_s)
        if address is not None:
            self._open(around, address, key)
            self._look_after(child, around.timing)
        self._see_off(child, was_ready=address is not None)

    def _open(self, around: Surroundings, address: str, key: str) -> None:
        has_key = self._command is None or self._command.key_env is not None
        self._endpoint = Endpoint(
            replica=self.index,
            base_url=address,
            served_name=None if self._command is None else self._command.served_name,
            authorization=f"Bearer {key}" if has_key else None,
        )
        self._seen = self._in(ReplicaState.READY)
        around.changed(self)

    def _look_after(self, child: Child, timing: Timing) -> None:
        """Returns when the child has ended or is to end."""
        endpoint = self._endpoint
        assert endpoint is not None
        target = Target(endpoint.base_url, endpoint.authorization, self.spec.kind, endpoint.served_name)
        misses = 0
        while True:
            self._wake.wait(AFTER_MISS_S if misses else timing.liveness_s)
            self._wake.clear()
            if child.has_ended or self._stopping.is_set():
                return
            child.trim_log()
            misses = 0 if is_alive(target, timing.probe_timeout_s) else misses + 1
            if misses > MISSES_ALLOWED:
                self._end(child)
                raise _Failed("The engine stopped answering and was ended. It is started again.")

    def _see_off(self, child: Child, *, was_ready: bool) -> None:
        if not child.wait(UNTIL_GONE_S):
            self._end(child)
        if self._stopping.is_set():
            return
        assert child.exit_status is not None
        failure = explain(child.exit_status, child.last_lines(), was_ready=was_ready)
        raise _Failed(failure.reason, is_final=failure.is_final)

    def _address(self, child: Child, timeout_s: float) -> str | None:
        try:
            return child.address(timeout_s)
        except TimeoutError:
            self._end(child)
            raise _Failed("The engine did not finish loading in time and was ended. It is started again.") from None

    def _end(self, child: Child) -> None:
        child.kill()
        child.wait(UNTIL_GONE_S)

    def _enter(self, around: Surroundings, stage: str) -> None:
        if self._seen.stage != stage:
            self._seen = self._in(ReplicaState.STARTING, stage=stage)
            around.changed(self)
