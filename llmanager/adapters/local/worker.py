"""One replica: llama.cpp's own HTTP server in a child process.

    python -m llmanager.adapters.local.worker

stdin: one JSON line (Config), then kept open by the parent; its end is this process's end.
stdout: one JSON line {"address": "http://127.0.0.1:40123"} once the weights are loaded and requests are answered.
stderr: the engine's errors, for the log. Exit status CANNOT_LOAD: the engine refused the weights; stderr says why.
"""

import json
import mmap
import os
import signal
import sys
from typing import Any

import xllamacpp

from llmanager.adapters.local.lifeline import hang_on_stdin

CANNOT_LOAD = 3
ERRORS_ONLY = 1  # 0 would keep the cause of a failed load to itself; from 3 on prompts would reach the log
SERVED_NAME = "local"  # what answers carry as "model"; by default it would be the file's name
PREFILL_TOKENS = (
    256  # between two of these a chat engine looks at its other work, so a long prompt is not taken for a hang
)

# A connection that is kept alive holds a thread for 5 s. More are started on demand, but not for all of a burst that
# comes while one is free: in some bursts of 50, requests waited 5 to 10 s for a thread while slots were idle.
HTTP_THREADS = 128

KEYS_WITHIN_BYTES = 64 * 1024 * 1024  # keys and vocabulary stand in front of the weights


def parameters(config: dict[str, Any]) -> Any:
    """Config: path, context_tokens (per slot), slots, threads, is_embedding, api_key."""
    p = xllamacpp.CommonParams()
    p.model.path = config["path"]
    p.model_alias = {SERVED_NAME}
    p.n_parallel = config["slots"]
    p.n_ctx = config["context_tokens"] * config["slots"]  # a total that the engine divides
    p.cpuparams.n_threads = p.cpuparams_batch.n_threads = config["threads"]
    p.n_batch = p.n_ubatch = PREFILL_TOKENS
    p.n_threads_http = HTTP_THREADS
    p.warmup = False  # doubles the time to the first token
    p.fit_params = False  # our sizes are what was quoted and admitted
    p.cache_ram_mib = 0  # 8 GiB of old prompts by default, outside every memory estimate
    p.verbosity = ERRORS_ONLY
    if config["is_embedding"]:
        p.embedding = True
        if not _names_pooling(config["path"]):
            p.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
        p.n_batch = p.n_ubatch = config["context_tokens"]  # a text must fit into one batch
    _close_doors(p, config["api_key"])
    return p


def _close_doors(p: Any, api_key: str) -> None:
    """Only the holder of the key gets more than {"status": "ok"}, and no web page gets anything."""
    p.hostnames = ["127.0.0.1"]
    p.port = 0
    p.api_keys = [api_key]
    p.cors_origins = p.cors_methods = p.cors_headers = ""  # "*" by default
    p.cors_credentials = False
    p.ui = False
    p.offline = True
    p.endpoint_props = p.endpoint_metrics = False
    p.endpoint_slots = True  # liveness asks whether the engine is at work; it shows no prompt


def _names_pooling(path: str) -> bool:
    """Models made for embedding say how: mean, first token, last. Others, such as chat models, would get none."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b".pooling_type", 0, KEYS_WITHIN_BYTES) >= 0


def main() -> None:
    config = json.loads(sys.stdin.buffer.readline() or b"null")
    if config is None:
        return  # the parent was gone before it could say anything
    hang_on_stdin()
    report = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever the engine prints belongs into the log
    try:
        server = xllamacpp.Server(parameters(config))
    except RuntimeError:
        os._exit(CANNOT_LOAD)
    with report:
        report.write(json.dumps({"address": server.listening_address}) + "\n")
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
