"""How containers take their requests."""

import json

import pytest

from emulator.http.payloads import Unfit, asked, bare, kind_of

VLLM, TEI = "763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:0.30.0-gpu", "683313688378.dkr.ecr/tei-cpu:2.0.1-tei1.8"


@pytest.mark.parametrize(
    ("image", "environment", "kind"),
    [
        (VLLM, {}, "chat"),
        (VLLM, {"SM_VLLM_RUNNER": "pooling"}, "embedding"),
        ("a/djl-inference:0.38.0-lmi29", {}, "chat"),
        (TEI, {}, "embedding"),
        ("a/tei@sha256:00", {}, "embedding"),
        ("a/huggingface-pytorch-tei:1", {}, "embedding"),
        ("tei/protein:1", {}, "chat"),
    ],
)
def test_image_and_environment_tell_what_a_container_is_for(image, environment, kind):
    assert kind_of(image, environment) == kind


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"messages": []}, "/v1/chat/completions"),
        ({"prompt": "a"}, "/v1/completions"),
        ({"input": ["a"]}, "/v1/embeddings"),
    ],
)
def test_vllm_routes_by_the_members_of_the_body_and_passes_it_on(body, path):
    sent = json.dumps(body).encode()
    found = asked(VLLM, {}, sent)
    assert (found.path, found.body, found.is_bare) == (path, sent, False)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"inputs": "a"}'])
def test_vllm_refuses_what_has_no_member_that_it_knows(body):
    with pytest.raises(Unfit) as caught:
        asked(VLLM, {}, body)
    assert caught.value.status == 400


@pytest.mark.parametrize(("model", "is_fine"), [(None, True), ("", True), ("lm-a", True), ("other", False)])
def test_vllm_knows_a_model_by_its_served_name_only(model, is_fine):
    body = json.dumps({"messages": [], **({} if model is None else {"model": model})}).encode()
    environment = {"SM_VLLM_SERVED_MODEL_NAME": "lm-a"}
    if is_fine:
        asked(VLLM, environment, body)
        return
    with pytest.raises(Unfit) as caught:
        asked(VLLM, environment, body)
    assert caught.value.status == 404
    assert "`other` does not exist" in str(caught.value)


def test_tei_takes_inputs_and_answers_vectors_alone_in_their_order():
    found = asked(TEI, {}, b'{"inputs": "a", "truncate": true}')
    assert (found.path, json.loads(found.body), found.is_bare) == ("/v1/embeddings", {"input": ["a"]}, True)
    rows = [{"index": 1, "embedding": [3, 4]}, {"index": 0, "embedding": [1, 2]}]
    assert json.loads(bare(json.dumps({"data": rows}).encode())) == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "body", [{"input": "a"}, {"inputs": []}, {"inputs": [1]}, {"inputs": None}, {"inputs": ["a"] * 33}]
)
def test_tei_refuses_what_it_cannot_read_and_batches_that_are_too_large(body):
    with pytest.raises(Unfit) as caught:
        asked(TEI, {}, json.dumps(body).encode())
    assert caught.value.status == 422


def test_the_environment_says_how_large_a_batch_of_tei_may_be():
    body = json.dumps({"inputs": ["a"] * 64}).encode()
    assert asked(TEI, {"MAX_CLIENT_BATCH_SIZE": "64"}, body).is_bare
