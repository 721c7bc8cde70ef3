"""Long random lives of one model on SageMaker, drawn and shrunk by hypothesis: operations in handfuls, hours, mishaps.

Few and short ones by default; `--hypothesis-profile nightly` asks for many and long ones.
"""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from llmanager.kernel.errors import LLManagerError
from llmanager.models.usecases.sweep import sweep
from tests.simulation.explorer import Bounds
from tests.simulation.long_runs import LongRun
from tests.simulation.models_scenarios import OPERATIONS
from tests.simulation.sagemaker_models import SageMakerModels

pytestmark = pytest.mark.simulation

TYPE = "ml.g5.xlarge"
STEPS_S = (1, 20, 61, 300, 900, 7_200)
SHORT = settings(
    max_examples=40,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


class SageMakerLife(LongRun):
    build = SageMakerModels
    operations = OPERATIONS
    bounds = Bounds(3, 2)

    @rule(seconds=st.sampled_from(STEPS_S))
    def nobody_comes(self, seconds: int) -> None:
        """Up to two hours in which reaper and watchdog are down too."""
        self.world.tick(seconds)

    @rule(rounds=st.integers(1, 10))
    def all_is_well(self, rounds: int) -> None:
        for _ in range(rounds):
            self.world.round()

    @rule()
    def an_endpoint_vanishes(self) -> None:
        for name in sorted(self.world.cloud.world().endpoints.live)[:1]:
            self.world.cloud.vanish(name)

    @rule(instances=st.sampled_from([0, 1, 100]))
    def instances_are_rare(self, instances: int) -> None:
        self.world.cloud.set_capacity(TYPE, instances)

    @rule(is_broken=st.booleans())
    def containers_break(self, is_broken: bool) -> None:
        self.world.cloud.break_containers(self.world.resource(), is_broken)

    @rule()
    def the_day_after(self) -> None:
        """Long enough for the dead man's switch."""
        for hours in range(25):
            self.world.tick(3_600)
            if hours == 24:
                self._quietly(self.world.watchdog)
                self._quietly(lambda: sweep(self.world.registry))

    def _quietly(self, act: Callable[[], object]) -> None:
        try:
            act()
        except LLManagerError:
            return

    def teardown(self) -> None:
        """Everything is there again, and for long enough. Which of many creates may have succeeded is not asked."""
        cloud = self.world.cloud
        cloud.set_capacity(TYPE, 100)
        for name in list(cloud.world().broken):
            cloud.break_containers(name, False)
        self.world.rounds_to_recover = 40
        self.world.recover()
        self.outcomes.clear()
        found = list(self.world.violations([]))
        assert not found, found


def test_long_lives_keep_every_promise() -> None:
    is_nightly = settings.get_current_profile_name() == "nightly"
    run_state_machine_as_test(SageMakerLife, settings=settings.get_profile("nightly") if is_nightly else SHORT)
