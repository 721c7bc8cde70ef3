"""Samples as tensors: a prefix and its branches in one row, and a mask that keeps the branches apart."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import torch
from tokenizers import Tokenizer
from torch import Tensor

from tools.demo_model.rendering import Pieces, Sample

LENGTHS: Final = (128, 192, 256, 320, 384, 512)  # rows of like length are batched together


@dataclass(frozen=True)
class Row:
    tokens: list[int]
    weights: list[float]  # of predicting this token
    positions: list[int]
    branches: list[int]  # 0: the prefix
    before: list[int]  # the place in the row that predicts this token


@dataclass(frozen=True)
class Batch:
    tokens: Tensor
    positions: Tensor
    mask: Tensor
    learnt: Tensor  # [n, 3]: row, place that predicts, token
    weights: Tensor  # [n]

    def on(self, device: torch.device) -> "Batch":
        tensors = (self.tokens, self.positions, self.mask, self.learnt, self.weights)
        return Batch(*(tensor.to(device) for tensor in tensors))


def row(sample: Sample, tokenizer: Tokenizer) -> Row | None:
    """As many branches as fit; None where not even one does."""
    prefix, weights = encoded(sample.prefix, tokenizer)
    size = len(prefix)
    made = Row(prefix, weights, list(range(size)), [0] * size, list(range(-1, size - 1)))
    for number, pieces in enumerate(sample.branches, start=1):
        tokens, weights = encoded(pieces, tokenizer)
        if len(made.tokens) + len(tokens) > LENGTHS[-1]:
            break
        start = len(made.tokens)
        made.tokens.extend(tokens)
        made.weights.extend(weights)
        made.positions.extend(range(size, size + len(tokens)))
        made.branches.extend([number] * len(tokens))
        made.before.extend([size - 1, *range(start, start + len(tokens) - 1)])
    return made if len(made.tokens) > size else None


def encoded(pieces: Pieces, tokenizer: Tokenizer) -> tuple[list[int], list[float]]:
    """The tokens of the whole text, each with the weight of the piece in which it begins."""
    text = "".join(piece.text for piece in pieces)
    encoding = tokenizer.encode(text, add_special_tokens=False)
    ends, end = [], 0
    for piece in pieces:
        end += len(piece.text)
        ends.append(end)
    weights, place = [], 0
    for start, _ in encoding.offsets:
        while start >= ends[place]:
            place += 1
        weights.append(pieces[place].weight)
    return encoding.ids, weights


def batches(samples: Iterable[Sample], tokenizer: Tokenizer, positions: int) -> Iterator[Batch]:
    """Of about so many positions each, padding included."""
    waiting: dict[int, list[Row]] = {length: [] for length in LENGTHS}
    for sample in samples:
        made = row(sample, tokenizer)
        if made is None:
            continue
        length = next(length for length in LENGTHS if len(made.tokens) <= length)
        waiting[length].append(made)
        if len(waiting[length]) * length >= positions:
            yield batch(waiting.pop(length), length)
            waiting[length] = []


def batch(rows: list[Row], length: int) -> Batch:
    tokens = torch.zeros(len(rows), length, dtype=torch.long)
    positions = torch.zeros(len(rows), length, dtype=torch.long)
    branches = torch.full((len(rows), length), -1)
    learnt, weights = [], []
    for number, made in enumerate(rows):
        size = len(made.tokens)
        tokens[number, :size] = torch.tensor(made.tokens)
        positions[number, :size] = torch.tensor(made.positions)
        branches[number, :size] = torch.tensor(made.branches)
        for token, weight, before in zip(made.tokens, made.weights, made.before, strict=True):
            if weight:
                learnt.append((number, before, token))
                weights.append(weight)
    return Batch(tokens, positions, _mask(branches), torch.tensor(learnt), torch.tensor(weights))


def _mask(branches: Tensor) -> Tensor:
    """[row, 1, length, length]: what is before, in one's own branch or in the prefix. Padding sees itself."""
    length = branches.shape[1]
    is_before = torch.ones(length, length, dtype=torch.bool).tril()
    is_own = branches[:, :, None] == branches[:, None, :]
    is_prefix = (branches == 0)[:, None, :]
    return ((is_own | is_prefix) & is_before)[:, None]
