"""Training: one pass over an endless mixture. Muon for matrices, AdamW for others; a constant rate, then down to 0."""

import json
import signal
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from tokenizers import Tokenizer
from torch import Tensor

from tools.demo_model.batches import Batch, batches
from tools.demo_model.muon import Muon
from tools.demo_model.network import Network, Shape
from tools.demo_model.rendering import MARKERS
from tools.demo_model.samples import Mixture, splits, text_of
from tools.demo_model.slots import words
from tools.demo_model.tokenizer import token_texts, trained

VOCABULARY: Final = 5120
TOKENIZER_SAMPLES: Final = 6000
POSITIONS: Final = 8192  # a step
CHUNK: Final = 16  # batches that the generator makes ahead, in a process of its own
DECAY_FROM: Final = 0.55  # of all steps
WARMUP_STEPS: Final = 40
CLIP: Final = 1.0
LOGGED: Final = 25  # every so many steps
SAVED: Final = 200

Optimizers = tuple[torch.optim.Optimizer, torch.optim.Optimizer]


@dataclass(frozen=True)
class Plan:
    seed: int = 7
    steps: int = 1500
    muon_rate: float = 4e-3
    adam_rate: float = 2e-3


def tokenizer(seed: int) -> Tokenizer:
    kept, _ = splits()
    texts = [text_of(sample) for sample in islice(Mixture(kept, seed, held_out=False), TOKENIZER_SAMPLES)]
    lists = [" ".join(words()), " ".join(word.capitalize() for word in words())]
    return trained([*texts, *lists * 40], VOCABULARY)


def train(folder: Path, plan: Plan, shape: Shape, cutter: Tokenizer, device: torch.device) -> None:
    """Writes tokenizer.json, weights.pt (also between) and log.jsonl into the folder."""
    torch.manual_seed(plan.seed)
    cutter.save(str(folder / "tokenizer.json"))
    network = made(cutter, shape).to(device)
    optimizers = optimizers_of(network, plan)
    began_s = time.monotonic()
    with (folder / "log.jsonl").open("w") as log, closing(ahead(folder, plan.seed)) as endless:
        for step, batch in enumerate(islice(endless, plan.steps)):
            loss, right = stepped(network, optimizers, batch.on(device), plan, step)
            if step % LOGGED == 0:
                told = {"step": step, "seconds": round(time.monotonic() - began_s), "loss": loss, "right": right}
                print(json.dumps(told), file=log, flush=True)
                print(told, flush=True)
            if step % SAVED == SAVED - 1 or step == plan.steps - 1:
                save(network, folder)


def stepped(network: Network, optimizers: Optimizers, batch: Batch, plan: Plan, step: int) -> tuple[float, float]:
    """Loss, and share of right choices, before the step."""
    rate = rate_at(step, plan.steps)
    for optimizer, highest in zip(optimizers, (plan.muon_rate, plan.adam_rate), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate * highest
    loss, right = loss_of(network, batch)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return loss.item(), right


def made(cutter: Tokenizer, shape: Shape) -> Network:
    vocabulary = cutter.get_vocab()
    return Network(shape, token_texts(cutter), [vocabulary[marker] for marker in MARKERS])


def save(network: Network, folder: Path) -> None:
    torch.save({"shape": asdict(network.shape), "weights": network.state_dict()}, folder / "weights.pt")


def load(folder: Path, cutter: Tokenizer) -> Network:
    kept = torch.load(folder / "weights.pt", map_location="cpu", weights_only=True)
    network = made(cutter, Shape(**kept["shape"]))
    network.load_state_dict(kept["weights"])
    return network


def loss_of(network: Network, batch: Batch) -> tuple[Tensor, float]:
    """And the share of choices (weight 1) that are right."""
    hidden = network.hidden(batch.tokens, batch.positions, batch.mask)
    logits = network.logits(hidden[batch.learnt[:, 0], batch.learnt[:, 1]])
    target = batch.learnt[:, 2]
    losses = F.cross_entropy(logits, target, reduction="none")
    is_choice = batch.weights == 1
    right = (logits[is_choice].argmax(-1) == target[is_choice]).float().mean().item()
    return (losses * batch.weights).sum() / batch.weights.sum(), right


def optimizers_of(network: Network, plan: Plan) -> Optimizers:
    matrices = [p for layer in network.layers for p in layer.parameters() if p.ndim == 2]
    others = [p for p in network.parameters() if all(p is not matrix for matrix in matrices)]
    return Muon(matrices, plan.muon_rate), torch.optim.AdamW(
        others, lr=plan.adam_rate, betas=(0.9, 0.98), weight_decay=0.0
    )


def rate_at(step: int, steps: int) -> float:
    left = (steps - step) / (steps * (1 - DECAY_FROM))
    return min(1.0, (step + 1) / WARMUP_STEPS, left)


_generators: dict[str, Iterator[Batch]] = {}


def _next_batches(folder: str, seed: int) -> list[Batch]:
    """In the generator's process, which keeps its place."""
    if folder not in _generators:
        torch.set_num_threads(1)
        kept, _ = splits()
        cutter = Tokenizer.from_file(f"{folder}/tokenizer.json")
        _generators[folder] = batches(Mixture(kept, seed + 1, held_out=False), cutter, POSITIONS)
    return list(islice(_generators[folder], CHUNK))


def ahead(folder: Path, seed: int) -> Generator[Batch, None, None]:
    with ProcessPoolExecutor(1, get_context("spawn"), signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
        coming = pool.submit(_next_batches, str(folder), seed)
        while True:
            ready = coming.result()
            coming = pool.submit(_next_batches, str(folder), seed)
            yield from ready
