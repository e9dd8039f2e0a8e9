"""Measures the CPU seconds of short runs of every path on one thread, for protocol/src/spec/cost/measured.jsonl.

usage: bench/cost.py WORKER DATA_SETS RESULTS

WORKER is target/release/breakmywork-worker; DATA_SETS holds tiny_shakespeare, jsb_chorales and cornell_scale. A JSON
line a run is added to RESULTS: its setup and its seconds. CPU time is what counts, so that a machine that others use
does not make the figures worthless. The constants of protocol/src/spec/cost/work.rs are fitted to these lines by least
squares of the relative errors, none of them negative."""
import json, os, subprocess, sys, tempfile

BIN = sys.argv[1]
SETS = sys.argv[2]
OUT = sys.argv[3]

def setup(task, model=None, training=None, evaluation=None, dropout=None):
    t = {"length": 30, **task}
    m = {"cell": "lstm", "layers": 1, "hidden": 32, "normalization": "none", **(model or {})}
    tr = {"optimizer": "adam", "learning_rate": 1e-3, "batch": 32, "steps": 10, "clip": 1.0, **(training or {})}
    ev = {"every": 10**6, "sequences": 1, "samples": 0, "temperature": 1.0, **(evaluation or {})}
    if t["name"] in ("char_lm", "word_lm"):
        t.setdefault("windows", "fixed"); m.setdefault("tied_embeddings", False); tr.setdefault("loss_over_time", "mean")
    if t["name"] in ("char_lm", "word_lm", "sentiment"):
        m.setdefault("embedding", m["hidden"])
    if t["name"] in ("word_lm", "sentiment"):
        t.setdefault("vocabulary", 10000)
    if "epochs" in tr: tr.pop("steps", None); ev.pop("every", None)
    return {"task": t, "model": m, "training": tr, "evaluation": ev, "dropout": dropout or {}}

def site(rate=0.25, time="fixed", **more):
    return {"rate": rate, "time": time, **more}

A = {"name": "adding"}
grid = []
def add(*a, **k): grid.append(setup(*a, **k))

for cell in ("rnn", "gru", "lstm"):
    for h, l, b in ((32, 30, 32), (128, 50, 32)):
        add({**A, "length": l}, {"cell": cell, "hidden": h}, {"batch": b})
for h, l, b, n in ((1, 1000, 32, 1), (1, 1000, 32, 4), (1, 50, 1, 1), (8, 10, 32, 1), (8, 200, 4, 1), (16, 10, 32, 1), (64, 50, 32, 1),
                   (64, 50, 32, 2), (64, 50, 1, 1), (64, 100, 128, 1), (256, 50, 32, 1), (256, 20, 4, 1), (256, 20, 1, 2), (512, 20, 32, 1),
                   (512, 20, 128, 2), (32, 30, 1024, 1), (1000, 10, 20, 1), (1000, 10, 1, 1)):
    add({**A, "length": l}, {"hidden": h, "layers": n}, {"batch": b})
# masks
for d in ({"state": site()}, {"state": site(time="per_step")}, {"state": site(gates="untied"), "input": site(gates="untied"), "output": site()},
          {"state": site(time="per_step", gates="untied")},
          {"state": site(time="per_step"), "input": site(time="per_step"), "output": site(time="per_step"), "update": site(time="per_step")},
          {"zoneout_state": site(time="per_step"), "zoneout_cell": site(time="per_step")}, {"cell": site(carry="masked", scaling="published")},
          {"recurrent_weights": site(shared="batch")}, {"state": site(time="per_step", shared="batch")}):
    for h in (32, 128):
        add(A, {"hidden": h, "layers": 2 if h == 32 else 1}, {}, {}, d)
# slow paths
for norm in ("layer", "batch"):
    for h, l, b, n in ((8, 30, 32, 1), (64, 50, 32, 1), (64, 30, 128, 2), (256, 20, 32, 1), (1, 200, 32, 2)):
        add({**A, "length": l}, {"hidden": h, "layers": n, "normalization": norm}, {"batch": b})
for cell, h, l, b in (("lstm", 8, 30, 32), ("lstm", 64, 50, 32), ("gru", 64, 30, 32), ("rnn", 64, 30, 32), ("lstm", 256, 20, 32), ("lstm", 64, 30, 256)):
    add({**A, "length": l}, {"hidden": h, "cell": cell}, {"batch": b}, {}, {"state": site(time="per_step", noise="moments")})
add(A, {"hidden": 64}, {}, {}, {k: site(time="per_step", noise="moments") for k in ("state", "input", "output")})
add(A, {"hidden": 64, "normalization": "layer"}, {}, {}, {"state": site(time="per_step"), "zoneout_cell": site(time="per_step")})
for cell, h, l, b in (("lstm", 16, 30, 32), ("lstm", 64, 50, 32), ("lstm", 256, 20, 4), ("gru", 128, 20, 4), ("rnn", 128, 20, 4), ("lstm", 512, 5, 4)):
    add({**A, "length": l}, {"hidden": h, "cell": cell}, {"batch": b}, {}, {"recurrent_weights": site(time="per_step", shared="batch")})
# evaluation
add(A, {"hidden": 32}, {"steps": 50}, {"every": 10, "sequences": 2000})
add(A, {"hidden": 128}, {"steps": 10}, {"every": 5, "sequences": 2000})
add(A, {"hidden": 32}, {"steps": 20}, {"every": 20, "sequences": 500, "samples": 50}, {"state": site()})
add(A, {"hidden": 32}, {"steps": 20}, {"every": 20, "sequences": 500, "samples": 20}, {"state": site(time="per_step")})
add(A, {"hidden": 128}, {"steps": 20}, {"every": 20, "sequences": 500, "samples": 10}, {"state": site()})
add(A, {"hidden": 32}, {"steps": 5}, {"every": 5, "sequences": 500, "samples": 10}, {"state": site(noise="moments")})
add(A, {"hidden": 32, "normalization": "layer"}, {"steps": 5}, {"every": 5, "sequences": 2000})
add(A, {"hidden": 32, "normalization": "batch"}, {"steps": 5}, {"every": 5, "sequences": 2000})
add(A, {"hidden": 4}, {"steps": 2000, "batch": 2}, {"every": 1, "sequences": 1})
# tasks
for name in ("copy", "temporal_order"):
    add({"name": name, "length": 50}, {"hidden": 64})
S = {"name": "char_lm", "data": "tiny_shakespeare@1", "length": 100}
small = {"every": 10**6, "sequences": 32}
add(S, {"hidden": 64}, {"batch": 32}, small)
add(S, {"hidden": 256}, {"batch": 32, "optimizer": "sgd"}, small)
add({**S, "length": 20}, {"hidden": 16, "embedding": 16, "tied_embeddings": True}, {"batch": 8}, {"every": 10**6, "sequences": 8})
add({**S, "windows": "variable"}, {"hidden": 128, "layers": 2}, {"optimizer": "nt_asgd"}, small)
W = {"name": "word_lm", "data": "tiny_shakespeare@1", "length": 35}
add({**W, "length": 20}, {"hidden": 200, "layers": 2}, {"batch": 20, "optimizer": "sgd"}, {"every": 10**6, "sequences": 20})
add(W, {"hidden": 64}, {"batch": 20}, {"every": 10**6, "sequences": 20})
add(W, {"hidden": 650, "layers": 2}, {"batch": 20, "optimizer": "sgd", "steps": 2}, {"every": 10**6, "sequences": 200})
add({**W, "vocabulary": 1000}, {"hidden": 128}, {"batch": 20}, {"every": 10**6, "sequences": 20}, {"embedding": site(by="type"), "state": site(gates="tied")})
add({"name": "music", "data": "jsb_chorales@1", "length": 60}, {"hidden": 64}, {"batch": 16, "epochs": 2}, {"sequences": 100})
add({"name": "sentiment", "data": "cornell_scale@1", "length": 100}, {"hidden": 32, "embedding": 32}, {"batch": 32, "steps": 20}, {"every": 10, "sequences": 500})
for o in ("sgd", "nt_asgd"):
    add(A, {"hidden": 256}, {"optimizer": o})
add(A, {"hidden": 512}, {"optimizer": "adam", "batch": 1})

env = {**os.environ, "RAYON_NUM_THREADS": "1", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
def run(s):
    plan = {"arm": "a", "seed": 1, **s}
    with tempfile.TemporaryDirectory() as d:
        p = os.path.join(d, "plan.json"); open(p, "w").write(json.dumps(plan))
        child = subprocess.Popen([BIN, "trainer", "--plan", p, "--checkpoint-dir", d, "--checkpoint-every", "1e9", "--data-sets", SETS],
                                 env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        err = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        if status: print(json.dumps(plan), err[-500:], file=sys.stderr); return None
        return usage.ru_utime + usage.ru_stime
with open(OUT, "a") as out:
    for s in grid:
        seconds = run(s)
        while seconds is not None and seconds < 0.6 and s["evaluation"].get("every", 0) == 10**6:
            s["training"]["steps"] = int(s["training"]["steps"] * max(2, min(20, 1.0 / max(seconds - 0.03, 0.01))))
            seconds = run(s)
        if seconds is None: continue
        out.write(json.dumps({**s, "cpu_seconds": round(seconds, 4)}) + "\n"); out.flush()
