"""The network: llama's architecture (RMS norm, rotary positions, SwiGLU, tied embeddings), biases on queries and keys.

Most pairs of a head never rotate, so that a head can look for the same word however far away it is (the GGUF says
so in `rope_freqs.weight`). Some heads begin by hand where training would spend hours to find them: on the token before,
on the same word earlier, on the mark of the sentence that one is in, on what came after the same word.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

HEAD: Final = 32
FREQUENCIES: Final = (1.0, 0.4, 0.15, 0.05, 0.015, *[0.0] * 11)  # radians a token, of each pair of a head
TURNING: Final = 5  # pairs
EPSILON: Final = 1e-5
EMBEDDING_SCALE: Final = 0.04
STEM: Final = re.compile(r"(?<=\w\w\w)(?:ing|ers?|ed|es|s|ly|d)$")


@dataclass(frozen=True)
class Shape:
    vocabulary: int
    width: int = 192
    layers: int = 5
    heads: int = 6
    feed_forward: int = 384


class Layer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width, inner, hidden = shape.width, shape.heads * HEAD, shape.feed_forward
        self.heads = shape.heads
        self.attention_norm = nn.Parameter(torch.ones(width))
        self.feed_norm = nn.Parameter(torch.ones(width))
        self.q, self.k, self.v = (matrix(inner, width, 0.5) for _ in range(3))
        self.q_bias, self.k_bias = nn.Parameter(torch.zeros(inner)), nn.Parameter(torch.zeros(inner))
        self.gate, self.up = (matrix(hidden, width, 0.5) for _ in range(2))
        self.out = matrix(width, inner, EMBEDDING_SCALE / math.sqrt(2 * shape.layers))
        self.down = matrix(width, hidden, EMBEDDING_SCALE / math.sqrt(2 * shape.layers))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor) -> Tensor:
        batch, length, width = x.shape
        normed = F.rms_norm(x, (width,), self.attention_norm, EPSILON)
        q, k, v = F.linear(normed, torch.cat([self.q, self.k, self.v])).chunk(3, -1)
        heads = (self._rotated(q + self.q_bias, cos, sin), self._rotated(k + self.k_bias, cos, sin), self._split(v))
        seen = F.scaled_dot_product_attention(*heads, attn_mask=mask)
        x = x + F.linear(seen.transpose(1, 2).reshape(batch, length, -1), self.out)
        normed = F.rms_norm(x, (width,), self.feed_norm, EPSILON)
        gate, up = F.linear(normed, torch.cat([self.gate, self.up])).chunk(2, -1)
        return x + F.linear(F.silu(gate) * up, self.down)

    def _split(self, z: Tensor) -> Tensor:
        return z.view(*z.shape[:2], self.heads, HEAD).transpose(1, 2)

    def _rotated(self, z: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Of the first half of a head's pairs: those after it stand still."""
        pairs = z.view(*z.shape[:2], self.heads, HEAD // 2, 2)
        even, odd = pairs.unbind(-1)
        turned = torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1)
        return turned.view(*z.shape[:2], self.heads, HEAD).transpose(1, 2)


class Network(nn.Module):
    def __init__(self, shape: Shape, tokens: Sequence[str], markers: Sequence[int], digits: Sequence[int]) -> None:
        """`tokens`: the text of each; `markers`: those that begin a sentence or the question; `digits`: "1", "2", …"""
        super().__init__()
        self.shape = shape
        self.embedding = nn.Parameter(embeddings(tokens, shape.width))
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.Parameter(torch.ones(shape.width))
        by_hand(self, markers, digits)

    def hidden(self, tokens: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        """tokens, positions [batch, length]; mask [batch, 1, length, length], True where one sees the other."""
        angles = positions[..., None].float() * torch.tensor(FREQUENCIES, device=positions.device)
        cos, sin = angles.cos()[:, :, None], angles.sin()[:, :, None]
        x = F.embedding(tokens, self.embedding)
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
        return F.rms_norm(x, (self.shape.width,), self.norm, EPSILON)

    def logits(self, hidden: Tensor) -> Tensor:
        return F.linear(hidden, self.embedding)


def matrix(rows: int, columns: int, scale: float) -> nn.Parameter:
    return nn.Parameter(torch.randn(rows, columns) * scale / math.sqrt(columns))


def embeddings(tokens: Sequence[str], width: int) -> Tensor:
    """Forms of one word begin close together: " backup", "Backups". What they differ in has a direction of its own."""
    stems = [STEM.sub("", token.strip(" ").lower()) or token for token in tokens]
    places = {stem: place for place, stem in enumerate(dict.fromkeys(stems))}
    shared = torch.randn(len(places), width)[[places[stem] for stem in stems]]
    own, is_spaced, is_capital = torch.randn(len(tokens), width), torch.randn(width), torch.randn(width)
    spaced = torch.tensor([float(token[:1] == " ") for token in tokens])[:, None]
    capital = torch.tensor([float(token.strip(" ")[:1].isupper()) for token in tokens])[:, None]
    return EMBEDDING_SCALE * (0.8 * shared + 0.4 * own + 0.3 * (spaced * is_spaced + capital * is_capital))


@torch.no_grad()
def by_hand(network: Network, markers: Sequence[int], digits: Sequence[int]) -> None:
    """The heads that begin with a purpose; training takes it from there. Together they let a question's words vote:

    each token knows the section it is in, a word of the question looks for the same word in the sentences and takes
    over its section, the last token gathers these, and what was gathered speaks for the digit of that section.
    `markers` begin sections, the question's is the last; `digits` name the others.
    """
    width = network.shape.width
    basis, _ = torch.linalg.qr(torch.randn(width, width))
    space = basis.T.reshape(-1, HEAD, width)  # each [HEAD, width], orthogonal to the others
    word, before, section, found, after, marks = space[:6]
    for place, token in enumerate(markers):
        network.embedding[token] = EMBEDDING_SCALE * math.sqrt(width / 2) * (marks[-1] + marks[place])
    first, second, third, fourth = (network.layers[place] for place in range(4))
    in_question = section[len(markers) - 1]
    for head, distance in enumerate((1, 2, 3)):
        looks_back(first, head, distance)
    carries(first, 0, word, before, 0.6)
    finds(first, 3, marks[-1], 0.4, 1.5, is_nearest=True)
    carries(first, 3, marks, section, 0.15)
    carries(second, 0, word, after, 0.6)
    matches(second, 0, word, before)  # induction: what came after the same word
    for layer, head, part in ((second, 1, word), (second, 3, word.flip(0)), (third, 1, word)):
        matches(layer, head, part, part)
        shuns(layer, head, in_question)
        carries(layer, head, section, found, 0.3)
    looks_back(second, 2, 1)
    finds(fourth, 0, in_question, 0.3, 1.3, is_nearest=False)
    speaks = torch.zeros(HEAD, width)
    for place, token in enumerate(digits):
        speaks[place] = F.normalize(network.embedding[token], dim=0)
    carries(fourth, 0, found, speaks, 1.5)


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
        slow = [rows(head).start + pair * 2 for pair in range(2, TURNING)]
        layer.k_bias[slow] = 4.5
        layer.q_bias[slow] = 4.5


def matches(layer: Layer, head: int, asks: Tensor, has: Tensor, strength: float = 1.8) -> None:
    """At tokens whose subspace `has` holds what this one's `asks` does."""
    calm(layer, head)
    size = HEAD - 2 * TURNING
    layer.q[still(head)] = strength * asks[:size]
    layer.k[still(head)] = strength * has[:size]


def shuns(layer: Layer, head: int, mark: Tensor) -> None:
    """Rather not at tokens that have `mark` in them, of which it is one: they are what is left if nothing matches."""
    place = still(head).stop - 1
    layer.q[place] = 0.0
    layer.k[place] = -1.2 * mark
    layer.q_bias[place] = 3.0
