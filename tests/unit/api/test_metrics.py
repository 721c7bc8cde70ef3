from decimal import Decimal

from fastapi import FastAPI
from starlette.testclient import TestClient

from llmanager.api.metrics import PrometheusMeter, metrics_routes
from llmanager.api.validation import install_error_handlers
from llmanager.gateway.ports import Served, Usage
from llmanager.kernel.errors import Unavailable
from llmanager.models.ports import HostTraits
from llmanager.models.usecases.fleet import fleet
from tests.fakes.data_path import FakeKeyring
from tests.fakes.model_host import FakeModelHost
from tests.unit.models.usecases.world import World


def served(**changes):
    record = {
        "tenant": "acme",
        "key_id": "key-1",
        "model": "greeter",
        "route": "/v1/chat/completions",
        "status": 200,
        "outcome": "ok",
        "usage": Usage(3, 5),
        "duration_s": 1.0,
        "first_byte_s": 0.3,
    }
    return Served(**(record | changes))


def scraped(meter, *, scopes=frozenset({"admin"})):
    app = FastAPI()
    install_error_handlers(app)
    app.include_router(metrics_routes(meter, FakeKeyring(scopes=scopes)))
    with TestClient(app, headers={"authorization": "Bearer acme"}) as client:
        return client.get("/metrics")


def test_requests_tokens_and_first_bytes_are_counted():
    meter = PrometheusMeter(lambda: {"ready": 2, "asleep": 1}, lambda: {"held": 1, "sent": 3})
    meter.served(served())
    meter.served(served())
    meter.served(served(status=499, outcome="cancelled", usage=None, first_byte_s=None))
    text = scraped(meter).text
    route = 'route="/v1/chat/completions"'
    assert f'llmanager_requests_total{{outcome="ok",{route},status="200"}} 2.0' in text
    assert f'llmanager_requests_total{{outcome="cancelled",{route},status="499"}} 1.0' in text
    assert 'llmanager_tokens_total{direction="prompt"} 6.0' in text
    assert 'llmanager_tokens_total{direction="completion"} 10.0' in text
    assert f"llmanager_first_byte_seconds_count{{{route}}} 2.0" in text
    assert f'llmanager_first_byte_seconds_bucket{{le="0.25",{route}}} 0.0' in text
    assert 'llmanager_open_requests{stage="held"} 1.0\nllmanager_open_requests{stage="sent"} 3.0' in text
    assert 'llmanager_models{status="asleep"} 1.0\nllmanager_models{status="ready"} 2.0' in text


def test_no_label_holds_a_tenant_a_key_or_a_model():
    meter = PrometheusMeter(dict, dict)
    meter.served(served())
    text = scraped(meter).text
    assert not [word for word in ("acme", "key-1", "greeter") if word in text]


def test_only_admins_read_them():
    assert scraped(PrometheusMeter(dict, dict), scopes=frozenset({"model:read"})).status_code == 403


def spending(world):
    return scraped(PrometheusMeter(dict, dict, lambda: fleet(world.registry))).text


def test_what_the_fleet_costs_now():
    world = World(host=FakeModelHost(traits=HostTraits(is_billed=True)))
    world.host.usd_per_hour = Decimal("1.5")
    world.up()
    world.create("other", ttl_s=60)
    world.clock.advance(3600)
    text = spending(world)
    assert "llmanager_billed_instances 1.0" in text
    assert "llmanager_usd_per_hour 1.5" in text
    assert "llmanager_unpriced_models 0.0" in text
    assert "llmanager_alarms 2.0" in text


def test_without_the_registry_the_other_figures_are_told():
    world = World()
    world.table.down = Unavailable("The rows are away.")
    text = spending(world)
    assert "llmanager_billed_instances" not in text
    assert "llmanager_models" in text
