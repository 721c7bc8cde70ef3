"""Training: one pass over an endless mixture that grows harder. Muon for matrices, AdamW for the rest."""

import json
import signal
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from tokenizers import Tokenizer
from torch import Tensor

from tools.demo_model.batches import Batch, batches
from tools.demo_model.contexts import EASY, MIXED, REAL, Habits
from tools.demo_model.muon import Muon
from tools.demo_model.network import Network, Shape
from tools.demo_model.rendering import MARKERS, QUESTION
from tools.demo_model.samples import Mixture, splits, text_of
from tools.demo_model.slots import words
from tools.demo_model.tokenizer import token_texts, trained

VOCABULARY: Final = 5120
TOKENIZER_SAMPLES: Final = 6000
POSITIONS: Final = 8192  # a step
CHUNK: Final = 16  # batches that the generator makes ahead, in a process of its own
WARMUP_STEPS: Final = 40
DIGIT: Final = 2  # how much more the choice of a sentence weighs than that of a quote
CLIP: Final = 1.0
LOGGED: Final = 25  # every so many steps
SAVED: Final = 200

Optimizers = tuple[torch.optim.Optimizer, torch.optim.Optimizer]


@dataclass(frozen=True)
class Phase:
    habits: Habits
    steps: int
    last_rate: float  # share of the highest to which the rate goes down


@dataclass(frozen=True)
class Plan:
    """Without easy contexts first, hundreds of steps taught it which answer is frequent, and not to read."""

    seed: int = 7
    phases: tuple[Phase, ...] = (Phase(EASY, 130, 1.0), Phase(MIXED, 400, 1.0), Phase(REAL, 640, 0.0))
    muon_rate: float = 2e-3
    adam_rate: float = 2e-3

    @property
    def steps(self) -> int:
        return sum(phase.steps for phase in self.phases)

    def of(self, steps: int) -> "Plan":
        """The same in so many steps."""
        share = steps / self.steps
        return replace(self, phases=tuple(replace(p, steps=max(1, round(p.steps * share))) for p in self.phases))


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
    digits = torch.tensor(digits_of(cutter), device=device)
    began_s = time.monotonic()
    with (folder / "log.jsonl").open("w") as log:
        for step, (batch, rate) in enumerate(lessons(folder, plan)):
            loss, right = stepped(
                network, optimizers, batch.on(device), digits, (rate * plan.muon_rate, rate * plan.adam_rate)
            )
            if step % LOGGED == 0:
                told = {"step": step, "seconds": round(time.monotonic() - began_s), "loss": loss, "right": right}
                print(json.dumps(told), file=log, flush=True)
                print(told, flush=True)
            if step % SAVED == SAVED - 1:
                save(network, folder)
    save(network, folder)


def lessons(folder: Path, plan: Plan) -> Iterator[tuple[Batch, float]]:
    """Each step's batch, and its rate as a share of the highest."""
    done = 0
    for number, phase in enumerate(plan.phases):
        first_rate = plan.phases[number - 1].last_rate if number else 1.0
        with closing(ahead(folder, plan.seed + 100 * number, phase.habits)) as endless:
            for step, batch in enumerate(islice(endless, phase.steps)):
                rate = first_rate + (phase.last_rate - first_rate) * step / phase.steps
                yield batch, rate * min(1.0, (done + 1) / WARMUP_STEPS)
                done += 1


def stepped(
    network: Network, optimizers: Optimizers, batch: Batch, digits: Tensor, rates: tuple[float, float]
) -> tuple[float, list[float]]:
    """Loss, and shares of right choices, before the step."""
    for optimizer, rate in zip(optimizers, rates, strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate
    loss, right = loss_of(network, batch, digits)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return loss.item(), right


def made(cutter: Tokenizer, shape: Shape) -> Network:
    vocabulary = cutter.get_vocab()
    return Network(shape, token_texts(cutter), [vocabulary[text] for text in (*MARKERS, QUESTION)], digits_of(cutter))


def digits_of(cutter: Tokenizer) -> list[int]:
    """The tokens that name the sentences of a context."""
    vocabulary = cutter.get_vocab()
    return [vocabulary[str(number)] for number in range(1, len(MARKERS) + 1)]


def save(network: Network, folder: Path) -> None:
    torch.save({"shape": asdict(network.shape), "weights": network.state_dict()}, folder / "weights.pt")


def load(folder: Path, cutter: Tokenizer) -> Network:
    kept = torch.load(folder / "weights.pt", map_location="cpu", weights_only=True)
    network = made(cutter, Shape(**kept["shape"]))
    network.load_state_dict(kept["weights"])
    return network


def loss_of(network: Network, batch: Batch, digits: Tensor) -> tuple[Tensor, list[float]]:
    """And shares that are right: of digits, of digits but the first, of other choices."""
    hidden = network.hidden(batch.tokens, batch.positions, batch.mask)
    logits = network.logits(hidden[batch.learnt[:, 0], batch.learnt[:, 1]])
    target = batch.learnt[:, 2]
    losses = F.cross_entropy(logits, target, reduction="none")
    is_right = (logits.argmax(-1) == target).float()
    is_choice = batch.weights == 1
    is_digit = is_choice & torch.isin(target, digits)
    later = is_digit & (target != digits[0])
    right = [round(is_right[which].mean().item(), 3) for which in (is_digit, later, is_choice & ~is_digit)]
    weights = torch.where(is_digit, batch.weights * DIGIT, batch.weights)
    return (losses * weights).sum() / weights.sum(), right


def optimizers_of(network: Network, plan: Plan) -> Optimizers:
    matrices = [p for layer in network.layers for p in layer.parameters() if p.ndim == 2]
    others = [p for p in network.parameters() if all(p is not matrix for matrix in matrices)]
    return Muon(matrices, plan.muon_rate), torch.optim.AdamW(
        others, lr=plan.adam_rate, betas=(0.9, 0.98), weight_decay=0.0
    )


_generators: dict[int, Iterator[Batch]] = {}


def _next_batches(folder: str, seed: int, habits: Habits) -> list[Batch]:
    """In the generator's process, which keeps its place."""
    if seed not in _generators:
        torch.set_num_threads(1)
        kept, _ = splits()
        cutter = Tokenizer.from_file(f"{folder}/tokenizer.json")
        _generators[seed] = batches(Mixture(kept, seed + 1, held_out=False, habits=habits), cutter, POSITIONS)
    return list(islice(_generators[seed], CHUNK))


def ahead(folder: Path, seed: int, habits: Habits) -> Generator[Batch, None, None]:
    with ProcessPoolExecutor(1, get_context("spawn"), signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
        coming = pool.submit(_next_batches, str(folder), seed, habits)
        while True:
            ready = coming.result()
            coming = pool.submit(_next_batches, str(folder), seed, habits)
            yield from ready
