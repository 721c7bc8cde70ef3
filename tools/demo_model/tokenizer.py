"""Byte pair encoding that cuts a word the same with a space before it and without.

It is learnt without spaces; then the space is merged last, onto the first piece of a word: "Norvik" is `Nor vik`,
" Norvik" is ` Nor vik`. So a name can be found again, and copied, wherever it stands, and a space costs no token.
"""

import json
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from tools.demo_model.rendering import SPECIALS, WHOLE

SPACE: Final = "\u0120"  # as the alphabet of bytes writes it
UNSPACED: Final = 4900  # tokens, the alphabet among them


def trained(texts: Sequence[str], vocabulary: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    parts = [
        pre_tokenizers.Split(Regex(r" |\n"), "isolated"),
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
    ]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(parts)
    trainer = trainers.BpeTrainer(
        vocab_size=UNSPACED,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        max_token_length=16,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return finished(_spaced(tokenizer, texts, vocabulary - len(WHOLE) - len(SPECIALS)))


def _spaced(tokenizer: Tokenizer, texts: Sequence[str], vocabulary: int) -> Tokenizer:
    """With the commonest first pieces of words once more, behind a space: these merges come after all others."""
    after_space: Counter[str] = Counter()
    for encoding in tokenizer.encode_batch(list(texts)):
        tokens = encoding.tokens
        after_space.update(token for before, token in pairwise(tokens) if before == SPACE)
    model = json.loads(tokenizer.to_str())["model"]
    numbers = dict(model["vocab"])
    merges = [tuple(pair.split(" ")) if isinstance(pair, str) else tuple(pair) for pair in model["merges"]]
    for token, _ in sorted(after_space.items(), key=lambda counted: (-counted[1], counted[0])):
        if len(numbers) == vocabulary:
            break
        if token != SPACE and not token[0].isdigit():
            numbers[SPACE + token] = len(numbers)
            merges.append((SPACE, token))
    return Tokenizer(models.BPE(vocab=numbers, merges=merges))


def finished(tokenizer: Tokenizer) -> Tokenizer:
    """As the engine cuts: by GPT-2's expression, whole texts before all else."""
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, normalized=False) for text in SPECIALS])
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in WHOLE])
    return tokenizer


def load(path: Path) -> Tokenizer:
    return Tokenizer.from_file(str(path))


def token_texts(tokenizer: Tokenizer) -> list[str]:
    """What each token stands for."""
    return [tokenizer.decode([number], skip_special_tokens=False) for number in range(tokenizer.get_vocab_size())]
