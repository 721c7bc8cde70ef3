"""A model's life, over HTTP."""

import pytest

from tests.api.conftest import create_ready, delete_all_trace
from tests.api.shape import assert_error
from tests.fakes.eventually import eventually

PLAN = {"actions", "instance_type", "usd_per_hour", "usd_per_month", "cold_start_s", "fit"}
STATUS = {
    "name",
    "status",
    "is_up",
    "reason",
    "replicas",
    "last_used_at",
    "sleeps_at",
    "expires_at",
    "usd_per_hour",
    "usd_spent",
    "events",
}
CREATING = ("creating", "ready")


def status(api, name):
    return api.post("/model/status", {"name": name})


@pytest.fixture
def model(api, name, chat_source):
    yield create_ready(api, name, chat_source)
    delete_all_trace(api, name)


def test_the_catalog_names_what_can_be_created_by_alias_where_it_runs_and_for_how_much(api, chat_source):
    models = {entry["alias"]: entry for entry in api.get("/model/catalog").json["models"]}
    assert {chat_source, "minilm" if api.platform == "local" else "gte-large"} <= models.keys()
    assert models[chat_source]["backend"] == ("local" if api.platform == "local" else "sagemaker")
    assert (models[chat_source]["usd_per_hour"] == "0") is (api.platform == "local")


def test_a_plan_tells_price_and_fit_and_creates_nothing(api, name, chat_source):
    body = {"name": name, "model": chat_source}
    planned = api.post("/model/plan", body)
    dry = api.post("/model/create", {**body, "dry_run": True})
    assert planned.status == dry.status == 200
    assert set(planned.json) == set(dry.json) == {"plan"}
    assert set(planned.json["plan"]) >= PLAN
    assert planned.json["plan"]["usd_per_hour"] == dry.json["plan"]["usd_per_hour"]
    assert (planned.json["plan"]["usd_per_hour"] == "0") is (api.platform == "local")
    assert_error(status(api, name), 404)


def test_a_created_model_becomes_ready_and_answers(api, name, chat_source):
    created = api.post("/model/create", {"name": name, "model": chat_source})
    assert created.status == 202
    assert created.json["name"] == name
    assert created.json["status"] in CREATING
    assert set(created.json["plan"]) >= PLAN

    ready = eventually(lambda: status(api, name).json, lambda seen: seen["status"] in ("ready", "failed"))
    assert ready["status"] == "ready", ready["reason"]
    assert set(ready) >= STATUS
    assert ready["is_up"] is True

    answer = api.post("/model/query", {"name": name, "query": "Hello", "parameters": {"max_tokens": 8}})
    assert answer.status == 200
    assert answer.json["model"] == name
    assert isinstance(answer.json["response"], str)
    assert answer.json["response"]
    assert answer.json["usage"]["completion_tokens"] > 0
    assert status(api, name).json["last_used_at"].endswith("Z")
    delete_all_trace(api, name)


def test_a_query_may_name_the_model_by_model(api, chat_model):
    answer = api.post("/model/query", {"model": chat_model, "query": "Hello", "parameters": {"max_tokens": 4}})
    assert answer.status == 200


def test_a_query_may_be_streamed(api, chat_model):
    body = {"name": chat_model, "query": "Hello", "stream": True, "parameters": {"max_tokens": 8}}
    assert len(list(api.events("/model/query", body))) > 1


def test_a_name_is_taken_once(api, chat_model, chat_source):
    before = status(api, chat_model).json["status"]
    assert_error(api.post("/model/create", {"name": chat_model, "model": chat_source}), 409)
    assert status(api, chat_model).json["status"] == before


def test_a_repeated_creation_with_an_idempotency_key_is_no_conflict(api, name, chat_source):
    body, headers = {"name": name, "model": chat_source}, {"idempotency-key": name}
    first = api.post("/model/create", body, headers)
    again = api.post("/model/create", body, headers)
    assert (first.status, again.status) == (202, 202)
    assert first.body == again.body
    delete_all_trace(api, name)


def test_a_list_goes_page_by_page_and_ends(api, chat_model, embedding_model):
    seen, cursor = [], None
    for _ in range(50):
        body = {"limit": 1} if cursor is None else {"limit": 1, "cursor": cursor}
        page = api.post("/model/list", body).json
        assert len(page["models"]) <= 1
        seen += [model["name"] for model in page["models"]]
        if (cursor := page["cursor"]) is None:
            break
    assert cursor is None
    assert len(seen) == len(set(seen))
    assert {chat_model, embedding_model} <= set(seen)


def test_a_sleeping_model_is_woken_by_the_request_that_needs_it(api, model):
    slept = api.post("/model/sleep", {"name": model})
    assert slept.status == 202
    assert set(slept.json) >= STATUS
    asleep = eventually(lambda: status(api, model).json, lambda seen: seen["status"] == "asleep")
    assert asleep["is_up"] is False

    answer = api.post("/model/query", {"name": model, "query": "Hello", "parameters": {"max_tokens": 4}})

    assert answer.status == 200
    eventually(lambda: status(api, model).json["status"], lambda seen: seen == "ready", within_s=10)


def test_a_sleeping_model_is_woken_by_name(api, model):
    api.post("/model/sleep", {"name": model})
    eventually(lambda: status(api, model).json["status"], lambda seen: seen == "asleep")
    woken = api.post("/model/wake", {"name": model})
    assert woken.status == 202
    assert woken.json["status"] in ("waking", "ready")
    eventually(lambda: status(api, model).json["status"], lambda seen: seen == "ready")


def test_an_update_changes_what_it_names(api, model):
    updated = api.post("/model/update", {"name": model, "sleep_after_s": 3600})
    assert updated.status == 202
    assert set(updated.json) >= STATUS
    eventually(lambda: status(api, model).json["status"], lambda seen: seen == "ready")


def test_a_deleted_model_is_gone_and_its_name_free_again(api, name, chat_source):
    create_ready(api, name, chat_source)
    deleted = api.post("/model/delete", {"name": name})
    assert deleted.status == 202
    assert deleted.json["status"] == "deleting"
    again = api.post("/model/delete", {"name": name})
    assert again.status in (202, 404)
    eventually(lambda: status(api, name).status, lambda seen: seen == 404)
    assert_error(api.post("/model/delete", {"name": name}), 404)
    assert_error(api.post("/model/query", {"name": name, "query": "Hello"}), 404)
    assert name not in {model["name"] for model in api.post("/model/list", {"limit": 200}).json["models"]}
    create_ready(api, name, chat_source)
    delete_all_trace(api, name)


@pytest.mark.parametrize("route", ["status", "query", "update", "sleep", "wake", "delete"])
def test_an_absent_model_is_not_found(api, name, route):
    extra = {"query": {"query": "Hello"}, "update": {"sleep_after_s": 60}}.get(route, {})
    assert_error(api.post(f"/model/{route}", {"name": name, **extra}), 404)


@pytest.mark.parametrize(
    "model", ["no-such-alias", "../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "~/x.gguf", "", "a" * 5000]
)
def test_a_model_that_cannot_be_had_is_refused_before_anything_is_kept(api, name, model):
    assert_error(api.post("/model/create", {"name": name, "model": model}), 400, 422)
    assert status(api, name).status == 404


@pytest.mark.parametrize(
    "wish",
    [
        {"kind": "song"},
        {"backend": "mainframe"},
        {"scaling": {"min": -1}},
        {"scaling": {"min": 5, "max": 1}},
        {"scaling": {"replicas": 1}},
        {"sleep_after_s": -1},
        {"sleep_after_s": "900"},
        {"ttl_s": 0},
        {"context_tokens": 0},
        {"context_tokens": 10**12},
        {"dry_run": "yes"},
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_before_anything_is_kept(api, name, chat_source, wish):
    assert_error(api.post("/model/create", {"name": name, "model": chat_source, **wish}), 400, 422)
    assert status(api, name).status == 404


def test_more_replicas_than_memory_holds_are_not_created(api, name, chat_source):
    body = {"name": name, "model": chat_source, "scaling": {"min": 100000, "max": 100000}}
    assert_error(api.post("/model/create", body), 400, 422, 503)
    assert status(api, name).status == 404
