"""Writes words.json: what torch computes where tokens are read, in float64.

Embeddings with rows dropped by type or by token, the state carried from one window to the next without its graph, the
output tied to the embedding or not: nn.Embedding, nn.RNN, nn.GRU, nn.LSTM and cross_entropy. And the cross-entropy of
keys: binary_cross_entropy_with_logits, summed over the keys, mean over the frames that count.

    pip install torch==2.15.0 && python generate_words.py
"""

import json
import pathlib

import torch
from torch import nn

import generate as cells

STEPS, BATCH, HIDDEN, LAYERS, VOCABULARY = 5, 3, cells.HIDDEN, cells.LAYERS, 4


def masks(generator, by, shared, ids, published):
    """Factors for each token: steps × batch."""
    full = 1.0 if published else 1 / 0.7
    rows = 1 if shared else BATCH
    kept = lambda *shape: (torch.rand(shape, generator=generator) < 0.7).double() * full
    if by == "token":
        return kept(STEPS, rows).expand(STEPS, BATCH)
    types = kept(rows, VOCABULARY).expand(BATCH, VOCABULARY)
    return torch.gather(types, 1, ids.T).T


def case(cell, by, shared, published, tied, seed):
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    embedding = nn.Embedding(VOCABULARY, HIDDEN)
    module = cells.MODULES[cell](HIDDEN, HIDDEN, num_layers=LAYERS)
    head = nn.Linear(HIDDEN, VOCABULARY)
    if tied:
        head.weight = embedding.weight
    state, windows = None, []
    for _ in range(2):
        ids = torch.randint(VOCABULARY, (STEPS, BATCH), generator=generator)
        factors = masks(generator, by, shared, ids, published)
        read = embedding(ids) * factors[:, :, None]
        above, state = module(read, state)
        state = tuple(s.detach() for s in state) if cell == "lstm" else state.detach()
        outputs = head(above).reshape(STEPS * BATCH, VOCABULARY)
        windows.append({"ids": ids.flatten().tolist(), "masks": factors.flatten().tolist()})
    targets = torch.randint(VOCABULARY, (STEPS * BATCH,), generator=generator)
    loss = nn.functional.cross_entropy(outputs, targets)
    loss.backward()
    matrices = []
    for of in [cells.value, cells.gradient]:
        named = cells.layout(cell, module, of)
        named["embedding"], named["output.bias"] = of(embedding.weight), of(head.bias)[None]
        if not tied:
            named["output.weight"] = of(head.weight).T
        matrices.append({name: matrix.tolist() for name, matrix in named.items()})
    return {
        "cell": cell,
        "by": by,
        "shared": "batch" if shared else "none",
        "scaling": "published" if published else "inverted",
        "tied": tied,
        "windows": windows,
        "targets": targets.tolist(),
        "weights": matrices[0],
        "outputs": outputs.tolist(),
        "loss": loss.item(),
        "gradients": matrices[1],
    }


def keys():
    generator = torch.Generator().manual_seed(0)
    logits = 20 * torch.randn(6, 5, generator=generator)
    logits.requires_grad_()
    targets = (torch.rand(6, 5, generator=generator) < 0.3).double()
    counts = torch.tensor([1.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    losses = nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(1)
    loss = (losses * counts).sum() / counts.sum()
    loss.backward()
    return {
        "logits": logits.tolist(),
        "targets": targets.tolist(),
        "weights": counts.tolist(),
        "loss": loss.item(),
        "gradient": logits.grad.tolist(),
    }


if __name__ == "__main__":
    wanted = [
        (cell, by, shared, published, tied)
        for cell in cells.MODULES
        for by, shared, published in [("type", False, False), ("type", True, False), ("token", False, True)]
        for tied in [False, True]
    ]
    document = {
        "torch": torch.__version__.split("+")[0],
        "cases": [case(*arguments, seed) for seed, arguments in enumerate(wanted)],
        "keys": keys(),
    }
    path = pathlib.Path(__file__).with_name("words.json")
    path.write_text(json.dumps(document, separators=(",", ":")) + "\n")
