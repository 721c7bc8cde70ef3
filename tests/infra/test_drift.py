"""What says the same must not drift apart: the product's settings and its environments, emulated and real templates."""

import json
import re
from pathlib import Path

import pytest

from llmanager.wiring.aws import functions
from tests.infra.differences import ABSENT, DIFFERENT
from tests.infra.templates import plain

ROOT = Path(__file__).resolve().parents[2]
OF_AWS = re.compile(r"AWS_(LAMBDA|LWA)_\w+")


@pytest.fixture(params=["aws", "emulated"])
def stage(request):
    return request.getfixturevalue(request.param)


def test_the_functions_are_those_of_the_product(stage):
    handlers = {name: function.handler for name, function in functions.FUNCTIONS.items()}
    found = {name: function["Handler"] for name, function in stage.functions.items()}
    if found["chat"].endswith(".sh"):
        handlers["chat"] = "lambdas/chat/serve.sh"
    assert found == handlers


def test_each_function_is_given_what_it_must_have_and_nothing_that_it_does_not_read(stage):
    for name, function in functions.FUNCTIONS.items():
        given = {variable for variable in stage.environment(name) if not OF_AWS.fullmatch(variable)}
        tables = {"LLMANAGER_TABLES"} if function.tables else set()
        must = functions.EVERYWHERE | function.settings | tables
        assert must - given == set(), name
        assert given - functions.settings_of(name) == set(), name


def test_each_function_is_told_of_its_own_tables_only(stage):
    for name, function in functions.FUNCTIONS.items():
        told = json.loads(stage.environment(name).get("LLMANAGER_TABLES", "{}"))
        assert told == {table: f"lm-dev-{table}" for table in function.tables}, name


def test_what_only_looks_like_json_is_json(stage):
    for name in stage.functions:
        for variable, value in stage.environment(name).items():
            if value.startswith("{"):
                assert json.loads(value), variable


def shapes(stage):
    """Logical id -> the resource as a flat mapping of what is compared."""
    found = {}
    for id_, resource in stage.resources.items():
        flat = {
            key: value
            for key, value in resource.items()
            if key in ("DeletionPolicy", "UpdateReplacePolicy", "DependsOn")
        }
        flat |= resource.get("Properties", {})
        found[stable(id_)] = (resource["Type"], flat)
    return found


def stable(id_: str) -> str:
    """Without the hash that API Gateway's deployments carry."""
    return re.sub(r"^(GatewayApiDeployment)[0-9A-F]{8}[0-9a-f]{32}$", r"\1", id_)


def named(kind: str, flat) -> str:
    if kind == "AWS::Lambda::Function":
        return f"{kind}[{flat['FunctionName'].split('-', 2)[2]}]"
    return kind


def test_the_emulated_stage_differs_from_the_real_one_only_as_listed(aws, emulated):
    real, here = shapes(aws), shapes(emulated)
    assert here.keys() - real.keys() == set()
    assert {real[id_][0] for id_ in real.keys() - here.keys()} == ABSENT.keys()
    seen = set()
    for id_ in real.keys() & here.keys():
        (kind, there), (_, here_flat) = real[id_], here[id_]
        for key in there.keys() | here_flat.keys():
            if there.get(key) != here_flat.get(key):
                listed = {f"{kind} {key}", f"{named(kind, there)} {key}"} & DIFFERENT.keys()
                assert listed, f"{id_}: {kind} {key}: {there.get(key)} there, {here_flat.get(key)} here"
                seen |= listed
    assert DIFFERENT.keys() - seen == set()


def test_rights_differ_only_by_the_collection(aws, emulated):
    for name in aws.functions:
        assert aws.allowed(name) - emulated.allowed(name) <= {"aoss:APIAccessAll"}
        assert emulated.allowed(name) - aws.allowed(name) == set()


def test_settings_differ_only_by_where_vectors_are_and_by_how_chat_answers(aws, emulated):
    for name in aws.functions:
        there, here = aws.environment(name), emulated.environment(name)
        different = {variable for variable in there | here if there.get(variable) != here.get(variable)}
        listed = {"LLMANAGER_OPENSEARCH"} | ({"LLMANAGER_ANSWER_WITHIN_S"} if name == "chat" else set())
        assert {v for v in different if not OF_AWS.fullmatch(v)} <= listed


def test_the_collections_address_is_given_as_it_is_made(aws, emulated):
    assert json.loads(emulated.environment("vdb")["LLMANAGER_OPENSEARCH"]) == {
        "url": "http://127.0.0.1:9200",
        "kind": "open",
    }
    told = json.loads(aws.environment("vdb")["LLMANAGER_OPENSEARCH"])
    assert told["kind"] == "serverless"
    assert re.fullmatch(r"<VectorsCollection\w*\.CollectionEndpoint>", told["url"])


def test_plain_text_of_what_cloudformation_fills_in():
    assert plain({"Fn::Join": ["", ["a-", {"Ref": "AWS::AccountId"}, "-b"]]}) == "a-<AWS::AccountId>-b"
