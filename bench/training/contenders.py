"""What torch does with the same configuration: one measurement, given as JSON, its result as a line of JSON.

`torch_lstm` is `nn.LSTM`, which cannot mask inside the recurrence; `torch_loop` is the loop that can, with the input
products of all steps in one and the same masks as the presets `gal_tied` and `gal_untied`.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

# The rates of the presets `gal_tied` and `gal_untied`.
EMBEDDING, INPUT, STATE, OUTPUT = 0.2, 0.35, 0.2, 0.35
# Steps between two waits for a card.
READ_EVERY = 50


def mask(rate, *shape):
    """Zeros at that rate, the others scaled up so that the mean stays."""
    return torch.empty(shape).bernoulli_(1 - rate).div_(1 - rate)


class Layer(nn.Module):
    """An LSTM layer as a loop over the steps, gates in the order i, f, o, g."""

    def __init__(self, inputs, hidden, untied):
        super().__init__()
        self.hidden, self.untied = hidden, untied
        bound = hidden**-0.5
        uniform = lambda *shape: nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
        # Untied gates read inputs of their own: four products side by side.
        if untied:
            self.w_x, self.w_h = uniform(4, inputs, hidden), uniform(4, hidden, hidden)
            self.bias = nn.Parameter(torch.zeros(4, 1, hidden))
        else:
            self.w_x, self.w_h = uniform(inputs, 4 * hidden), uniform(hidden, 4 * hidden)
            self.bias = nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        steps, batch, inputs = x.shape
        h, c = state
        if self.untied:
            masked = x * mask(INPUT, 4, 1, batch, inputs)
            products = torch.baddbmm(self.bias, masked.flatten(1, 2), self.w_x)
            products = products.view(4, steps, batch, self.hidden).unbind(1)
            state_mask, product = mask(STATE, 4, batch, self.hidden), torch.baddbmm
        else:
            masked = x * mask(INPUT, batch, inputs)
            products = torch.addmm(self.bias, masked.flatten(0, 1), self.w_x)
            products = products.view(steps, batch, 4 * self.hidden).unbind(0)
            state_mask, product = mask(STATE, batch, self.hidden), torch.addmm
        states = []
        for of_step in products:
            gates = product(of_step, h * state_mask, self.w_h)
            if self.untied:
                i, f, o = gates[:3].sigmoid().unbind(0)
                g = gates[3].tanh()
            else:
                i, f, o = gates[:, : 3 * self.hidden].sigmoid().chunk(3, 1)
                g = gates[:, 3 * self.hidden :].tanh()
            c = f * c + i * g
            h = o * c.tanh()
            states.append(h)
        return torch.stack(states), (h.detach(), c.detach())


class Loop(nn.Module):
    """The language model with masks inside the recurrence, drawn once a window for each sequence."""

    def __init__(self, size, untied):
        super().__init__()
        hidden, vocabulary = size["hidden"], size["vocabulary"]
        self.embedding = nn.Embedding(vocabulary, hidden)
        self.layers = nn.ModuleList(Layer(hidden, hidden, untied) for _ in range(size["layers"]))
        self.output = nn.Linear(hidden, vocabulary)
        zero = torch.zeros(size["batch"], hidden)
        self.carried = [(zero, zero)] * size["layers"]

    def forward(self, tokens):
        _, batch = tokens.shape
        # A word is dropped wherever it stands in the window of that sequence.
        words = mask(EMBEDDING, batch, self.embedding.num_embeddings).gather(1, tokens.t()).t()
        x = self.embedding(tokens) * words.unsqueeze(2)
        for number, layer in enumerate(self.layers):
            x, self.carried[number] = layer(x, self.carried[number])
        return self.output(x * mask(OUTPUT, batch, x.shape[2]))


class Lstm(nn.Module):
    """The language model on `nn.LSTM`, without dropout."""

    def __init__(self, size):
        super().__init__()
        hidden, vocabulary = size["hidden"], size["vocabulary"]
        self.embedding = nn.Embedding(vocabulary, hidden)
        self.lstm = nn.LSTM(hidden, hidden, size["layers"])
        self.output = nn.Linear(hidden, vocabulary)
        self.carried = None

    def forward(self, tokens):
        x, (h, c) = self.lstm(self.embedding(tokens), self.carried)
        self.carried = h.detach(), c.detach()
        return self.output(x)


class Clock:
    """The same rule as `clock.rs`."""

    def __init__(self, timing):
        self.timing, self.began, self.start, self.end = timing, time.perf_counter(), None, None

    def tick(self, step):
        """Notes that so many steps are done; says whether that is enough."""
        now, timing = time.perf_counter(), self.timing
        if self.start is None:
            warm = step >= timing["warm_steps"] and now - self.began >= timing["warm_seconds"]
            self.start = (step, now) if warm else None
            return False
        self.end = (step, now)
        return step - self.start[0] >= timing["least_steps"] and now - self.start[1] >= timing["seconds"]


def prepare(job):
    """Device and precision. Half precision stands beside our bf16: cuDNN's fastest kernels take nothing else."""
    torch.set_num_threads(job["threads"])
    torch.set_default_device("cuda" if job["device"].startswith("cuda") else "cpu")
    reduced = job["products"] != "f32"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = reduced
    if job["products"] == "bf16":
        torch.set_default_dtype(torch.float16)


def main():
    job = json.loads(sys.argv[1])
    size = job["size"]
    prepare(job)
    torch.manual_seed(1)
    lstm = job["contender"] == "torch_lstm"
    model = Lstm(size) if lstm else Loop(size, job["dropout"] == "gal_untied")
    optimizer = torch.optim.SGD(model.parameters(), lr=job["learning_rate"])
    steps, batch, vocabulary = size["steps"], size["batch"], size["vocabulary"]
    text = torch.randint(vocabulary, (steps * 8 + 1, batch))
    clock, step = Clock(job["timing"]), 0
    while True:
        at = step % 8 * steps
        logits = model(text[at : at + steps])
        loss = F.cross_entropy(logits.flatten(0, 1).float(), text[at + 1 : at + steps + 1].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), job["clip"])
        optimizer.step()
        step += 1
        # As often as the worker reads losses from a card; between two reads nobody waits for it.
        if job["device"] != "cpu" and step % READ_EVERY == 0:
            torch.cuda.synchronize()
        if clock.tick(step):
            break
    done, seconds = clock.end[0] - clock.start[0], clock.end[1] - clock.start[1]
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
    measured = {
        "rate": done * steps * batch / seconds,
        "steps": done,
        "seconds": seconds,
        "peak_memory": int(peak.split()[1]) * 1024,
    }
    print(json.dumps(measured))


main()
