"""Writes cells.json: what torch computes for the worker's cells, forward and backward, in float64.

Unmasked cases run torch's own nn.RNN, nn.GRU and nn.LSTM; masked ones a plain loop over the same weights, since
those cannot mask inside the recurrence. Matrices are written in the worker's layout: rows [x, 1, h], one matrix a gate.

    pip install torch==2.15.0 && python generate.py
"""

import json
import pathlib

import torch
from torch import nn

torch.set_default_dtype(torch.float64)
STEPS, BATCH, INPUTS, HIDDEN, LAYERS, READ_OUT = 4, 3, 2, 2, 2, 2
MODULES = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
GATES = {
    "rnn": ["hidden"],
    "gru": ["reset_gate", "update_gate", "candidate"],
    "lstm": ["input_gate", "forget_gate", "candidate", "output_gate"],
}


def masks(generator, *shape):
    return (torch.rand(shape, generator=generator) < 0.7).double() / 0.7


def step(cell, module, layer, x, entering, h, c):
    """One step from torch's weights, by the textbook; `entering` is the masked h."""
    parameter = lambda name: getattr(module, f"{name}_l{layer}")
    from_input = x @ parameter("weight_ih").T + parameter("bias_ih")
    from_state = entering @ parameter("weight_hh").T + parameter("bias_hh")
    if cell == "rnn":
        return torch.tanh(from_input + from_state), c
    if cell == "gru":
        (ir, iz, i_n), (hr, hz, hn) = from_input.chunk(3, 1), from_state.chunk(3, 1)
        r, z = torch.sigmoid(ir + hr), torch.sigmoid(iz + hz)
        n = torch.tanh(i_n + r * hn)
        return (1 - z) * n + z * h, c
    i, f, g, o = (from_input + from_state).chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def masked_run(cell, module, inputs, input_masks, state_masks):
    states = list(inputs)
    for layer in range(LAYERS):
        h = c = torch.zeros(BATCH, HIDDEN)
        for t in range(STEPS):
            x = states[t] * input_masks[layer][t]
            h, c = step(cell, module, layer, x, h * state_masks[layer], h, c)
            states[t] = h
    return torch.stack(states)


def layout(cell, module, of):
    """The worker's matrices, filled with `of(parameter)`: its value or its gradient."""
    matrices = {}
    for layer in range(LAYERS):
        chunks = {
            name: of(getattr(module, f"{name}_l{layer}")).chunk(len(GATES[cell]), 0)
            for name in ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
        }
        for k, gate in enumerate(GATES[cell]):
            w, u = chunks["weight_ih"][k].T, chunks["weight_hh"][k].T
            b, d = chunks["bias_ih"][k][None], chunks["bias_hh"][k][None]
            name = f"layer{layer}.{gate}"
            if cell == "gru" and gate == "candidate":
                matrices[f"{name}_input"] = torch.cat([w, b])
                matrices[f"{name}_state"] = torch.cat([d, u])
            else:
                # torch has two biases where the worker has their sum; both have the gradient of the sum.
                bias = b if of is gradient else b + d
                matrices[name] = torch.cat([w, bias, u])
    return matrices


def value(parameter):
    return parameter.detach()


def gradient(parameter):
    return parameter.grad


def case(cell, classes, masked, seed):
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    module = MODULES[cell](INPUTS, HIDDEN, num_layers=LAYERS)
    head = nn.Linear(HIDDEN, classes or 1)
    inputs = torch.randn(STEPS, BATCH, INPUTS, generator=generator)
    given = {}
    if masked:
        input_masks = [masks(generator, STEPS, BATCH, INPUTS), masks(generator, STEPS, BATCH, HIDDEN)]
        state_masks = [masks(generator, BATCH, HIDDEN) for _ in range(LAYERS)]
        output_masks = masks(generator, READ_OUT, BATCH, HIDDEN)
        states = masked_run(cell, module, inputs, input_masks, state_masks)
        read = states[-READ_OUT:] * output_masks
        given = {
            "input": [m.tolist() for m in input_masks],
            "state": [m[None].tolist() for m in state_masks],
            "output": [output_masks.tolist()],
        }
    else:
        read = module(inputs)[0][-READ_OUT:]
    outputs = head(read.reshape(READ_OUT * BATCH, HIDDEN))
    if classes:
        targets = torch.randint(classes, (READ_OUT * BATCH,), generator=generator)
        loss = nn.functional.cross_entropy(outputs, targets)
    else:
        targets = torch.randn(READ_OUT * BATCH, 1, generator=generator)
        loss = nn.functional.mse_loss(outputs, targets)
    loss.backward()
    weights, gradients = layout(cell, module, value), layout(cell, module, gradient)
    for of, matrices in [(value, weights), (gradient, gradients)]:
        matrices["output.weight"], matrices["output.bias"] = of(head.weight).T, of(head.bias)[None]
    plain = lambda matrices: {name: matrix.tolist() for name, matrix in matrices.items()}
    return {
        "cell": cell,
        "classes": classes,
        "inputs": inputs.tolist(),
        "masks": given,
        "targets": targets.flatten().tolist(),
        "weights": plain(weights),
        "outputs": outputs.tolist(),
        "loss": loss.item(),
        "gradients": plain(gradients),
    }


if __name__ == "__main__":
    cases = [
        case(cell, classes, masked, seed)
        for seed, (cell, classes, masked) in enumerate(
            (cell, classes, masked) for cell in MODULES for classes, masked in [(0, False), (4, True)]
        )
    ]
    document = {"torch": torch.__version__.split("+")[0], "cases": cases}
    path = pathlib.Path(__file__).with_name("cells.json")
    path.write_text(json.dumps(document, separators=(",", ":")) + "\n")
