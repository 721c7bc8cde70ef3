"""Child process that makes demo-tiny: a language model in closed form, of the most primitive kind there is.

It counts on one page of text which token follows which, and nothing else: a bigram model. Put into the llama
architecture the table needs no training: every token is its own axis (a one-hot embedding), attention and feed-forward
are zero, and the output matrix holds the logarithm of each successor's share. So llama.cpp really samples from it,
streams it, and holds it to a grammar, although it knows nothing and does not read the question.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import gguf
import numpy as np
from numpy.typing import NDArray

from llmanager.adapters.local.built_file import build
from llmanager.adapters.local.demo_text import CHAT_TEMPLATE, PAGE
from llmanager.adapters.local.job_child import serve, tell_stage

PHRASES: Final = 60  # neighbours that become one token: all this model has for memory
CONTEXT, HEAD, FEED_FORWARD, EPSILON = 4096, 32, 32, 1e-5
GGUF_BYTES: Final = 3 * 1024 * 1024
START, END, TEXT_END = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
SPECIALS: Final = (TEXT_END, START, END)
LINE_BREAK: Final = "\u010a"  # as the alphabet of the tokenizer writes it
CALL, CALL_END = f"{LINE_BREAK}<tool_call>{LINE_BREAK}", f"{LINE_BREAK}</tool_call>"

# Logarithms of shares that the page does not give. Only a grammar that forbids the likely tokens brings them up: then
# an answer, a text, a list or a number is ended, not drawn out, and a call that is required is made, once. The line
# breaks keep both marks of a call out of JSON's texts.
NEVER: Final = -22.0
RARELY: Final = {END: -7.0, CALL: -11.0, '"': -14.0, CALL_END: -15.0, "}": -17.0, "]": -17.0, ",": -18.0, ":": -18.0}

_WORD: Final = re.compile(r"\. \w+| ?[\w/.-]*\w|[^\w\s]")  # a stop goes with the word after it, if there is one


def work(task: dict[str, Any]) -> dict[str, Any]:
    tell_stage("making")
    return build(task, GGUF_BYTES, write)


def write(path: Path) -> None:
    """The same bytes every time."""
    alphabet = byte_alphabet()
    words = {word: [alphabet[byte] for byte in word.encode()] for word in _WORD.findall(PAGE)}
    merges = learn_merges(words, len(PAGE))
    lines = {line: ["".join(words[word]) for word in _WORD.findall(line)] for line in PAGE.splitlines()}
    merges += learn_merges(lines, PHRASES)
    tokens = [*alphabet, *dict.fromkeys("".join(pair) for pair in merges), CALL, CALL_END, *SPECIALS]
    width = len(tokens)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("demo-tiny")
    writer.add_description("Strings words together from one page of text about itself; it does not read your question.")
    writer.add_license("apache-2.0")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_block_count(1)
    writer.add_head_count(1)
    writer.add_head_count_kv(1)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_rope_dimension_count(HEAD)
    writer.add_layer_norm_rms_eps(EPSILON)
    writer.add_vocab_size(width)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    _add_tokenizer(writer, tokens, merges)
    for name, tensor in _tensors(log_shares(list(lines.values()), tokens)).items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def byte_alphabet() -> list[str]:
    """One printable character for each byte, as GPT-2's tokenizer writes them."""
    plain = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = [byte for byte in range(256) if byte not in plain]
    return [chr(byte if byte in plain else 256 + others.index(byte)) for byte in range(256)]


def learn_merges(pieces: dict[str, list[str]], limit: int) -> list[tuple[str, str]]:
    """Byte pair encoding: join the commonest pair of neighbours into a token, at most `limit` times.

    The pieces end up joined.
    """
    merges: list[tuple[str, str]] = []
    while len(merges) < limit:
        pairs = Counter(pair for piece in pieces.values() for pair in pairwise(piece))
        if not pairs:
            break
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        for name, piece in pieces.items():
            pieces[name] = _joined(piece, best)
    return merges


def _joined(line: Sequence[str], pair: tuple[str, str]) -> list[str]:
    joined: list[str] = []
    for token in line:
        if joined and (joined[-1], token) == pair:
            joined[-1] += token
        else:
            joined.append(token)
    return joined


def log_shares(lines: Sequence[Sequence[str]], tokens: Sequence[str]) -> NDArray[np.float32]:
    """[next, previous]: the logarithm of the share with which `next` follows `previous` on the page.

    After a line break an answer begins; what the page never goes on from is treated as a line break too.
    """
    numbers = {token: number for number, token in enumerate(tokens)}
    counts = np.zeros((len(tokens), len(tokens)))
    for line in lines:
        for previous, following in zip([LINE_BREAK, *line], [*line, END], strict=True):
            counts[numbers[following], numbers[previous]] += 1
    is_unseen = counts.sum(axis=0) == 0
    counts[:, is_unseen] = counts[:, [numbers[LINE_BREAK]]]
    floor = np.full((len(tokens), 1), NEVER)
    for token, share in RARELY.items():
        floor[numbers[token]] = share
    with np.errstate(divide="ignore"):
        shares: NDArray[np.float32] = np.maximum(np.log(counts / counts.sum(axis=0)), floor).astype(np.float32)
    return shares


def _tensors(shares: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    width = len(shares)
    after_norm = np.sqrt(1 / width + EPSILON)  # undoes what the norm does to a one-hot vector
    ones = np.ones(width, np.float32)
    tensors: dict[str, NDArray[Any]] = {
        "token_embd.weight": np.eye(width, dtype=np.float16),
        "output_norm.weight": (ones * after_norm).astype(np.float32),
        "output.weight": shares.astype(np.float16),
        "blk.0.attn_norm.weight": ones,
        "blk.0.ffn_norm.weight": ones,
    }
    shapes = dict.fromkeys(("attn_q", "attn_k", "attn_v"), (HEAD, width)) | {"attn_output": (width, HEAD)}
    shapes |= dict.fromkeys(("ffn_gate", "ffn_up"), (FEED_FORWARD, width)) | {"ffn_down": (width, FEED_FORWARD)}
    return tensors | {f"blk.0.{name}.weight": np.zeros(shape, np.float16) for name, shape in shapes.items()}


def _add_tokenizer(writer: gguf.GGUFWriter, tokens: list[str], merges: list[tuple[str, str]]) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if token in SPECIALS else gguf.TokenType.NORMAL for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(tokens.index(TEXT_END))
    writer.add_eos_token_id(tokens.index(END))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


if __name__ == "__main__":
    serve(work)
