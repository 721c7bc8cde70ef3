from pathlib import Path

from llmanager.adapters.local.engines import Assignment, EngineCommand, launch
from llmanager.models.entities import Kind

ASSIGNED = Assignment(Path("/models/{slots}.gguf"), Kind.CHAT, context_tokens=1024, slots=4, threads=2, key="hush")


def test_a_command_gets_its_numbers_and_leaves_the_port_to_the_guard():
    command = EngineCommand(
        argv=("llama-server", "-m", "{model}", "-c", "{total_context_tokens}", "-np", "{slots}", "--port={port}"),
        key_env="LLAMA_API_KEY",
        env={"PATH": "/usr/bin"},
    )
    started = launch(ASSIGNED, command, Path("a.log"))

    assert started.config["argv"] == [
        "llama-server",
        "-m",
        "/models/{slots}.gguf",
        "-c",
        "4096",
        "-np",
        "4",
        "--port={port}",
    ]
    assert started.config["env"]["PATH"] == "/usr/bin"
    assert started.config["env"]["LLAMA_API_KEY"] == "hush"


def test_our_worker_is_told_its_key_by_stdin_only():
    started = launch(ASSIGNED, None, Path("a.log"))

    assert started.config["api_key"] == "hush"
    assert started.config["context_tokens"] == 1024
    assert started.env == {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}


def test_a_key_is_not_shown():
    assert "hush" not in repr(ASSIGNED)
    assert "hush" not in repr(launch(ASSIGNED, None, Path("a.log")))
