"""What the example asks of a server, whichever models that knows."""

import pytest

from example_app.example import Refused, created, known, real_model, what_answered


class Server:
    """Knows some models by name, and makes nothing."""

    def __init__(self, *models):
        self.models = models
        self.asked = []

    def post(self, path, body):
        self.asked.append((path, body["name"]))
        if body["model"] not in self.models:
            raise Refused(f"Model {body['model']!r} is not known.")
        return {}


def test_without_a_choice_the_first_model_that_the_server_knows_is_taken():
    assert known(Server("demo-tiny", "qwen3-0.6b"), ("demo-tiny", "qwen3-0.6b"), "chat") == "demo-tiny"
    assert known(Server("qwen3-0.6b"), ("demo-tiny", "qwen3-0.6b"), "chat") == "qwen3-0.6b"


def test_a_model_that_was_chosen_is_not_replaced_by_another():
    server = Server("demo-tiny")
    assert known(server, ("mine",), "chat") == "mine"
    assert server.asked == []


def test_where_nothing_was_made_nothing_is_removed_or_said_to_be(capsys):
    server = Server("minilm")
    with pytest.raises(Refused, match="'mine' is not known"), created(server, "mine", "minilm"):
        pass
    assert [path for path, _ in server.asked] == ["/model/plan"]
    assert capsys.readouterr().out == ""


class Catalogued:
    """Lists chat models as the server does: (alias, backend, quotes_only)."""

    def __init__(self, *models):
        self.models = models

    def get(self, path):
        assert path == "/model/catalog?kind=chat"
        names = ("alias", "backend", "quotes_only")
        more = {"title": "Real", "size_mib": 469}
        return {"models": [{**dict(zip(names, model, strict=True)), **more} for model in self.models]}


def test_a_real_model_is_named_with_its_size_and_the_call_that_makes_it():
    server = Catalogued(("demo", "local", True), ("big", "sagemaker", False), ("small", "local", False))
    told = what_answered("demo", real_model(server))
    assert "demo answered" in told
    assert "469 MiB" in told
    assert 'POST /model/create {"name": "assistant", "model": "small"}' in told
    assert "./run.sh example --model small" in told


def test_where_there_is_no_real_model_none_is_named():
    assert "POST" not in what_answered("demo", real_model(Catalogued(("demo", "local", True))))
