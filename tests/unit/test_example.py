"""What the example asks of a server, whichever models that knows."""

import pytest

from example_app.example import Refused, created, known


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
