"""Exact scores, in float64, of vectors that an index brought near: what Hit.score promises, whatever the index kept."""

from typing import Any

import numpy as np

from llmanager.vdb.entities import MIN_LENGTH, Metric

Matrix = np.ndarray[Any, np.dtype[np.float32]]
Numbers = np.ndarray[Any, np.dtype[np.float64]]


def matrix(data: bytes, dim: int) -> Matrix:
    return np.frombuffer(data, "<f4").reshape(-1, dim)


def lengths(rows: Matrix | Numbers) -> Numbers:
    found: Numbers = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1))
    return found


def has_direction(vector: Matrix) -> bool:
    return bool(lengths(vector.reshape(1, -1))[0] >= MIN_LENGTH)


def scores(metric: Metric, rows: Matrix, query: Matrix) -> Numbers:
    """Each row by itself (no matrix product), so that equal vectors have equal scores and tie by id."""
    wide, wanted = rows.astype(np.float64), query.astype(np.float64)
    if metric is Metric.L2:
        return -lengths(wide - wanted)
    dots: Numbers = (wide * wanted).sum(axis=1)
    if metric is Metric.DOT:
        return dots
    row_lengths, query_length = lengths(wide), lengths(wanted.reshape(1, -1))[0]
    is_directed = (row_lengths >= MIN_LENGTH) & (query_length >= MIN_LENGTH)
    return np.where(is_directed, dots / np.where(is_directed, row_lengths * query_length, 1.0), 0.0)
