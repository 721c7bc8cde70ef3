"""Muon (momentum, orthogonalised by Newton and Schulz) for matrices, those of one shape at once and in 32 bits.

torch.optim.Muon takes them one by one in bfloat16, which a processor without it emulates: eleven times slower here.
"""

from collections.abc import Iterable
from typing import Any, Final

import torch
from torch import Tensor

COEFFICIENTS: Final = (3.4445, -4.7750, 2.0315)  # as in torch.optim.Muon
ROUNDS: Final = 5
RMS: Final = 0.2  # of an update, like AdamW's


class Muon(torch.optim.Optimizer):
    def __init__(self, matrices: Iterable[Tensor], lr: float, momentum: float = 0.95, weight_decay: float = 0.01):
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        assert closure is None
        for group in self.param_groups:
            shapes: dict[torch.Size, list[Tensor]] = {}
            for matrix in group["params"]:
                if matrix.grad is not None:
                    shapes.setdefault(matrix.shape, []).append(matrix)
            for shape, matrices in shapes.items():
                stacked = torch.stack([self._moved(matrix, group["momentum"]) for matrix in matrices])
                rate = group["lr"] * RMS * max(shape) ** 0.5
                for matrix, update in zip(matrices, orthogonal(stacked), strict=True):
                    matrix.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-rate)

    def _moved(self, matrix: Tensor, momentum: float) -> Tensor:
        assert matrix.grad is not None
        state = self.state[matrix]
        kept = state.setdefault("momentum", torch.zeros_like(matrix))
        kept.lerp_(matrix.grad, 1 - momentum)
        return matrix.grad.lerp(kept, momentum)


def orthogonal(stacked: Tensor) -> Tensor:
    """Each [rows, columns] of it with singular values near 1."""
    is_tall = stacked.shape[-2] > stacked.shape[-1]
    x = stacked.mT if is_tall else stacked
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ROUNDS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if is_tall else x
