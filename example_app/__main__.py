"""`./run.sh example`: the example on the server that answers, or on one that it starts and stops."""

import argparse
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from example_app.example import Api, Refused, real_model, run, say, what_answered

ROOT = Path(__file__).resolve().parent.parent
READY = re.compile(r"^ready (http://\S+)$")
DEMO = "demo-tiny"
SMALLEST_LLMS = (DEMO, "qwen3-0.6b")  # on a laptop; on SageMaker
SMALLEST_EMBEDDERS = ("minilm", "all-minilm-l6-v2")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run.sh example", description="A whole RAG chat, made and removed.")
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="a server; one is started if none answers there")
    parser.add_argument("--model", help="the LLM: an alias of the catalog, a hub repository, a GGUF file")
    parser.add_argument("--embedder", help="the embedding model")
    parser.add_argument("--key", default=os.environ.get("LLMANAGER_API_KEY"), help="an API key, where keys are on")
    asked = parser.parse_args(argv)
    models = (asked.model,) if asked.model else SMALLEST_LLMS
    embedders = (asked.embedder,) if asked.embedder else SMALLEST_EMBEDDERS
    try:
        with server(asked.url) as url:
            api = Api(url, asked.key)
            if run(api, models, embedders) == DEMO:
                say(what_answered(DEMO, real_model(api)))
    except (Refused, requests.RequestException) as failure:
        print(f"example: {failure}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def server(url: str) -> Iterator[str]:
    if answers(url):
        print(f"server: {url}")
        yield url
        return
    command = [sys.executable, "-m", "llmanager.cli", "local", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield started(process)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=30).ok  # a function may have to start
    except requests.RequestException:
        return False


def started(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    for line in process.stdout:
        ready = READY.match(line)
        if ready:
            print(f"server: {ready[1]} (started for this example)", flush=True)
            return ready[1]
    raise Refused("the server did not start; the lines above say why")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
