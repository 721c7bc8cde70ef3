"""The authorizer, /auth/* and the admin key."""

import json

import pytest
from botocore.exceptions import ClientError

from llmanager.kernel.errors import LLManagerError
from llmanager.kernel.principal import SCOPES
from llmanager.wiring.aws.identify import Unauthorized
from tests.lambdas.events import authorization_of, request, token
from tests.lambdas.stack import SECRET, answered, called

ENSURE = {"do": "ensure_admin_key"}


def bearer(key):
    return f"Bearer {key}"


def secret_of(stack):
    return stack.secrets.get_secret_value(SecretId=SECRET)["SecretString"]


# the authorizer


def test_a_key_is_told_who_holds_it_and_let_to_every_route_of_its_stage(stack):
    answer = called(stack.function("authorizer"), token(bearer(stack.key)))
    (statement,) = answer["policyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "execute-api:Invoke")
    assert statement["Resource"] == "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/test/*"
    assert answer["context"] == {"tenant": "acme", "key_id": answer["principalId"]}
    json.dumps(answer)


def test_a_request_authorizer_reads_the_header_however_it_is_written(stack):
    handler = stack.function("authorizer")
    for name in ("Authorization", "authorization", "AUTHORIZATION"):
        event = authorization_of(request("POST", "/auth/keys/list", {}, headers={name: bearer(stack.key)}))
        assert called(handler, event)["context"]["tenant"] == "acme"


def test_clients_of_azures_dialect_send_their_key_in_a_header_of_its_own(stack):
    handler = stack.function("authorizer")
    path = "/openai/deployments/m/chat/completions"
    event = authorization_of(request("POST", path, {}, headers={"Api-Key": stack.key}))
    assert called(handler, event)["context"]["tenant"] == "acme"
    with pytest.raises(Unauthorized):
        called(handler, authorization_of(request("POST", path, {}, headers={"Api-Key": "lmk_" + "a" * 43})))


@pytest.mark.parametrize("sent", [None, "", "Bearer", "Bearer nonsense", "Basic YTpi", "Bearer lmk_" + "a" * 43])
def test_a_stranger_is_turned_away_in_the_one_word_that_api_gateway_makes_a_401_of(stack, sent):
    handler = stack.function("authorizer")
    with pytest.raises(Unauthorized, match=r"^Unauthorized$"):
        called(handler, authorization_of(request("POST", "/auth/keys/list", {}, headers={"Authorization": sent or ""})))
    if sent is not None:
        with pytest.raises(Unauthorized):
            called(handler, token(sent))


def test_a_revoked_key_is_a_strangers_at_once(stack):
    key_id = called(stack.function("authorizer"), token(bearer(stack.key)))["principalId"]
    answered(stack.function("auth"), request("POST", "/auth/keys/revoke", {"id": key_id}, key=stack.key))
    with pytest.raises(Unauthorized):
        called(stack.function("authorizer"), token(bearer(stack.key)))


def test_while_the_table_is_gone_nobody_is_called_a_stranger(stack):
    handler = stack.function("authorizer")
    stack.dynamodb.delete_table(TableName="lm-test-auth")
    with pytest.raises((LLManagerError, ClientError)) as told:
        called(handler, token(bearer(stack.key)))
    assert "Unauthorized" not in str(told.value)


# /auth/*


def test_keys_are_made_listed_and_ended(stack):
    handler = stack.function("auth")
    body = {"name": "ci", "scopes": ["model:query"]}
    made = answered(handler, request("POST", "/auth/keys/create", body, key=stack.key), 201)
    listed = answered(handler, request("POST", "/auth/keys/list", {}, key=stack.key))
    assert made["id"] in [key["id"] for key in listed["keys"]]
    answered(handler, request("POST", "/auth/keys/revoke", {"id": made["id"]}, key=stack.key))
    assert answered(stack.function("auth"), request("POST", "/auth/keys/list", {}, key=made["key"]), 401)


# the admin key


def test_the_admin_key_is_made_once_and_kept_where_the_stack_says(stack):
    handler = stack.function("auth")
    first = called(handler, ENSURE)
    secret = secret_of(stack)
    assert called(stack.function("auth"), ENSURE) == first
    assert secret_of(stack) == secret
    listed = answered(handler, request("POST", "/auth/keys/list", {}, key=secret))
    assert {tuple(key["scopes"]) for key in listed["keys"]} == {tuple(sorted(SCOPES))}


def test_who_asks_for_it_is_told_which_key_it_is_and_never_its_secret(stack):
    told = called(stack.function("auth"), ENSURE)
    assert set(told) == {"tenant", "key_id"}
    assert secret_of(stack) not in json.dumps(told)


def test_a_revoked_admin_key_is_replaced(stack):
    handler = stack.function("auth")
    first = called(handler, ENSURE)
    answered(handler, request("POST", "/auth/keys/revoke", {"id": first["key_id"]}, key=secret_of(stack)))
    assert called(handler, ENSURE)["key_id"] != first["key_id"]
    answered(handler, request("POST", "/auth/keys/list", {}, key=secret_of(stack)))


def test_without_its_secret_it_says_what_to_do(stack):
    stack.secrets.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    with pytest.raises(LLManagerError, match="AWS has no secret"):
        called(stack.function("auth"), ENSURE)


def test_no_request_of_a_client_asks_for_it(stack):
    """What a client sends is inside of API Gateway's event, never beside it."""
    event = request("POST", "/auth/keys/list", {"do": "ensure_admin_key"}, key=stack.key)
    event["headers"]["do"] = "ensure_admin_key"
    assert called(stack.function("auth"), event)["statusCode"] in (200, 422)
    assert secret_of(stack) == "generated by the stack"
