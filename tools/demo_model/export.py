"""The trained network as a GGUF file that llama.cpp runs: the same numbers, matrices in 8 bits."""

import json
from pathlib import Path
from typing import Any, Final

import gguf
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from tools.demo_model.network import EPSILON, FREQUENCIES, HEAD, Network
from tools.demo_model.rendering import END, SPECIALS, TEMPLATE, TEXT_END, WHOLE

CONTEXT_TOKENS: Final = 4096  # it was trained on rows of up to 512
ROPE_BASE: Final = 10_000.0
ENDS: Final = f"{END}\n"  # as an answer within a chat ends: it ends one as well, and is not shown
STILL: Final = 1e12  # what llama.cpp divides an angle by: such a pair does not turn


def export(network: Network, tokenizer: Tokenizer, path: Path) -> None:
    writer = gguf.GGUFWriter(str(path), "llama")
    shape = network.shape
    writer.add_name("demo-tiny")
    writer.add_description("Quotes the sentence that answers, or says that it does not know. A demo, not for real use.")
    writer.add_license("apache-2.0")
    writer.add_context_length(CONTEXT_TOKENS)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_rope_dimension_count(HEAD)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_layer_norm_rms_eps(EPSILON)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    _add_tokenizer(writer, tokenizer)
    for name, tensor in _tensors(network).items():
        if tensor.ndim == 1:
            writer.add_tensor(name, tensor)
        else:
            eight_bits = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(tensor, eight_bits), raw_dtype=eight_bits)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokenizer(writer: Any, tokenizer: Tokenizer) -> None:
    numbers = tokenizer.get_vocab()
    tokens = sorted(numbers, key=lambda token: numbers[token])
    merges = [
        pair if isinstance(pair, str) else " ".join(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]
    ]
    types = dict.fromkeys(WHOLE, gguf.TokenType.USER_DEFINED)
    types |= dict.fromkeys((*SPECIALS, ENDS), gguf.TokenType.CONTROL)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([types.get(token, gguf.TokenType.NORMAL) for token in tokens])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(numbers[TEXT_END])
    writer.add_eos_token_id(numbers[END])
    writer.add_eot_token_id(numbers[ENDS])
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def _tensors(network: Network) -> dict[str, NDArray[np.float32]]:
    turning = ROPE_BASE ** (-np.arange(0, HEAD, 2) / HEAD)
    wanted = np.array(FREQUENCIES)
    factors = np.where(wanted > 0, turning / np.maximum(wanted, 1e-12), STILL)
    tensors = {"token_embd.weight": network.embedding, "output_norm.weight": network.norm}
    for number, layer in enumerate(network.layers):
        named = {
            "attn_norm.weight": layer.attention_norm, "ffn_norm.weight": layer.feed_norm,
            "attn_q.weight": layer.q, "attn_k.weight": layer.k, "attn_v.weight": layer.v,
            "attn_q.bias": layer.q_bias, "attn_k.bias": layer.k_bias, "attn_output.weight": layer.out,
            "ffn_gate.weight": layer.gate, "ffn_up.weight": layer.up, "ffn_down.weight": layer.down,
        }  # fmt: skip
        tensors |= {f"blk.{number}.{name}": tensor for name, tensor in named.items()}
    arrays = {name: np.ascontiguousarray(tensor.detach().numpy(), np.float32) for name, tensor in tensors.items()}
    no_bias = np.zeros(network.shape.heads * HEAD, np.float32)
    arrays |= {f"blk.{number}.attn_v.bias": no_bias for number in range(network.shape.layers)}
    return arrays | {"rope_freqs.weight": factors.astype(np.float32)}
