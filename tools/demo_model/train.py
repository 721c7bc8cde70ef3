"""`./run.sh demo-model train`: from the banks to a GGUF file. It runs in a venv of its own, with torch."""

import argparse
import sys
import time
from pathlib import Path

import torch

from tools.demo_model import template
from tools.demo_model.export import export
from tools.demo_model.network import Shape
from tools.demo_model.tokenizer import load as load_tokenizer
from tools.demo_model.training import Plan, load, tokenizer, train

TRY = """\
{path} ({mib:.1f} MiB), trained for {minutes:.0f} minutes.
Measure it:  ./run.sh demo-model eval --model {path}
Talk to it:  put it into the models folder of ./run.sh local (LLMANAGER_MODELS_DIR), then
             POST /model/create {{"name": "mine", "model": "{name}"}}
Only the catalog's demo-tiny is held to quoting: ./run.sh demo-model eval puts the file in its place."""


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run.sh demo-model train", description="Train demo-tiny from nothing.")
    parser.add_argument("--steps", type=int, default=Plan().steps, help="%(default)s take two processors about an hour")
    parser.add_argument("--folder", type=Path, default=Path("build/demo-model"), help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=Plan.seed, help="of weights and samples; default: %(default)s")
    asked = parser.parse_args(argv)
    folder, began_s = asked.folder, time.monotonic()
    template.check()
    folder.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    print(f"training on {device}, {asked.steps} steps, log in {folder / 'log.jsonl'}", flush=True)
    try:
        cutter = tokenizer(asked.seed)
        train(folder, Plan(asked.seed).of(asked.steps), Shape(cutter.get_vocab_size()), cutter, device)
    except KeyboardInterrupt:
        print("stopped; nothing is exported, and the next run begins anew", file=sys.stderr)
        return 130
    path = folder / "demo-tiny.gguf"
    cutter = load_tokenizer(folder / "tokenizer.json")
    export(load(folder), cutter, path)
    minutes, mib = (time.monotonic() - began_s) / 60, path.stat().st_size / 2**20
    print(TRY.format(path=path, name=path.name, mib=mib, minutes=minutes))
    return 0


if __name__ == "__main__":  # the process that makes batches imports this file too
    sys.exit(main(sys.argv[1:]))
