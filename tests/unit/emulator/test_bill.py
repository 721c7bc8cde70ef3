"""The bill, against sums worked out by hand and against 10,000 random lives worked out by another rule book."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest

from emulator.conditions import Timing
from tests.fakes.clock import FakeClock
from tests.unit.emulator.scenes import (
    G5,
    G5_USD,
    NAME,
    awake,
    cloud_at,
    create_component,
    create_config,
    create_endpoint,
    endpoint,
    scale,
)

LIVES, PARTS = 10_000, 4  # in parts, which test processes share
CENT = Decimal("0.01")


def test_an_instance_bills_from_its_launch_to_the_end_of_its_endpoint(clock):
    cloud = cloud_at(clock)
    create_endpoint(cloud, minimum=1)
    clock.advance(7200)
    cloud.client("sagemaker").delete_endpoint(EndpointName=NAME)
    clock.advance(1000)
    [line] = cloud.bill.lines()
    assert (line.resource, line.instance_type, line.usd_per_hour) == (NAME, G5, G5_USD)
    assert (line.end - line.start).total_seconds() == 7260
    assert cloud.bill.usd(clock.now()).quantize(CENT**6) == Decimal("2.839466666667")
    assert cloud.bill.usd(line.start) == 0
    assert cloud.bill.usd(clock.now(), resource=NAME) == cloud.bill.usd(clock.now())
    assert cloud.bill.usd(clock.now(), resource="another") == 0
    assert len(cloud.bill.running(line.start)) == 1
    assert cloud.bill.running(line.end) == []


def test_thirds_of_a_cent_are_not_lost_on_the_way(clock):
    cloud = cloud_at(clock)
    for number in range(3):
        create_endpoint(cloud, f"e{number}", minimum=1)
    clock.advance(1)
    assert cloud.bill.usd(clock.now()) * 1200 == G5_USD.quantize(CENT**10)
    assert cloud.bill.usd_per_hour() == 3 * G5_USD


def test_what_happened_unseen_is_billed_at_its_own_time(clock):
    """One look after a day finds the same bill as a look every minute."""
    watched, unwatched = FakeClock(), FakeClock()
    first, second = awake(watched), awake(unwatched)
    scale(first, 0)
    scale(second, 0)
    for _ in range(24 * 60):
        watched.advance(60)
        endpoint(first)
    unwatched.advance(24 * 3600)
    assert first.bill.lines() == second.bill.lines()


@dataclass(eq=False)
class Box:
    launched: Fraction
    idle: Fraction | None


class Ledger:
    """What a life should cost, by counting boxes. Every copy fills one; `busy` are in the order of their copies."""

    def __init__(self, minimum: int, initial: int) -> None:
        self.minimum = minimum
        self.boxes = [Box(Fraction(0), Fraction(180)) for _ in range(initial)]
        self.busy: list[Box] = []
        self.seconds = Fraction(0)

    def release_until(self, at):
        while len(self.boxes) > self.minimum:
            idle = [box for box in self.boxes if box.idle is not None and box.idle + 600 <= at]
            if not idle:
                return
            first = min(idle, key=lambda box: box.idle)
            self.boxes.remove(first)
            self.seconds += first.idle + 600 - first.launched

    def wake(self, at, copies):
        """Idle boxes first, oldest first; then new ones. Returns how long it takes until all copies are up."""
        wait = 240
        for _ in range(copies):
            box = next((box for box in self.boxes if box.idle is not None), None)
            if box is None:
                box = Box(at, None)
                self.boxes.append(box)
                wait = 420
            box.idle = None
            self.busy.append(box)
        return wait

    def sleep(self, at, copies):
        """The copies that came last stop, which takes 30 seconds."""
        for _ in range(copies):
            self.busy.pop().idle = at + 30
        return 30

    def end(self, at):
        self.seconds += sum(at - box.launched for box in self.boxes)


def ms(random: Random, low: int, high: int) -> Fraction:
    return Fraction(random.randint(low * 1000, high * 1000), 1000)


def a_life_with_a_model(random: Random) -> tuple[Decimal, Fraction]:
    """n instances for as long as the endpoint lives, or as many as there were, if it failed."""
    clock, wanted, there = FakeClock(), random.randint(1, 4), random.randint(0, 4)
    cloud = cloud_at(clock, capacity={G5: there})
    sm = cloud.client("sagemaker")
    sm.create_model(ModelName=NAME)
    variant = {"VariantName": "v", "ModelName": NAME, "InstanceType": G5, "InitialInstanceCount": wanted}
    sm.create_endpoint_config(EndpointConfigName=NAME, ProductionVariants=[variant])
    sm.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)
    lived = ms(random, 900, 90_000)
    clock.advance(float(lived))
    assert endpoint(cloud)["EndpointStatus"] == ("InService" if wanted <= there else "Failed")
    sm.delete_endpoint(EndpointName=NAME)
    clock.advance(3600)
    return cloud.bill.usd(clock.now()), min(wanted, there) * (lived + 60)


def a_life_with_a_component(random: Random) -> tuple[Decimal, Fraction]:
    """Wakes and sleeps at random, with rests shorter and longer than it takes to release an instance."""
    clock, minimum, initial = FakeClock(), random.randint(0, 2), random.randint(1, 3)
    cloud, ledger, at = cloud_at(clock), Ledger(minimum, initial), Fraction(0)
    create_config(cloud, initial=initial, minimum=minimum, maximum=4)
    cloud.client("sagemaker").create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)

    def rest(seconds: Fraction) -> None:
        nonlocal at
        at += seconds
        clock.advance(float(seconds))
        ledger.release_until(at)

    rest(ms(random, 180, 2000))
    copies = random.randint(0, 4)
    create_component(cloud, copies=copies)
    rest(ledger.wake(at, copies) + ms(random, 0, 1500))
    for _ in range(random.randint(0, 4)):
        before, copies = copies, random.randint(0, 4)
        scale(cloud, copies)
        wait = ledger.sleep(at, before - copies) if copies < before else ledger.wake(at, copies - before)
        rest(wait + ms(random, 0, 1500))
    cloud.client("sagemaker").delete_inference_component(InferenceComponentName=NAME)
    ledger.sleep(at, copies)
    rest(Fraction(30))
    rest(ms(random, 0, 1500))
    cloud.client("sagemaker").delete_endpoint(EndpointName=NAME)
    ledger.end(at + 60)
    clock.advance(3600)
    return cloud.bill.usd(clock.now()), ledger.seconds


@pytest.mark.parametrize("part", range(PARTS))
def test_ten_thousand_random_lives_are_billed_to_the_cent(part):
    for seed in range(part, LIVES, PARTS):
        random = Random(seed)
        life = a_life_with_a_component if random.random() < 0.8 else a_life_with_a_model
        usd, seconds = life(random)
        expected = Fraction(G5_USD) * seconds / 3600
        assert usd.quantize(CENT) == round_cents(expected), f"seed {seed}"
        assert abs(Fraction(usd) - expected) < Fraction(1, 10**40), f"seed {seed}"


def round_cents(usd: Fraction) -> Decimal:
    return Decimal(round(usd * 100)) / 100


def test_the_ledger_counts_with_the_times_that_the_emulator_has():
    timing = Timing()
    assert (timing.instance_start_s, timing.copy_start_s, timing.copy_stop_s) == (180, 240, 30)
    assert (timing.release_after_s, timing.endpoint_delete_s, timing.component_delete_s) == (600, 60, 30)
