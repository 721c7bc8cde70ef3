from fastapi import FastAPI
from starlette.testclient import TestClient

from llmanager.api.metrics import PrometheusMeter, metrics_routes
from llmanager.api.validation import install_error_handlers
from llmanager.gateway.ports import Served, Usage
from tests.fakes.data_path import FakeKeyring


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
