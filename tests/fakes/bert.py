"""all-MiniLM-L6-v2 computed with numpy in 32 bits from the published files: what a converted file is compared with.

Written from the papers (BERT, WordPiece, Sentence-BERT's mean pooling), sharing nothing with the conversion.
"""

import json
import math
import unicodedata
from pathlib import Path

import numpy as np

BLOCKS, HEADS, EPSILON = 6, 12, 1e-12
Array = np.ndarray
_erf = np.vectorize(math.erf, otypes=[np.float64])


class WordPiece:
    def __init__(self, vocabulary: Path) -> None:
        with vocabulary.open(encoding="utf-8", newline="\n") as lines:
            self._ids = {line.rstrip("\n"): number for number, line in enumerate(lines)}

    def ids(self, text: str) -> list[int]:
        pieces = [piece for word in _words(text) for piece in self._pieces(word)]
        return [self._ids[piece] for piece in ("[CLS]", *pieces, "[SEP]")]

    def _pieces(self, word: str) -> list[str]:
        """The longest known piece first; a word with an unknown part is unknown as a whole."""
        pieces, start = [], 0
        while start < len(word):
            mark = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if mark + word[start:end] in self._ids), None)
            if end is None:
                return ["[UNK]"]
            pieces.append(mark + word[start:end])
            start = end
        return pieces


def _words(text: str) -> list[str]:
    """Lower case without accents, cut at spaces, around each punctuation mark and each Chinese character."""
    plain = [c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn"]
    spaced = (f" {c} " if _stands_alone(c) else c for c in plain)
    return "".join(spaced).split()


def _stands_alone(character: str) -> bool:
    is_ascii_mark = character.isascii() and character.isprintable() and not character.isalnum() and character != " "
    return is_ascii_mark or unicodedata.category(character).startswith("P") or 0x4E00 <= ord(character) <= 0x9FFF


class MiniLM:
    def __init__(self, weights: Path) -> None:
        data = weights.read_bytes()
        size = int.from_bytes(data[:8], "little")
        self._tensors: dict[str, Array] = {}
        for name, about in json.loads(data[8 : 8 + size]).items():
            if about.get("dtype") == "F32":
                start, end = (8 + size + offset for offset in about["data_offsets"])
                self._tensors[name] = np.frombuffer(data[start:end], np.float32).reshape(about["shape"])

    def embed(self, ids: list[int]) -> Array:
        """Unit vector of 384 numbers."""
        t = self._tensors
        x = t["embeddings.word_embeddings.weight"][ids] + t["embeddings.position_embeddings.weight"][: len(ids)]
        x = self._norm(x + t["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for block in range(BLOCKS):
            x = self._block(x, f"encoder.layer.{block}.")
        mean = x.mean(axis=0)
        return mean / np.linalg.norm(mean)

    def _block(self, x: Array, name: str) -> Array:
        attended = self._linear(self._attend(x, name + "attention.self."), name + "attention.output.dense")
        x = self._norm(x + attended, name + "attention.output.LayerNorm")
        inner = self._linear(x, name + "intermediate.dense")
        inner = 0.5 * inner * (1 + _erf(inner / math.sqrt(2)))
        return self._norm(x + self._linear(inner, name + "output.dense"), name + "output.LayerNorm")

    def _attend(self, x: Array, name: str) -> Array:
        q, k, v = (self._heads(self._linear(x, name + part)) for part in ("query", "key", "value"))
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1])
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        return (shares @ v).transpose(1, 0, 2).reshape(len(x), -1)

    def _heads(self, x: Array) -> Array:
        return x.reshape(len(x), HEADS, -1).transpose(1, 0, 2)

    def _linear(self, x: Array, name: str) -> Array:
        return x @ self._tensors[name + ".weight"].T + self._tensors[name + ".bias"]

    def _norm(self, x: Array, name: str) -> Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPSILON)
        return scaled * self._tensors[name + ".weight"] + self._tensors[name + ".bias"]
