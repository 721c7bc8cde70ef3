"""What runs in an emulated container: llama.cpp's own server over demo-tiny (chat) or all-MiniLM-L6-v2 (embedding).

    python -m tools.emulated_container chat|embedding --port N --cache FOLDER [--name MODEL]

Makes the weights in the cache on first use; ends with its stdin. Started by the emulator (emulator/engines/).
"""

import argparse
import signal
import sys
from pathlib import Path

import xllamacpp

from llmanager.adapters.local import worker
from llmanager.adapters.local.lifeline import hang_on_stdin
from llmanager.adapters.local.weights import LocalWeights
from llmanager.adapters.local.weights_port import Present
from llmanager.models.entities import Kind

MODELS = {Kind.CHAT: ("demo-tiny", 2048), Kind.EMBEDDING: ("minilm", 512)}
SLOTS = 4
PATIENCE_S = 120.0


def weights_of(kind: Kind, cache: Path) -> Path:
    """Those of several containers that start at once are made by one; the others wait for it."""
    weights = LocalWeights(cache, cache / "models-own")
    try:
        found = weights.wait(MODELS[kind][0], kind, PATIENCE_S)
    finally:
        weights.close()
    if not isinstance(found, Present):
        sys.exit(f"The weights of {MODELS[kind][0]} are not there: {found}")
    return found.path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=[kind.value for kind in MODELS])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--name", default=worker.SERVED_NAME, help="what answers carry as model")
    options = parser.parse_args()
    hang_on_stdin()
    kind = Kind(options.kind)
    config = {
        "path": str(weights_of(kind, options.cache)),
        "context_tokens": MODELS[kind][1],
        "slots": SLOTS,
        "threads": 1,
        "is_embedding": kind is Kind.EMBEDDING,
        "api_key": "",
    }
    parameters = worker.parameters(config)
    parameters.port, parameters.model_alias = options.port, {options.name}
    parameters.api_keys = []  # as in a container on SageMaker: whoever reaches it may ask
    server = xllamacpp.Server(parameters)
    while server:
        signal.pause()


if __name__ == "__main__":
    main()
