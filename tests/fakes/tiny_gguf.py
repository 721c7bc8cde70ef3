"""Real GGUF files of a few ten KB with random weights: llama.cpp loads them, and what they say is noise."""

from pathlib import Path

import gguf
import numpy as np

WIDTH, BLOCKS, HEADS, FEED_FORWARD, CONTEXT = 32, 1, 2, 64, 2048
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHATML = (
    "{%- for m in messages %}{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)


def write_tiny_chat(path: Path, seed: int = 0, context: int = CONTEXT) -> None:
    """llama architecture, one token a byte, ChatML. Never ends by itself: streams until max_tokens."""
    rng = np.random.default_rng(seed)
    tokens = [*_byte_alphabet(), "th", *SPECIALS]
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("tiny-chat")
    _add_sizes(writer, context)
    writer.add_head_count_kv(1)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in SPECIALS else 1 for token in tokens])
    writer.add_token_merges(["t h"])
    writer.add_bos_token_id(tokens.index("<|endoftext|>"))
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHATML)
    embedding = _random(rng, len(tokens), WIDTH)
    embedding[-len(SPECIALS) :] = 0  # tied to the output: specials are never the likeliest
    tensors = {"token_embd.weight": embedding, "output_norm.weight": np.ones(WIDTH, np.float32)}
    tensors |= {
        "blk.0.attn_norm.weight": np.ones(WIDTH, np.float32),
        "blk.0.ffn_norm.weight": np.ones(WIDTH, np.float32),
    }
    shapes = {"attn_q": (WIDTH, WIDTH), "attn_k": (WIDTH // HEADS, WIDTH), "attn_v": (WIDTH // HEADS, WIDTH)}
    shapes |= {"attn_output": (WIDTH, WIDTH), "ffn_gate": (FEED_FORWARD, WIDTH), "ffn_up": (FEED_FORWARD, WIDTH)}
    shapes |= {"ffn_down": (WIDTH, FEED_FORWARD)}
    tensors |= {f"blk.0.{name}.weight": _random(rng, *shape) for name, shape in shapes.items()}
    _finish(writer, tensors)


def write_tiny_embedding(path: Path) -> None:
    """bert architecture with mean pooling, WordPiece over single letters, 32 dimensions."""
    rng = np.random.default_rng(0)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,?!"
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens = [*specials, *("\u2581" + letter for letter in letters), *letters]
    writer = gguf.GGUFWriter(str(path), "bert")
    writer.add_name("tiny-embedding")
    _add_sizes(writer, CONTEXT // 4)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in specials else 1 for token in tokens])
    writer.add_token_type_count(2)
    writer.add_pad_token_id(0)
    writer.add_unk_token_id(1)
    writer.add_bos_token_id(2)
    writer.add_sep_token_id(3)
    writer.add_eos_token_id(3)
    writer.add_mask_token_id(4)
    tensors = {"token_embd.weight": _random(rng, len(tokens), WIDTH), "token_types.weight": _random(rng, 2, WIDTH)}
    tensors |= {"position_embd.weight": _random(rng, CONTEXT // 4, WIDTH).astype(np.float32)}
    norms = ["token_embd_norm", "blk.0.attn_output_norm", "blk.0.layer_output_norm"]
    tensors |= {f"{name}.weight": np.ones(WIDTH, np.float32) for name in norms}
    tensors |= {f"{name}.bias": np.zeros(WIDTH, np.float32) for name in norms}
    shapes = dict.fromkeys(("attn_q", "attn_k", "attn_v", "attn_output"), (WIDTH, WIDTH))
    shapes |= {"ffn_up": (FEED_FORWARD, WIDTH), "ffn_down": (WIDTH, FEED_FORWARD)}
    for name, shape in shapes.items():
        tensors[f"blk.0.{name}.weight"] = _random(rng, *shape)
        tensors[f"blk.0.{name}.bias"] = np.zeros(shape[0], np.float32)
    _finish(writer, tensors)


def _add_sizes(writer: gguf.GGUFWriter, context: int) -> None:
    writer.add_context_length(context)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(BLOCKS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)


def _random(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(0, 0.3, shape).astype(np.float16)


def _finish(writer: gguf.GGUFWriter, tensors: dict[str, np.ndarray]) -> None:
    for name, tensor in tensors.items():
        is_small = name.startswith(("position", "token_types"))
        writer.add_tensor(name, tensor.astype(np.float32) if is_small else tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _byte_alphabet() -> list[str]:
    """One printable character for each byte, as GPT-2's tokenizer writes them."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    names = {byte: chr(byte) for byte in plain} | {byte: chr(256 + n) for n, byte in enumerate(others)}
    return [names[byte] for byte in range(256)]
