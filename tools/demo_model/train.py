"""`./run.sh demo-model train`: from the banks to a GGUF file. It runs in a venv of its own, with torch."""

import argparse
import sys
import time
from pathlib import Path

import torch

from tools.demo_model import template
from tools.demo_model.export import export
from tools.demo_model.tokenizer import load as load_tokenizer
from tools.demo_model.training import Plan, load, made, tokenizer, train

STEPS = f"default: {Plan().steps}, two processors take an hour and a half; with --start {Plan.further(0).steps}"
TRY = """\
{path} ({mib:.1f} MiB), trained for {minutes:.0f} minutes.
Measure it:  ./run.sh demo-model eval --model {path}
Talk to it:  put it into the models folder of ./run.sh local (LLMANAGER_MODELS_DIR), then
             POST /model/create {{"name": "mine", "model": "{name}"}}
Only the catalog's demo-tiny is held to quoting: ./run.sh demo-model eval puts the file in its place."""


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run.sh demo-model train", description="Train demo-tiny.")
    parser.add_argument("--steps", type=int, help=STEPS)
    parser.add_argument("--folder", type=Path, default=Path("build/demo-model"), help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=Plan.seed, help="of weights and samples; default: %(default)s")
    parser.add_argument("--start", type=Path, help="the folder of an earlier run: go on from its weights")
    asked = parser.parse_args(argv)
    folder, start, began_s = asked.folder, asked.start, time.monotonic()
    plan = Plan.further(asked.seed) if start else Plan(asked.seed)
    plan = plan.of(asked.steps or plan.steps)
    template.check()
    folder.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    print(f"training on {device}, {plan.steps} steps, log in {folder / 'log.jsonl'}", flush=True)
    try:
        cutter = load_tokenizer(start / "tokenizer.json") if start else tokenizer(asked.seed)
        train(folder, plan, load(start) if start else made(cutter, asked.seed), cutter, device)
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
