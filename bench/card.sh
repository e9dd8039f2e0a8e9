#!/usr/bin/env bash
# Everything that a card has to show, in one command and about ten minutes.
#
#   bench/card.sh build                                   # here, with a CUDA toolkit: the programs, into target/card
#   bench/card.sh run [--device cuda:0] [--programs DIR] [--out DIR] [--python PYTHON] [--quick]
#                     [--only PART]…                    # 0-machine, 1-agreement, 1-sanitizer, 2-template, 3-speed-tf32, …
#
# `run` needs no Rust: a CUDA driver and libraries, and for the comparison a Python with torch. Its parts: the card held
# against the CPU, newer fields and the ready template on both, speed beside torch, several runs at once. Each writes a
# file into DIR as it ends, so that a run that is cut off keeps what it had; a part that fails says so and the next one
# begins.
# `--device cpu` runs the kernels' source on the processor, and `--quick` a minute's worth of everything: what tests do.
set -euo pipefail
cd "$(dirname "$0")/.."

build() {
    local folder=${1:-target/card} card
    mkdir -p "$folder"
    cargo build --release --locked --package breakmywork-worker --package bench-training --bins \
        --features breakmywork-worker/cuda,bench-training/cuda
    card=$(cargo test --release --locked --no-run --package breakmywork-training --features cuda --test card \
        --message-format json | sed -n 's/.*"executable":"\([^"]*\/card-[^"]*\)".*/\1/p' | tail -1)
    for program in "${CARGO_TARGET_DIR:-target}"/release/{breakmywork-worker,bench-training} "$card"; do
        strip -o "$folder/$(basename "${program/card-*/card}")" "$program"
    done
    echo "The programs are in $folder."
}

device=cuda:0 programs=target/card out=target/card/results python=python3 quick= only=()
case ${1:-} in
    build) shift && build "$@" && exit ;;
    run) shift ;;
    *) sed -n '2,14s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac
while (($#)); do
    case $1 in
        --device) device=$2 && shift 2 ;;
        --programs) programs=$2 && shift 2 ;;
        --out) out=$2 && shift 2 ;;
        --python) python=$2 && shift 2 ;;
        --only) only+=("$2") && shift 2 ;;
        --quick) quick=1 && shift ;;
        *) echo "$1 is no option; see the head of bench/card.sh" >&2 && exit 2 ;;
    esac
done
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# The libraries of CUDA may lie with a toolkit or with Python's packages.
libraries=$("$python" - 2>/dev/null <<'END' || true
import glob, site, sys
roots = site.getsitepackages() + sys.path
print(":".join(sorted({p for r in roots if r for p in glob.glob(r + "/nvidia/*/lib")})))
END
)
export LD_LIBRARY_PATH="/usr/local/cuda/lib64:/usr/local/nvidia/lib64:$libraries:${LD_LIBRARY_PATH:-}"
export CUDA_CACHE_PATH=${CUDA_CACHE_PATH:-$work/kernels}

# part NAME COMMAND…: its output into a file of that name, on the screen too; its failure ends nothing else. Bash stops
# at no error inside it, so each part says itself where it fails.
part() {
    local name=$1 began=$SECONDS
    shift
    [[ ${#only[@]} -eq 0 || " ${only[*]} " == *" $name "* ]] || return 0
    echo "== $name" >&2
    if "$@" > >(tee "$out/$name.txt") 2>"$out/$name.log"; then
        echo "== $name: done in $((SECONDS - began)) s" >&2
    else
        echo "== $name: FAILED; the end of $out/$name.log:" | tee -a "$out/$name.txt" >&2
        tail -n 15 "$out/$name.log" >&2
        failed=1
    fi
}

# A specification of one run that takes no data: specification UNITS STEPS.
specification() {
    cat <<END
title = "Adding"
seeds = [1]
[task]
name = "adding"
length = 100
[model]
cell = "lstm"
hidden = $1
[training]
batch = 64
steps = $2
[evaluation]
every = $2
sequences = 100
[[arms]]
name = "untied"
dropout.preset = "gal_untied"
END
}

# Masks, losses, gradients, states, updates and ten steps of training: every cell, site, variant, head and preset.
agreement() {
    BREAKMYWORK_DEVICE=$device "$programs/card" --test-threads 4
}

# Reads and writes beside memory, and threads that overtake one another.
sanitizer() {
    specification 16 3 >"$work/tiny.toml"
    compute-sanitizer --tool memcheck --error-exitcode 9 \
        "$programs/breakmywork-worker" train "$work/tiny.toml" --device "$device" --json || return
    BREAKMYWORK_DEVICE=$device compute-sanitizer --tool racecheck --error-exitcode 9 \
        "$programs/card" --test-threads 1 softmax clipping short_training wide_layer
}

# timed COMMAND…: its output goes to a file; prints the seconds it took.
timed() {
    local from
    from=$(date +%s.%N)
    "$@" >"$work/timed" || return
    awk -v from="$from" -v to="$(date +%s.%N)" 'BEGIN { printf "%.2f\n", to - from }'
}

# The template that is ready on the board, on the card and on the processor.
template() {
    local spec=examples/specs/fixed-or-fresh.toml where seconds
    if [[ -n $quick ]]; then
        sed 's/^steps = .*/steps = 60/; s/^every = .*/every = 30/' "$spec" >"$work/template.toml"
        spec=$work/template.toml
    fi
    for where in "$device" cpu; do
        seconds=$(timed "$programs/breakmywork-worker" train "$spec" --device "$where") || return
        echo "$where: $seconds s"
        tail -n 20 "$work/timed"
    done
}

# Fields that the ready template leaves at their default, trained on the card and on the processor: every loss after sixty
# steps within a thousandth. Without a card the processor is asked twice, and must say the same to the last digit.
fields() {
    local most=1e-3
    if [[ $device == cpu ]]; then
        most=0
        echo "no card: the processor against itself, to the last digit"
    fi
    "$programs/breakmywork-worker" train bench/fields.toml --device "$device" --json >"$work/fields-one" || return
    "$programs/breakmywork-worker" train bench/fields.toml --device cpu --json >"$work/fields-other" || return
    "$python" - "$work/fields-one" "$work/fields-other" "$most" <<'END'
import json, sys
def losses(path):
    results = (event for event in map(json.loads, open(path)) if event["event"] == "result")
    return {
        (result["arm"], result["seed"], name): value
        for result in results
        for name, value in result["metrics"].items()
        if name in ("test_mse", "test_nll", "train_mse", "train_nll")
    }
card, processor = map(losses, sys.argv[1:3])
assert card.keys() == processor.keys() and card, "not the same losses of the same runs"
off = {key: abs(card[key] / processor[key] - 1) for key in card}
for arm in dict.fromkeys(arm for arm, _, _ in off):
    print(f"{arm}: {max(value for key, value in off.items() if key[0] == arm):.1e}")
sys.exit(max(off.values()) > float(sys.argv[3]))
END
}

# Tokens a second of the six configurations: ours and torch's nn.LSTM in three precisions, the torch loop in one.
speed() {
    local products=$1 who=(--contender ours --contender torch_lstm) effort=(--seconds 1 --repeat 1 --patience 0)
    [[ $products == tf32 ]] && who+=(--contender torch_loop)
    # A processor has no other precision.
    [[ $device == cpu ]] && products=f32
    [[ -n $quick ]] && effort=(--seconds 0.1 --repeat 1 --patience 0 --only h64)
    "$programs/bench-training" --device "$device" --products "$products" --torch "$python" "${who[@]}" "${effort[@]}" \
        --dropout none --dropout gal_untied
}

# Equal small runs, so many at a time, each in a trainer of its own as a worker's slots have it.
slots() {
    local runs=16 steps=600 k seconds
    [[ -n $quick ]] && runs=4 steps=10
    specification 64 "$steps" >"$work/slots.toml"
    echo "| runs at once | seconds for $runs runs | tokens a second |"
    echo "|--:|--:|--:|"
    for k in 1 4 16; do
        one() { "$programs/breakmywork-worker" train "$work/slots.toml" --device "$device" --seed "$1" --json; }
        export -f one
        export programs work device
        seconds=$(timed xargs -P "$k" -I{} bash -c 'one {}' < <(seq "$runs")) || return
        awk -v k="$k" -v s="$seconds" -v tokens=$((runs * steps * 64 * 100)) \
            'BEGIN { printf "| %d | %.1f | %.0f |\n", k, s, tokens / s }'
    done
}

machine() {
    uname -m
    sed -n '/^model name/{s/.*: //p;q}' /proc/cpuinfo
    nproc
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null || echo "no card is seen"
    "$programs/breakmywork-worker" --version
    "$python" -c 'import torch; print("torch", torch.__version__, "CUDA", torch.version.cuda, "cuDNN", torch.backends.cudnn.version())' \
        2>/dev/null || echo "no torch"
}

part 0-machine machine
part 1-agreement agreement
if [[ $device == cuda* ]] && command -v compute-sanitizer >/dev/null; then
    part 1-sanitizer sanitizer
fi
part 2-fields fields
part 2-template template
part 3-speed-tf32 speed tf32
if [[ -z $quick ]]; then
    part 3-speed-f32 speed f32
    part 3-speed-bf16 speed bf16
fi
part 4-slots slots
exit "$failed"
