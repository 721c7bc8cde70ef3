from llmanager.models.usecases.sweep import sweep
from tests.fakes.orders import held_by
from tests.unit.models.usecases.world import World

SINGER = ("acme", "singer")


def test_a_sweep_removes_what_has_no_row_and_nothing_else():
    world = World()
    kept = world.up()
    world.host.become_ready("lm-dev-orphan-aaaaaaaa")
    assert sweep(world.registry) == ("lm-dev-orphan-aaaaaaaa",)
    assert held_by(world.host) == (kept.resource,)
    assert sweep(world.registry) == ()
