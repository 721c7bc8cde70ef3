"""Training: one pass over an endless mixture that grows harder. Muon for matrices, AdamW for the rest."""

import json
import signal
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from tokenizers import Tokenizer
from torch import Tensor, nn

from tools.demo_model.batches import Batch, batches
from tools.demo_model.contexts import EASY, MIXED, REAL, SENTENCES, Habits
from tools.demo_model.hand_made import Kept, Marks, by_hand
from tools.demo_model.muon import Muon
from tools.demo_model.network import Network, Shape
from tools.demo_model.rendering import MARKERS, QUESTION, SYSTEM, TOOLS_TAIL, USER
from tools.demo_model.samples import CHOICE, SHARES, Mixture, splits, text_of
from tools.demo_model.slots import words
from tools.demo_model.tokenizer import token_texts, trained
from tools.demo_model.tool_calls import BEGIN, FIRST
from tools.demo_model.word_vectors import embeddings

VOCABULARY: Final = 8192
TOKENIZER_SAMPLES: Final = 6000
POSITIONS: Final = 8192  # a step
CHUNK: Final = 16  # batches that the generator makes ahead, in a process of its own
WARMUP_STEPS: Final = 40
CLIP: Final = 1.0
LOGGED: Final = 25  # every so many steps
SAVED: Final = 200

Optimizers = tuple[torch.optim.Optimizer, ...]


@dataclass(frozen=True)
class Phase:
    habits: Habits
    steps: int
    last_rate: float  # share of the highest to which the rate goes down
    shares: Mapping[str, float] = field(default_factory=lambda: SHARES)


@dataclass(frozen=True)
class Plan:
    """Without easy contexts first, hundreds of steps taught it which answer is frequent, and not to read."""

    seed: int = 7
    phases: tuple[Phase, ...] = (
        Phase(EASY, 150, 1.0, {"passages": 0.5, "calls": 0.4, "memory": 0.1}),
        Phase(MIXED, 450, 1.0),
        Phase(REAL, 1800, 0.0),
    )
    first_rate: float = 1.0
    kept_steps: int = 250  # in which heads made by hand stay as they are
    muon_rate: float = 1.5e-3
    adam_rate: float = 2e-3
    embedding_rate: float = 7e-4  # words begin in places worth keeping

    @property
    def rates(self) -> tuple[float, float, float]:
        return self.muon_rate, self.adam_rate, self.embedding_rate

    @property
    def steps(self) -> int:
        return sum(phase.steps for phase in self.phases)

    @staticmethod
    def further(seed: int) -> "Plan":
        """For a network that has been trained: the last lesson again, with samples of its own."""
        return Plan(seed + 1000, (Phase(REAL, 500, 0.0),), first_rate=0.4, kept_steps=0)

    def of(self, steps: int) -> "Plan":
        """The same in so many steps."""
        share = steps / self.steps
        return replace(self, phases=tuple(replace(p, steps=max(1, round(p.steps * share))) for p in self.phases))


def tokenizer(seed: int) -> Tokenizer:
    kept, _ = splits()
    texts = [text_of(sample) for sample in islice(Mixture(kept, seed, held_out=False), TOKENIZER_SAMPLES)]
    lists = [" ".join(words()), " ".join(word.capitalize() for word in words())]
    return trained([*texts, *lists * 40], VOCABULARY)


def train(folder: Path, plan: Plan, network: Network, cutter: Tokenizer, device: torch.device) -> None:
    """Writes tokenizer.json, weights.pt (also between) and log.jsonl into the folder."""
    cutter.save(str(folder / "tokenizer.json"))
    network.to(device)
    optimizers = optimizers_of(network, plan)
    first_sentence = digits_of(cutter)[0]
    began_s = time.monotonic()
    hand_made = Kept(network)
    with (folder / "log.jsonl").open("w") as log:
        for step, (batch, rate) in enumerate(lessons(folder, plan)):
            rates = [rate * highest for highest in plan.rates]
            loss, right = stepped(network, optimizers, batch.on(device), first_sentence, rates)
            if step < plan.kept_steps:
                hand_made.restore()
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
        first_rate = plan.phases[number - 1].last_rate if number else plan.first_rate
        with closing(ahead(folder, plan.seed + 100 * number, phase)) as endless:
            for step, batch in enumerate(islice(endless, phase.steps)):
                rate = first_rate + (phase.last_rate - first_rate) * step / phase.steps
                yield batch, rate * min(1.0, (done + 1) / WARMUP_STEPS)
                done += 1


def stepped(
    network: Network, optimizers: Optimizers, batch: Batch, first_sentence: int, rates: Sequence[float]
) -> tuple[float, list[float]]:
    """Loss, and shares of right choices, before the step."""
    for optimizer, rate in zip(optimizers, rates, strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate
    loss, right = loss_of(network, batch, first_sentence)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return loss.item(), right


def made(cutter: Tokenizer, seed: int) -> Network:
    """As training begins."""
    torch.manual_seed(seed)
    shape = Shape(cutter.get_vocab_size())
    network = Network(shape, embeddings(token_texts(cutter), shape.width))
    vocabulary = cutter.get_vocab()
    parts = tuple(vocabulary[text] for text in MARKERS)
    questions = tuple(vocabulary[text] for text in (QUESTION, USER))
    marks = Marks(vocabulary[SYSTEM], parts, (vocabulary[TOOLS_TAIL],), questions, digits_of(cutter))
    by_hand(network, marks)
    return network


def digits_of(cutter: Tokenizer) -> tuple[int, ...]:
    """The tokens that name the sentences of a context."""
    vocabulary = cutter.get_vocab()
    return tuple(vocabulary[str(number)] for number in range(1, max(SENTENCES) + 1))


def save(network: Network, folder: Path) -> None:
    torch.save({"shape": asdict(network.shape), "weights": network.state_dict()}, folder / "weights.pt")


def load(folder: Path) -> Network:
    kept = torch.load(folder / "weights.pt", map_location="cpu", weights_only=True)
    shape = Shape(**kept["shape"])
    network = Network(shape, torch.zeros(shape.vocabulary, shape.width))
    network.load_state_dict(kept["weights"])
    return network


def loss_of(network: Network, batch: Batch, first_sentence: int) -> tuple[Tensor, list[float]]:
    """And shares that are right: sentences, those that are not the first, whether to quote or to call and how names go
    on, where names begin, where values begin. What a token is is told by its weight."""
    hidden = network.hidden(batch.tokens, batch.positions, batch.mask)
    logits = network.logits(hidden[batch.learnt[:, 0], batch.learnt[:, 1]])
    target = batch.learnt[:, 2]
    losses = F.cross_entropy(logits, target, reduction="none")
    is_right = (logits.argmax(-1) == target).float()
    weights = batch.weights
    is_sentence = weights == CHOICE
    groups = (is_sentence, is_sentence & (target != first_sentence), weights == 1, weights == FIRST, weights == BEGIN)
    right = [round(is_right[which].mean().item(), 3) for which in groups]
    return (losses * weights).sum() / weights.sum(), right


def optimizers_of(network: Network, plan: Plan) -> Optimizers:
    matrices = [p for layer in network.layers for p in layer.parameters() if p.ndim == 2]
    others = [p for p in network.parameters() if p.ndim == 1]

    def adam(parameters: list[nn.Parameter], rate: float) -> torch.optim.AdamW:
        return torch.optim.AdamW(parameters, lr=rate, betas=(0.9, 0.98), weight_decay=0.0)

    return (
        Muon(matrices, plan.muon_rate),
        adam(others, plan.adam_rate),
        adam([network.embedding], plan.embedding_rate),
    )


_generators: dict[int, Iterator[Batch]] = {}


def _next_batches(folder: str, seed: int, phase: Phase) -> list[Batch]:
    """In the generator's process, which keeps its place."""
    if seed not in _generators:
        torch.set_num_threads(1)
        kept, _ = splits()
        cutter = Tokenizer.from_file(f"{folder}/tokenizer.json")
        mixture = Mixture(kept, seed + 1, held_out=False, habits=phase.habits, shares=phase.shares)
        _generators[seed] = batches(mixture, cutter, POSITIONS)
    return list(islice(_generators[seed], CHUNK))


def ahead(folder: Path, seed: int, phase: Phase) -> Generator[Batch, None, None]:
    with ProcessPoolExecutor(1, get_context("spawn"), signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
        coming = pool.submit(_next_batches, str(folder), seed, phase)
        while True:
            ready = coming.result()
            coming = pool.submit(_next_batches, str(folder), seed, phase)
            yield from ready
