"""Where words begin: vectors of all-MiniLM-L6-v2, the embedder that LLManager comes with, so that words of like meaning
begin close together. From text this little nobody would find out that a price is a cost.
"""

import json
import re
import struct
from collections.abc import Sequence
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from llmanager.adapters.local.minilm import VOCABULARY, WEIGHTS, published
from tools.demo_model.network import EMBEDDING_SCALE

LAYERS: Final = 6
HEADS: Final = 12
EPSILON: Final = 1e-12
STEM: Final = re.compile(r"(?<=\w\w\w)(?:ing|ers?|ed|es|s|ly|d)$")
SHORTEST: Final = 3  # letters: shorter tokens are mostly parts of words


class Embedder:
    """BERT over one word: [CLS] word [SEP], and the mean of the three."""

    def __init__(self) -> None:
        """Raises JobFailed where the package is not installed, or its files are not those that were published."""
        files = published()
        raw = files[WEIGHTS].read_bytes()
        size = struct.unpack("<Q", raw[:8])[0]
        self._tensors = {}
        for name, told in json.loads(raw[8 : 8 + size]).items():
            if name != "__metadata__" and told["dtype"] == "F32":
                start, end = (8 + size + offset for offset in told["data_offsets"])
                part = torch.frombuffer(bytearray(raw[start:end]), dtype=torch.float32)
                self._tensors[name] = part.view(told["shape"])
        words = files[VOCABULARY].read_text("utf-8").split("\n")
        self._numbers = {word: number for number, word in enumerate(words)}

    def knows(self, word: str) -> bool:
        return len(word) >= SHORTEST and word.isalpha() and word in self._numbers

    @torch.no_grad()
    def vectors(self, words: Sequence[str]) -> Tensor:
        """[words, 384], each 1 long. Raises KeyError for words that it does not know."""
        first, last = self._numbers["[CLS]"], self._numbers["[SEP]"]
        numbers = torch.tensor([[first, self._numbers[word], last] for word in words])
        x = self._tensors["embeddings.word_embeddings.weight"][numbers]
        x = x + self._tensors["embeddings.position_embeddings.weight"][:3]
        x = self._normed(x + self._tensors["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(LAYERS):
            x = self._layer(x, f"encoder.layer.{layer}.")
        return F.normalize(x.mean(1), dim=-1)

    def _layer(self, x: Tensor, name: str) -> Tensor:
        q, k, v = (
            self._linear(x, f"{name}attention.self.{part}").unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        seen = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        out = self._linear(seen, f"{name}attention.output.dense")
        x = self._normed(x + out, f"{name}attention.output.LayerNorm")
        inner = F.gelu(self._linear(x, f"{name}intermediate.dense"))
        return self._normed(x + self._linear(inner, f"{name}output.dense"), f"{name}output.LayerNorm")

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self._tensors[f"{name}.weight"], self._tensors[f"{name}.bias"])

    def _normed(self, x: Tensor, name: str) -> Tensor:
        weight, bias = self._tensors[f"{name}.weight"], self._tensors[f"{name}.bias"]
        return F.layer_norm(x, weight.shape, weight, bias, EPSILON)


def embeddings(tokens: Sequence[str], width: int) -> Tensor:
    """Words of like meaning begin close together; of those that nobody knows, forms of one: " backup", "Backups".

    What they differ in has a direction of its own.
    """
    stems = [STEM.sub("", token.strip(" ").lower()) or token for token in tokens]
    places = {stem: place for place, stem in enumerate(dict.fromkeys(stems))}
    shared = torch.randn(len(places), width)[[places[stem] for stem in stems]]
    vectors, is_known = meanings(tokens, width)
    shared[is_known] = vectors[is_known]
    own, is_spaced, is_capital = torch.randn(len(tokens), width), torch.randn(width), torch.randn(width)
    spaced = torch.tensor([float(token[:1] == " ") for token in tokens])[:, None]
    capital = torch.tensor([float(token.strip(" ")[:1].isupper()) for token in tokens])[:, None]
    return EMBEDDING_SCALE * (0.8 * shared + 0.4 * own + 0.3 * (spaced * is_spaced + capital * is_capital))


def meanings(tokens: Sequence[str], width: int) -> tuple[Tensor, Tensor]:
    """Vectors [tokens, width] with entries of about 1, and which tokens have one [tokens]; 0 where they have none."""
    embedder = Embedder()
    words = [token.strip(" ").lower() for token in tokens]
    known = sorted({word for word in words if embedder.knows(word)})
    vectors = embedder.vectors(known)
    vectors = vectors - vectors.mean(0)
    _, _, axes = torch.linalg.svd(vectors, full_matrices=False)
    turned, _ = torch.linalg.qr(torch.randn(width, width))
    reduced = F.normalize(vectors @ axes[:width].T, dim=-1) @ turned * width**0.5
    place = {word: number for number, word in enumerate(known)}
    is_known = torch.tensor([word in place for word in words])
    found = torch.zeros(len(tokens), width)
    found[is_known] = reduced[[place[word] for word in words if word in place]]
    return found, is_known
