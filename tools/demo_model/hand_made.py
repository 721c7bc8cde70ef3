"""Heads that begin with a purpose, where training would spend hours to find them.

On the token before, on the same word earlier, on the mark of the sentence or tool that one is in, on a tool's name.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from tools.demo_model.network import EMBEDDING_SCALE, FREQUENCIES, HEAD, TURNING, Layer, Network


@dataclass(frozen=True)
class Marks:
    """Tokens with a purpose: what begins a prompt, its sentences or tools, what ends these, what begins a question,
    "1", "2", …"""

    start: int
    parts: tuple[int, ...]
    ends: tuple[int, ...]
    questions: tuple[int, ...]
    digits: tuple[int, ...]


@torch.no_grad()
def by_hand(network: Network, named: Marks) -> None:
    """The heads that begin with a purpose; training takes it from there. Together they let a question's words vote:

    each token knows the section it is in, a word of the question looks for the same word in the sentences and takes
    over its section, the last token gathers these, and what was gathered speaks for the digit of that section. Where
    the sections are tools, it looks for the name in that section, token by token.
    """
    width = network.shape.width
    basis, _ = torch.linalg.qr(torch.randn(width, width))
    space = basis.T.reshape(-1, HEAD, width)  # each [HEAD, width], orthogonal to the others
    word, before, section, found, after, marks = space[:6]
    purposes = torch.cat([section, found])  # nothing of a word is in them: the votes would drown in it
    network.embedding -= network.embedding @ purposes.T @ purposes
    nowhere = marks[-3]
    network.embedding[named.start] = EMBEDDING_SCALE * math.sqrt(width) * nowhere
    sections = [*([token] for token in named.parts), list(named.questions), list(named.ends)]
    for place, tokens in enumerate(sections):
        network.embedding[tokens] = EMBEDDING_SCALE * math.sqrt(width / 2) * (marks[-1] + marks[place])
    first, second, third, fourth, fifth = network.layers
    in_question = section[len(named.parts)]
    for head, distance in enumerate((1, 2, 3)):
        looks_back(first, head, distance)
    carries(first, 0, word, before, 0.6)
    finds(first, 3, marks[-1], 0.4, 1.5, is_nearest=True)
    carries(first, 3, marks, section, 0.15)
    carries(second, 0, word, after, 0.6)
    matches(second, 0, word, before)  # induction: what came after the same word
    for layer, head, part in ((second, 1, word), (second, 3, word.flip(0)), (third, 1, word)):
        matches(layer, head, part, part, 2.6)
        shuns(layer, head, in_question)
        rests(layer, head, nowhere, in_question)
        carries(layer, head, section, found, 0.3)
    looks_back(second, 2, 1)
    finds(fourth, 0, in_question, 0.3, 1.3, is_nearest=False)
    speaks = torch.zeros(HEAD, width)
    for place, token in enumerate(named.digits):
        speaks[place] = F.normalize(network.embedding[token], dim=0)
    carries(fourth, 0, found, speaks + found, 1.5)
    name = marks[-2]  # at the token that comes after a mark
    looks_back(first, 4, 1)
    carries(first, 4, only(marks[-1]), only(name), 0.3)
    parts = len(named.parts)
    begins(fifth, 0, found[:parts], section[:parts], name)
    goes_on(fifth, 1, (word, before), (found[:parts], section[:parts]))
    for head in (0, 1):
        carries(fifth, head, word, word, 4.0)


HAND_MADE: Final = ((0, (0, 1, 2, 3, 4)), (1, (0, 1, 2, 3)), (2, (1,)), (3, (0,)), (4, (0, 1)))  # layer, its heads


class Kept:
    """The heads made by hand as they are now, to be put back: else they are gone before anything uses them."""

    @torch.no_grad()
    def __init__(self, network: Network) -> None:
        self._kept = [(part, part.detach().clone()) for part in self._parts(network)]

    @torch.no_grad()
    def restore(self) -> None:
        for part, value in self._kept:
            part.copy_(value)

    @staticmethod
    def _parts(network: Network) -> Iterator[Tensor]:
        for place, heads in HAND_MADE:
            layer = network.layers[place]
            for head in heads:
                for matrix in (layer.q, layer.k, layer.v, layer.q_bias, layer.k_bias):
                    yield matrix.data[rows(head)]
                yield layer.out.data[:, rows(head)]


def rows(head: int) -> slice:
    return slice(head * HEAD, (head + 1) * HEAD)


def still(head: int) -> slice:
    """The rows of a head that do not turn."""
    return slice(head * HEAD + 2 * TURNING, (head + 1) * HEAD)


def calm(layer: Layer, head: int) -> None:
    layer.q[rows(head)] *= 0.1
    layer.k[rows(head)] *= 0.1


def carries(layer: Layer, head: int, source: Tensor, target: Tensor, strength: float) -> None:
    """The head's values are read from one subspace and written into another. Both [HEAD, width]."""
    layer.v[rows(head)] = source
    layer.out[:, rows(head)] = target.T * strength * EMBEDDING_SCALE * math.sqrt(layer.out.shape[0] / HEAD)


def looks_back(layer: Layer, head: int, distance: int) -> None:
    """At the token so many places before, whatever it is: the biases alone decide."""
    calm(layer, head)
    strength = torch.tensor([7.0] * TURNING + [0.0] * (HEAD // 2 - TURNING))
    angles = torch.tensor(FREQUENCIES) * -distance
    layer.k_bias[rows(head)] = torch.stack([strength, torch.zeros_like(strength)], -1).flatten()
    layer.q_bias[rows(head)] = torch.stack([strength * angles.cos(), strength * angles.sin()], -1).flatten()


def finds(layer: Layer, head: int, mark: Tensor, key: float, query: float, *, is_nearest: bool) -> None:
    """At the tokens that have `mark` in them, or at the nearest of these: slow pairs prefer what is near."""
    calm(layer, head)
    layer.k[still(head)] = key * mark
    layer.q_bias[still(head)] = query
    if is_nearest:
        slow = [rows(head).start + pair * 2 for pair in range(3, TURNING)]
        layer.k_bias[slow] = 9.0
        layer.q_bias[slow] = 9.0


def matches(layer: Layer, head: int, asks: Tensor, has: Tensor, strength: float = 1.8) -> None:
    """At tokens whose subspace `has` holds what this one's `asks` does."""
    calm(layer, head)
    size = HEAD - 2 * TURNING
    layer.q[still(head)] = strength * asks[:size]
    layer.k[still(head)] = strength * has[:size]


def only(direction: Tensor) -> Tensor:
    """A subspace of that and nothing else."""
    return torch.cat([direction[None], torch.zeros(HEAD - 1, len(direction))])


def begins(layer: Layer, head: int, asks: Tensor, has: Tensor, mark: Tensor, strength: float = 2.5) -> None:
    """At the token with `mark` of the section that is asked for."""
    calm(layer, head)
    first, last = still(head).start, still(head).stop - 1
    places = slice(first, first + len(asks))
    layer.q[places], layer.k[places] = strength * asks, strength * has
    layer.k[last], layer.q_bias[last] = mark, 8.0


def goes_on(
    layer: Layer, head: int, same: tuple[Tensor, Tensor], section: tuple[Tensor, Tensor], strength: float = 2.0
) -> None:
    """At the token after one like this, in the section that is asked for."""
    calm(layer, head)
    half = (HEAD - 2 * TURNING) // 2
    layer.q[still(head)] = strength * torch.cat([same[0][:half], section[0][:half]])
    layer.k[still(head)] = strength * torch.cat([same[1][:half], section[1][:half]])


def shuns(layer: Layer, head: int, mark: Tensor) -> None:
    """Rather not at tokens that have `mark` in them, of which it is one: they are what is left if nothing matches."""
    place = still(head).stop - 1
    layer.q[place] = 0.0
    layer.k[place] = -1.2 * mark
    layer.q_bias[place] = 8.0


def rests(layer: Layer, head: int, sink: Tensor, question: Tensor) -> None:
    """At the prompt's first token, which says nothing, but for tokens of the question: only these are to vote."""
    place = still(head).stop - 2
    layer.k[place] = 0.5 * sink
    layer.q[place], layer.q_bias[place] = -8.0 * question, 14.0
