import pytest

from llmanager.adapters.local.failures import explain
from llmanager.adapters.local.worker import CANNOT_LOAD

BROKEN = "E llama_model_load: error loading model: tensor 'x' data is not within the file bounds, model is corrupted"
FOREIGN = "E llama_model_load: error loading model: unknown model architecture: 'martian'"
NO_MEMORY = "E ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 99999999999"
PORT_TAKEN = "ERROR: [Errno 98] Address already in use"


@pytest.mark.parametrize(
    ("status", "said", "words", "is_final"),
    [
        (CANNOT_LOAD, BROKEN, "broken or incomplete", True),
        (CANNOT_LOAD, FOREIGN, "does not know this model's architecture", True),
        (CANNOT_LOAD, NO_MEMORY, "not enough memory", False),
        (CANNOT_LOAD, "", "could not load", True),
        (1, PORT_TAKEN, "port was taken", False),
        (127, "", "was not found", True),
        (-9, "", "memory ran out", False),
        (128 + 9, "", "memory ran out", False),
        (-4, "", "instructions", True),
        (-11, "", "SIGSEGV", False),
        (128 + 6, "", "SIGABRT", False),
        (-99, "", "signal 99", False),
    ],
)
def test_a_failed_start_is_told_in_words_that_help(status, said, words, is_final):
    failure = explain(status, ["before /srv/models/model.gguf", said], was_ready=False)

    assert words in failure.reason
    assert failure.is_final == is_final
    assert "/home" not in failure.reason


def test_an_engine_that_worked_and_ended_is_never_given_up():
    assert not explain(CANNOT_LOAD, [BROKEN], was_ready=True).is_final
    assert "status 0" in explain(0, [], was_ready=True).reason
