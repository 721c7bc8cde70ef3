"""POST /model/create and the promises a model is made with: plan, wait, price, idle policy."""

from dataclasses import replace
from decimal import Decimal

import pytest
from starlette.testclient import TestClient

from llmanager.models.caps import Caps
from llmanager.models.entities import Backend, Scaling, Window
from tests.unit.api.models_house import SCOPES, empty_house, error_of
from tests.unit.models.usecases.world import GREETER


@pytest.fixture
def house():
    return empty_house()


def test_a_create_answers_at_once_with_status_and_plan(house):
    made = house.make()
    assert (made["name"], made["status"], made["is_up"]) == ("greeter", "creating", False)
    assert made["plan"]["actions"] == ["start replica 0"]
    assert made["plan"]["fit"] == {"fits": True, "reason": "It needs 100 MiB."}
    assert (made["usd_per_hour"], made["usd_spent"]) == ("0", "0")
    assert made["created_at"] == "2026-11-20T12:00:00.000Z"
    assert house.waits == []
    assert house.host.calls == []


def test_a_create_may_wait_until_the_model_is_up_and_still_tells_the_plan_it_was_made_by(house):
    made = house.make(wait_s=60)
    assert (made["status"], made["is_up"]) == ("ready", True)
    assert made["plan"]["actions"] == ["start replica 0"]
    assert house.waits == [(GREETER, 60)]


@pytest.mark.parametrize("verb", ["sleep", "delete"])
def test_a_wait_ends_when_somebody_else_wants_otherwise(house, verb):
    def otherwise():
        answer = TestClient(house.app, headers={"authorization": "Bearer acme"}).post(
            f"/model/{verb}", json={"name": "greeter"}
        )
        assert answer.status_code == 202

    house.meanwhile = otherwise
    assert house.make(wait_s=60)["status"] in ("asleep", "deleting")


def test_a_wait_ends_when_the_model_fails(house):
    house.host.broken.add("demo-tiny")
    made = house.make(wait_s=60)
    assert (made["status"], made["reason"]) == ("failed", "The file of 'demo-tiny' is broken.")


def test_a_dry_run_shows_the_plan_and_keeps_nothing(house):
    house.remote.price = None
    body = {"name": "gpt", "model": "gpt", "backend": "remote", "scaling": {"min": 2}}
    dry = house.post("create", **body, dry_run=True)
    assert dry == house.post("plan", **body)
    assert dry["plan"]["actions"] == ["fetch 350 MiB", "start replica 0", "start replica 1"]
    assert (dry["plan"]["usd_per_hour"], dry["plan"]["cold_start_s"]) == (None, 0.1)
    assert house.table.scan().rows == ()


def test_a_dry_run_of_a_taken_name_and_a_second_create_are_refused(house):
    house.make()
    assert error_of(house.post("create", 409, name="greeter", model="demo-tiny", dry_run=True))[0] == "model_exists"
    assert error_of(house.post("create", 409, name="greeter", model="demo-tiny"))[0] == "model_exists"


def test_one_model_too_many_is_refused(house):
    house.registry = replace(house.registry, caps=Caps(max_models=1))
    house.serve(SCOPES)
    house.make()
    assert error_of(house.post("create", 409, name="other", model="demo-tiny"))[0] == "too_many_models"


def test_what_is_not_said_takes_its_default(house):
    house.make()
    spec = house.model().spec
    assert (spec.sleep_after_s, spec.scaling, spec.kind.value) == (900, Scaling(), "chat")
    house.post("create", 202, name="mini", model="minilm", scaling={"min": 2})
    embedder = house.model(("acme", "mini")).spec
    assert (embedder.kind.value, embedder.scaling, embedder.sleep_after_s) == ("embedding", Scaling(2, 2), None)
    house.post("create", 202, name="ever", model="demo-tiny", sleep_after_s=None)
    assert house.model(("acme", "ever")).spec.sleep_after_s is None
    house.post("create", 202, name="own", model="a/b", kind="embedding", ttl_s=60)
    assert house.model(("acme", "own")).spec.kind.value == "embedding"
    assert house.post("status", name="own")["expires_at"] == "2026-11-20T12:01:00.000Z"


@pytest.mark.parametrize("scaling", [{"min": 3, "max": 2}, {"max": 0}, {"min": 17}, {"replicas": 2}])
def test_scaling_that_contradicts_itself_is_refused(house, scaling):
    house.post("create", 422, name="greeter", model="demo-tiny", scaling=scaling)
    assert house.registry.find(GREETER) is None


def test_a_price_is_accepted_once(house):
    house.remote.price = None
    body = {"name": "gpt", "model": "gpt", "backend": "remote"}
    assert error_of(house.post("create", 422, **body)) == ("price_unknown", "accept_unknown_price")
    house.post("create", 202, **body, accept_unknown_price=True)
    house.post("update", 202, name="gpt", sleep_after_s=60)
    assert house.model(("acme", "gpt")).spec.sleep_after_s == 60


def test_a_price_that_becomes_unknown_is_asked_for(house):
    house.post("create", 202, name="gpt", model="gpt", backend="remote")
    house.remote.price = None
    assert error_of(house.post("update", 422, name="gpt", sleep_after_s=60))[0] == "price_unknown"
    house.post("update", 202, name="gpt", sleep_after_s=60, accept_unknown_price=True)


def test_the_older_form_of_an_idle_timeout_deletes_soon_after_it_slept(house):
    house.make(enableTimeout=True, timeout=600, timeoutGPUThreshold=0.05)
    spec = house.registry.require(("acme", "greeter")).spec
    assert (spec.sleep_after_s, spec.delete_after_s) == (600, 1)


def test_without_being_switched_on_it_means_nothing(house):
    house.make(timeout=600)
    spec = house.registry.require(("acme", "greeter")).spec
    assert (spec.sleep_after_s, spec.delete_after_s) == (900, None)


def test_two_idle_policies_at_once_are_refused(house):
    refused = house.post("create", 422, name="greeter", model="demo-tiny", enableTimeout=True, sleep_after_s=60)
    assert "enableTimeout" in refused["error"]["message"]


CLOUD = {"name": "greeter", "model": "qwen", "backend": "sagemaker"}


def test_what_a_container_is_given(house):
    house.post(
        "create",
        202,
        **CLOUD,
        instance_type="ml.g6.xlarge",
        image="763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.36.0-lmi",
        weights="s3://weights/qwen/",
        env={"OPTION_MAX_MODEL_LEN": "8192"},
    )
    spec = house.model().spec
    assert (spec.backend, spec.instance_type, spec.weights) == (Backend.SAGEMAKER, "ml.g6.xlarge", "s3://weights/qwen/")
    assert (spec.image, spec.env) == (
        "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.36.0-lmi",
        {"OPTION_MAX_MODEL_LEN": "8192"},
    )


def test_the_older_names_mean_the_same(house):
    house.post(
        "create",
        202,
        **CLOUD,
        bucket="weights",
        key="qwen/model.tar.gz",
        env_vars={"A": "1"},
        docker_img="vllm/vllm-openai:v0.9",
        enableTimeout=True,
        timeoutGPUThreshold=2.5,
    )
    spec = house.model().spec
    assert (spec.weights, spec.env, spec.image) == (
        "s3://weights/qwen/model.tar.gz",
        {"A": "1"},
        "vllm/vllm-openai:v0.9",
    )
    assert (spec.sleep_after_s, spec.delete_after_s, spec.gpu_idle_below_percent) == (300, 1, Decimal("2.5"))


def test_without_the_older_timeout_nobody_asks_the_gpus(house):
    house.make()
    assert house.model().spec.gpu_idle_below_percent is None


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("instance_type", {"backend": "local", "instance_type": "ml.g6.xlarge"}),
        ("env_vars", {"backend": "remote", "env_vars": {"A": "1"}}),
        ("bucket", {"bucket": "weights"}),
        ("bucket", {"key": "qwen", "image": "a/b"}),
        ("docker_img", {"docker_img": "a/b", "image": "a/c"}),
        ("env_vars", {"env_vars": {}, "env": {}}),
        ("bucket", {"bucket": "weights", "key": "a", "weights": "s3://weights/b"}),
        ("weights", {"weights": "https://example.org/weights"}),
        ("weights", {"weights": "s3://weights"}),
        ("image", {"image": "a b"}),
        ("instance_type", {"instance_type": "ML"}),
        ("env", {"env": {"1A": "x"}}),
        ("env", {"env": {"A": "x" * 1025}}),
        ("env", {"env": {f"A{n}": "x" for n in range(81)}}),
    ],
)
def test_what_contradicts_itself_or_means_nothing_is_refused_and_named(house, field, body):
    refused = house.post("create", 422, **{**CLOUD, **body})["error"]
    assert field in f"{refused['message']} {refused['param']}"
    assert house.registry.find(GREETER) is None


OFFICE = {"start": "08:00", "end": "18:00", "days": [0, 1, 2, 3, 4], "zone": "Europe/Berlin", "min": 2}


def test_a_schedule_is_kept_and_replaced_whole(house):
    house.make(scaling={"schedule": [OFFICE, {"start": "09:00", "end": "12:00"}]})
    office = Window("08:00", "18:00", (0, 1, 2, 3, 4), "Europe/Berlin", 2)
    assert house.model().spec.scaling == Scaling(schedule=(office, Window("09:00", "12:00")))
    house.post("update", 202, name="greeter", scaling={"max": 3})
    assert house.model().spec.scaling == Scaling(max=3, schedule=(office, Window("09:00", "12:00")))
    house.post("update", 202, name="greeter", scaling={"schedule": []})
    assert house.model().spec.scaling == Scaling(max=3)


def test_a_schedule_gives_a_model_that_always_has_replicas_a_sleep(house):
    house.make(scaling={"min": 1, "schedule": [OFFICE]})
    assert house.model().spec.sleep_after_s == 900


@pytest.mark.parametrize(
    ("window", "param"),
    [
        ({"start": "8:00"}, "scaling.schedule.0"),
        ({"zone": "Mars/Base"}, "scaling.schedule.0"),
        ({"days": [7]}, "scaling.schedule.0"),
        ({"min": 0}, "scaling.schedule.0.min"),
        ({"min": 17}, "scaling.schedule.0.min"),
    ],
)
def test_a_window_that_is_none_is_refused_and_named(house, window, param):
    body = {"name": "greeter", "model": "demo-tiny", "scaling": {"schedule": [{**OFFICE, **window}]}}
    assert error_of(house.post("create", 422, **body)) == ("invalid_input", param)


def test_a_schedule_of_what_never_sleeps_is_refused(house):
    body = {"name": "greeter", "model": "demo-tiny", "sleep_after_s": None, "scaling": {"schedule": [OFFICE]}}
    assert error_of(house.post("create", 422, **body)) == ("invalid_input", "sleep_after_s")


def test_a_plan_tells_the_worst_case_and_what_would_refuse_it(house):
    plan = house.post("plan", **CLOUD, scaling={"max": 4, "schedule": [{**OFFICE, "min": 3}]})["plan"]
    assert (plan["usd_per_hour"], plan["usd_per_hour_max"], plan["instances_max"]) == ("1.212", "4.848", 4)
    assert plan["refusal"] is None
    dear = house.post("plan", **CLOUD, scaling={"max": 5})["plan"]
    assert "up to 5 billed instances; this server's operator allows 4" in dear["refusal"]
    free = house.post("plan", name="free", model="demo-tiny", scaling={"max": 16})["plan"]
    assert (free["usd_per_hour_max"], free["instances_max"], free["refusal"]) == ("0", 0, None)


def test_beyond_the_caps_nothing_is_created_or_grows(house):
    house.post("create", 202, **CLOUD, scaling={"max": 4})
    refused = house.post("create", 409, **{**CLOUD, "name": "other"})
    assert refused["error"]["code"] == "fleet_full"
    assert error_of(house.post("update", 409, name="greeter", scaling={"max": 5}))[0] == "fleet_full"
    house.registry = replace(house.registry, caps=Caps(instance_types=frozenset({"ml.g6.xlarge"})))
    house.serve(SCOPES)
    refused = house.post("create", 422, **{**CLOUD, "name": "other"})
    assert error_of(refused) == ("instance_type_not_allowed", "instance_type")
