"""How often the network chooses right on held-out blocks and names, by kind of answer. Without an engine."""

from collections import Counter

import torch
from tokenizers import Tokenizer

from tools.demo_model.batches import row
from tools.demo_model.network import Network
from tools.demo_model.rendering import QUOTE, UNKNOWN, Sample
from tools.demo_model.samples import Mixture, splits


@torch.no_grad()
def choices(
    network: Network, tokenizer: Tokenizer, samples: int, *, seed: int = 99, held_out: bool = True
) -> dict[str, float]:
    kept, held = splits()
    mixture = Mixture(held if held_out else kept, seed, held_out=held_out)
    right: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for kind in ("passages", "follow_up"):
        for sample in (mixture.sample(kind) for _ in range(samples)):
            for branch in sample.branches:
                one = row(Sample(sample.prefix, (branch[:3],)), tokenizer)
                if one is None:
                    continue
                wanted = branch[3].text + (branch[4].text if branch[3].text == QUOTE else "")
                said = answer(network, tokenizer, one.tokens, one.positions)
                name = f"{kind} {'unknown' if wanted == UNKNOWN else 'quote'}"
                asked[name] += 1
                right[name] += said == wanted
    return {name: right[name] / asked[name] for name in asked}


def answer(network: Network, tokenizer: Tokenizer, tokens: list[int], positions: list[int]) -> str:
    text = ""
    for _ in range(2):
        length = len(tokens)
        mask = torch.ones(length, length, dtype=torch.bool).tril()[None, None]
        hidden = network.hidden(torch.tensor([tokens]), torch.tensor([positions]), mask)
        token = int(network.logits(hidden[0, -1]).argmax())
        text += tokenizer.decode([token], skip_special_tokens=False)
        if text != QUOTE:
            return text
        tokens, positions = [*tokens, token], [*positions, positions[-1] + 1]
    return text
