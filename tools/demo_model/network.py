"""The network: llama's architecture (RMS norm, rotary positions, SwiGLU, tied embeddings), biases on queries and keys.

Most pairs of a head never rotate, so that a head can look for the same word however far away it is (the GGUF says
so in `rope_freqs.weight`).
"""

import math
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
    def __init__(self, shape: Shape, embedding: Tensor) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Parameter(embedding)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.Parameter(torch.ones(shape.width))

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
