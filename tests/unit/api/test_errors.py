import importlib
import json
import pkgutil

import pytest

import llmanager
from llmanager.api.errors import STATUS, render, render_as_openai, status_of
from llmanager.api.idempotency import StillRunning
from llmanager.kernel.errors import Final, InvalidInput, LLManagerError, NotFound, Retryable, Throttled, Unauthenticated

ABSTRACT = {Final, Retryable}


def every_error():
    for module in pkgutil.walk_packages(llmanager.__path__, "llmanager."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return sorted(descendants(LLManagerError) - ABSTRACT, key=lambda cls: cls.__qualname__)


def descendants(cls):
    ours = {child for child in cls.__subclasses__() if child.__module__.startswith("llmanager.")}
    return ours.union(*map(descendants, ours))


@pytest.mark.parametrize("cls", every_error(), ids=lambda cls: cls.__qualname__)
def test_every_error_has_a_status_and_a_code_of_its_kind(cls):
    status, _ = status_of(cls.__new__(cls))
    assert status != 500 or cls in STATUS, f"{cls.__qualname__} is in no row of api/errors.py"
    assert cls.code != LLManagerError.code


def test_the_table_has_no_row_that_a_parent_hides():
    for cls, expected in STATUS.items():
        assert status_of(cls.__new__(cls)) == expected


def test_an_error_without_a_row_is_a_plain_500():
    assert status_of(LLManagerError("?")) == (500, "internal_error")


def test_the_body_is_openais_shape():
    rendered = render(InvalidInput("'name' is wrong.", param="name"))
    assert rendered.status == 422
    assert json.loads(rendered.body) == {
        "error": {
            "message": "'name' is wrong.",
            "type": "invalid_request_error",
            "code": "invalid_input",
            "param": "name",
        }
    }
    assert dict(rendered.headers)[b"content-length"] == str(len(rendered.body)).encode()


def test_openais_clients_are_told_of_bad_input_with_the_status_that_they_know():
    error = InvalidInput("'n' is wrong.", param="n")
    assert render_as_openai(error).status == 400
    assert render_as_openai(error).body == render(error).body
    assert render_as_openai(NotFound("No.")) == render(NotFound("No."))


@pytest.mark.parametrize(("wait_s", "header"), [(0.2, b"1"), (1.0, b"1"), (1.5, b"2")])
def test_a_retryable_error_says_when_in_whole_seconds(wait_s, header):
    assert dict(render(Throttled("Slow down.", retry_after_s=wait_s)).headers)[b"retry-after"] == header


def test_a_conflict_that_passes_says_when_and_a_final_error_does_not():
    assert (b"retry-after", b"1") in render(StillRunning()).headers
    assert b"retry-after" not in dict(render(NotFound("No.")).headers)


def test_401_names_the_scheme():
    assert (b"www-authenticate", b"Bearer") in render(Unauthenticated("No.")).headers
