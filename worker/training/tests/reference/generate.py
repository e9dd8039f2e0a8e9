"""Writes cells.json: what torch computes for the worker's cells and named dropout methods, in float64.

Cases without masks run torch's own nn.RNN, nn.GRU and nn.LSTM, forward and backward. Masked ones, which those cannot
run, are a plain loop over the same weights with the masks drawn here: one for each named method and cell. Each masked
case also has the outputs at test, with every mask at its mean. Matrices are written in the worker's layout: rows
[x, 1, h], one matrix a gate.

    pip install torch==2.15.0 && python generate.py
"""

import json
import pathlib

import torch
from torch import nn

torch.set_default_dtype(torch.float64)
STEPS, BATCH, INPUTS, HIDDEN, LAYERS, READ_OUT, CLASSES = 3, 2, 2, 2, 2, 2, 3
MODULES = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
GATES = {
    "rnn": ["hidden"],
    "gru": ["reset_gate", "update_gate", "candidate"],
    "lstm": ["input_gate", "forget_gate", "candidate", "output_gate"],
}
LEAST_VARIANCE = 1e-12


def site(rate, time, **more):
    return {"rate": rate, "time": time, **more}


def published(rate, time, **more):
    return site(rate, time, scaling="published", **more)


# The methods as their papers have them; `embedding` masks belong to tasks with words and are not here.
METHODS = {
    "pachitariu": {"output": site(0.5, "per_step")},
    "fast_dropout": {
        name: site(rate, "per_step", noise="moments")
        for name, rate in [("input", 0.2), ("state", 0.5), ("output", 0.5)]
    },
    "pham": {name: published(0.5, "per_step") for name in ["between", "output"]},
    "zaremba": {name: site(0.5, "per_step") for name in ["input", "output"]},
    "bluche": {name: site(0.5, "per_step") for name in ["input", "state", "output"]},
    "moon": {"cell": published(0.3, "fixed", carry="masked")},
    "moon_consistent": {"cell": site(0.3, "fixed", carry="unmasked")},
    "naive": {name: site(0.35, "per_step") for name in ["input", "output"]},
    "gal_tied": {"input": site(0.35, "fixed"), "state": site(0.2, "fixed"), "output": site(0.35, "fixed")},
    "gal_untied": {
        "input": site(0.35, "fixed", gates="untied"),
        "state": site(0.2, "fixed", gates="untied"),
        "output": site(0.35, "fixed"),
    },
    "semeniuta": {"update": published(0.5, "per_step")},
    "zoneout": {"zoneout_state": site(0.05, "per_step"), "zoneout_cell": site(0.5, "per_step")},
    "awd": {
        "input": site(0.4, "fixed"),
        "between": site(0.25, "fixed"),
        "output": site(0.4, "fixed"),
        "recurrent_weights": site(0.5, "fixed"),
    },
}


def has(name, cell):
    return cell == "lstm" or name not in ("cell", "zoneout_cell")


def layers_of(name, dropout):
    if name == "output":
        return [LAYERS - 1]
    if name == "between":
        return range(1, LAYERS)
    return [0] if name == "input" and "between" in dropout else range(LAYERS)


def draw(generator, name, s, cell, dropout):
    """Masks by layer: steps × gates × rows × width; the step and gate dimensions are 1 where they share a mask."""
    steps = 1 if s["time"] == "fixed" else READ_OUT if name == "output" else STEPS
    moments, weights = s.get("noise") == "moments", name == "recurrent_weights"
    gates = len(GATES[cell]) if weights or s.get("gates") == "untied" or moments and name != "output" else 1
    drawn = {}
    for layer in layers_of(name, dropout):
        width = INPUTS if name == "input" and layer == 0 and not moments else HIDDEN
        if moments and name == "output":
            width = CLASSES
        shape = (steps, gates, HIDDEN if weights else BATCH, width)
        if moments:
            drawn[layer] = torch.randn(shape, generator=generator)
        elif name.startswith("zoneout"):
            # Rarer than drawn here, so that both values occur.
            drawn[layer] = (torch.rand(shape, generator=generator) < 0.5).double()
        else:
            keep = 1 - s["rate"]
            full = 1.0 if s.get("scaling") == "published" else 1 / keep
            drawn[layer] = (torch.rand(shape, generator=generator) < keep).double() * full
    return drawn


class Masks:
    """The masks of a training pass, or their means."""

    def __init__(self, dropout, drawn, mean):
        self.dropout, self.drawn, self.mean = dropout, drawn, mean

    def at(self, name, layer, t, gate=0):
        """The mask there as a factor, or None."""
        if layer not in self.drawn.get(name, {}):
            return None
        s = self.dropout[name]
        if self.mean:
            if name.startswith("zoneout"):
                return torch.tensor(s["rate"])
            return torch.tensor(1 - s["rate"]) if s.get("scaling") == "published" else None
        mask = self.drawn[name][layer]
        return mask[min(t, mask.shape[0] - 1), min(gate, mask.shape[1] - 1)]

    def times(self, x, name, layer, t, gate=0):
        mask = None if self.moments(name) else self.at(name, layer, t, gate)
        return x if mask is None else x * mask

    def mix(self, new, old, name, layer, t):
        mask = self.at(name, layer, t)
        return new if mask is None else mask * old + (1 - mask) * new

    def moments(self, name):
        return self.dropout.get(name, {}).get("noise") == "moments"

    def noise(self, x, weight, name, layer, t, gate=0):
        """σ ε behind the product x @ weight, for x masked with inverted scaling: σ² = p / (1 − p) Σ x² w²."""
        epsilon = self.at(name, layer, t, gate) if self.moments(name) and not self.mean else None
        if epsilon is None:
            return 0.0
        p = self.dropout[name]["rate"]
        return (p / (1 - p) * (x**2 @ weight**2) + LEAST_VARIANCE).sqrt() * epsilon


def layer_norm(x, key, gain, bias=None):
    return nn.functional.layer_norm(x, [x.shape[1]], gain, bias)


class BatchNorm:
    """torch's batch_norm; keeps mean and variance of each use at training, and goes by them at test."""

    def __init__(self, seen=None):
        self.seen, self.test = seen or {}, seen is not None

    def __call__(self, x, key, gain, bias=None):
        if not self.test:
            # With a momentum of 1 the running averages are the statistics of this minibatch.
            self.seen[key] = torch.zeros(x.shape[1]), torch.ones(x.shape[1])
        return nn.functional.batch_norm(x, *self.seen[key], gain, bias, training=not self.test, momentum=1.0)


def run(cell, module, head, inputs, masks, norms=None, normalize=layer_norm):
    """Logits at the steps read, by the textbook."""
    states = list(inputs)
    for layer in range(LAYERS):
        parameter = lambda name: getattr(module, f"{name}_l{layer}").chunk(len(GATES[cell]), 0)
        w, u = [[m.T for m in parameter(f"weight_{side}")] for side in ["ih", "hh"]]
        b, d = parameter("bias_ih"), parameter("bias_hh")
        below = "between" if layer in masks.drawn.get("between", {}) else "input"
        h = c = torch.zeros(BATCH, HIDDEN)
        for t in range(STEPS):
            def from_input(k):
                x = masks.times(states[t], below, layer, t, k)
                return x @ w[k] + b[k] + masks.noise(x, w[k], below, layer, t, k)

            def from_state(k):
                entering = masks.times(h, "state", layer, t, k)
                dropped = masks.times(u[k], "recurrent_weights", layer, t, k)
                return entering @ dropped + d[k] + masks.noise(entering, dropped, "state", layer, t, k)

            both = lambda k: from_input(k) + from_state(k)
            if norms:
                # Without the biases, which stand outside the normalization.
                bare = lambda product, bias: torch.cat([product(k) - bias[k] for k in range(4)], 1)
                state_gain, input_gain, cell_gain, cell_bias = norms[layer]
                normalized = normalize(bare(from_state, d), ("state", layer, t), state_gain)
                normalized = normalized + normalize(bare(from_input, b), ("input", layer, t), input_gain)
                gates = [part + b[k] + d[k] for k, part in enumerate(normalized.chunk(4, 1))]
                both = lambda k: gates[k]
            update = lambda g: masks.times(g, "update", layer, t)
            if cell == "rnn":
                new = update(torch.tanh(both(0)))
            elif cell == "gru":
                r, z = torch.sigmoid(both(0)), torch.sigmoid(both(1))
                new = (1 - z) * update(torch.tanh(from_input(2) + r * from_state(2))) + z * h
            else:
                i, f, o = torch.sigmoid(both(0)), torch.sigmoid(both(1)), torch.sigmoid(both(3))
                made = f * c + i * update(torch.tanh(both(2)))
                read = masks.times(made, "cell", layer, t)
                seen = normalize(read, ("cell", layer, t), cell_gain, cell_bias) if norms else read
                new = o * torch.tanh(seen)
                carried = made if masks.dropout.get("cell", {}).get("carry") == "unmasked" else read
                c = masks.mix(carried, c, "zoneout_cell", layer, t)
            h = masks.mix(new, h, "zoneout_state", layer, t)
            states[t] = h
    logits = []
    for t, h in enumerate(states[-READ_OUT:]):
        h = masks.times(h, "output", LAYERS - 1, t)
        logits.append(head(h) + masks.noise(h, head.weight.T, "output", LAYERS - 1, t))
    return torch.cat(logits)


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


def norm_layout(norms, of):
    """The worker's rows of gains."""
    rows = {}
    for layer, (state_gain, input_gain, cell_gain, cell_bias) in enumerate(norms):
        for side, gain in [("state", state_gain), ("input", input_gain)]:
            for gate, part in zip(GATES["lstm"], of(gain).chunk(4)):
                rows[f"layer{layer}.{gate}_{side}_gain"] = part[None]
        rows[f"layer{layer}.cell_gain"], rows[f"layer{layer}.cell_bias"] = of(cell_gain)[None], of(cell_bias)[None]
    return rows


def case(cell, method, classes, seed, normalization="none"):
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    module = MODULES[cell](INPUTS, HIDDEN, num_layers=LAYERS)
    head = nn.Linear(HIDDEN, classes or 1)
    inputs = torch.randn(STEPS, BATCH, INPUTS, generator=generator)
    dropout = {name: s for name, s in METHODS.get(method, {}).items() if has(name, cell)}
    drawn = {name: draw(generator, name, s, cell, dropout) for name, s in dropout.items()}
    shapes = [4 * HIDDEN, 4 * HIDDEN, HIDDEN, HIDDEN]
    norms = [[nn.Parameter(torch.randn(n, generator=generator)) for n in shapes] for _ in range(LAYERS)]
    norms = None if normalization == "none" else norms
    if method or norms:
        training, test = layer_norm, layer_norm
        if normalization == "batch":
            training = BatchNorm()
        outputs = run(cell, module, head, inputs, Masks(dropout, drawn, mean=False), norms, training)
        if normalization == "batch":
            test = BatchNorm(training.seen)
        at_test = run(cell, module, head, inputs, Masks(dropout, drawn, mean=True), norms, test)
    else:
        outputs = at_test = head(module(inputs)[0][-READ_OUT:].reshape(READ_OUT * BATCH, HIDDEN))
    if classes:
        targets = torch.randint(classes, (READ_OUT * BATCH,), generator=generator)
        loss = nn.functional.cross_entropy(outputs, targets)
    else:
        targets = torch.randn(READ_OUT * BATCH, 1, generator=generator)
        loss = nn.functional.mse_loss(outputs, targets)
    loss.backward()
    weights, gradients = layout(cell, module, value), layout(cell, module, gradient)
    for of, matrices in [(value, weights), (gradient, gradients)]:
        matrices.update(norm_layout(norms or [], of))
        matrices["output.weight"], matrices["output.bias"] = of(head.weight).T, of(head.bias)[None]
    plain = lambda matrices: {name: matrix.tolist() for name, matrix in matrices.items()}
    return {
        "cell": cell,
        "method": method,
        "normalization": normalization,
        "classes": classes,
        "inputs": inputs.tolist(),
        "masks": {name: {layer: m.tolist() for layer, m in layers.items()} for name, layers in drawn.items()},
        "targets": targets.flatten().tolist(),
        "weights": plain(weights),
        "outputs": outputs.tolist(),
        "outputs_at_test": at_test.tolist(),
        "loss": loss.item(),
        "gradients": plain(gradients),
    }


if __name__ == "__main__":
    wanted = [(cell, "", classes) for cell in MODULES for classes in [0, CLASSES]]
    wanted += [
        (cell, method, CLASSES)
        for cell in MODULES
        for method, sites in METHODS.items()
        if any(has(name, cell) for name in sites)
    ]
    cases = [case(*arguments, seed) for seed, arguments in enumerate(wanted)]
    methods = ["", "gal_untied", "fast_dropout"]
    cases += [case("lstm", method, CLASSES, 100, "layer") for method in methods]
    # Two sequences, normalized, are ±1 and nothing between.
    BATCH = 4
    cases += [case("lstm", method, CLASSES, 100, "batch") for method in methods]
    document = {"torch": torch.__version__.split("+")[0], "cases": cases}
    path = pathlib.Path(__file__).with_name("cells.json")
    path.write_text(json.dumps(document, separators=(",", ":")) + "\n")
