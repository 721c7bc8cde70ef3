from structlog.testing import capture_logs

from llmanager.models.usecases import change
from llmanager.wiring.serving.alarms import Alarms
from tests.unit.models.usecases.world import GREETER, World


def test_an_alarm_is_told_once_when_it_appears_and_once_when_it_is_over():
    world = World()
    world.host.broken.add("demo-tiny")
    alarms = Alarms(world.registry)
    world.create()
    with capture_logs() as quiet:
        alarms.look()
    world.settle()
    with capture_logs() as first:
        alarms.look()
        alarms.look()
    change.delete(world.registry, GREETER)
    world.settle()
    with capture_logs() as last:
        alarms.look()
        alarms.look()
    told = {"tenant": "acme", "model": "greeter", "why": "failed: The file of 'demo-tiny' is broken."}
    assert quiet == []
    assert first == [{"log_level": "warning", "event": "alarm", **told}]
    assert last == [{"log_level": "info", "event": "alarm is over", **told}]
