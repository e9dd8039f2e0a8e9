#!/usr/bin/env bash
# Several runs at once by one worker: how fast equal small runs are done, by slots and threads.
#
#   cargo build --release --package breakmywork --package breakmywork-worker --bins
#   bench/slots.sh [FOLDER OF THE PROGRAMS [REPETITIONS]]      # BENCH_UNITS=256 BENCH_STEPS=100 for larger networks
#
# On a board of its own, which is gone afterwards. Measured is what a board sees: from the start of a worker on a full
# queue to its end on an empty one, with the start of each trainer, its evaluations, reports and checkpoints.
set -euo pipefail
cd "$(dirname "$0")/.."
programs=${1:-target/release}
repetitions=${2:-3}
seeds=8 units=${BENCH_UNITS:-64} steps=${BENCH_STEPS:-800}
# Slots and threads: what is the default, one run on two threads, two runs on one thread each.
settings=("1 1" "1 2" "2 1")

if [[ ${BENCH_SLOTS:-} != inside ]]; then
    BENCH_SLOTS=inside exec "$programs/breakmywork" postgres --throwaway -- "$0" "$@"
fi
folder=$(mktemp -d)
server=
stop() {
    [[ -z $server ]] || kill "$server"
    rm -rf "$folder"
}
trap stop EXIT

"$programs/breakmywork" migrate
"$programs/breakmywork" seed
"$programs/breakmywork" user create bench >/dev/null
BREAKMYWORK_TOKEN=$("$programs/breakmywork" token create --user bench)
port=${BENCH_PORT:-8479}
export BREAKMYWORK_TOKEN BREAKMYWORK_URL=http://127.0.0.1:$port POLL_SECONDS=1
RUST_LOG=warn "$programs/breakmywork" serve --port "$port" >/dev/null &
server=$!
curl --silent --fail --retry 50 --retry-delay 1 --retry-all-errors --output /dev/null "$BREAKMYWORK_URL/readyz"

# An experiment of equal runs: the rate of a mask does not change what it costs.
specification() {
    cat <<END
title = "$1"
seeds = [$(seq --separator ', ' "$seeds")]
[task]
name = "adding"
length = 50
[model]
cell = "lstm"
hidden = $units
[training]
batch = 32
steps = $steps
[evaluation]
every = $((steps / 4))
sequences = 200
[[arms]]
name = "a quarter"
dropout.state = { rate = 0.25, time = "fixed" }
[[arms]]
name = "half"
dropout.state = { rate = 0.5, time = "fixed" }
[criterion]
kind = "difference"
metric = "test_mse"
treatment = "a quarter"
control = "half"
margin = 0.1
END
}

# measure SLOTS THREADS ROUND: steps a second of one worker that empties the queue.
measure() {
    local started ended board
    specification "Slots $1, threads $2, round $3" >"$folder/spec.toml"
    exec {board}< <(examples/submit.sh C2 "$folder/spec.toml")
    # Its first line comes when everything is queued, its last one when everything has succeeded.
    read -r -u "$board" _
    started=$(date +%s.%N)
    RUST_LOG=error "$programs/breakmywork-worker" --slots "$1" --threads "$2" --idle-exit 0 \
        --checkpoint-dir "$folder/checkpoints" --data-sets "$folder/data"
    ended=$(date +%s.%N)
    grep --quiet '^Verdict: ' <&"$board"
    exec {board}<&-
    awk -v done=$((2 * seeds * steps)) -v from="$started" -v to="$ended" 'BEGIN { printf "%.0f\n", done / (to - from) }'
}

for round in $(seq "$repetitions"); do
    for setting in "${settings[@]}"; do
        # shellcheck disable=SC2086
        set -- $setting
        measure "$1" "$2" "$round" | tee --append "$folder/$1-$2" >&2
    done
done
echo "| slots | threads of each | steps a second: median (lowest to highest) |"
echo "|--:|--:|--:|"
for setting in "${settings[@]}"; do
    # shellcheck disable=SC2086
    set -- $setting
    sort --numeric-sort "$folder/$1-$2" | awk -v slots="$1" -v threads="$2" \
        '{ value[NR] = $1 } END { printf "| %d | %d | %d (%d to %d) |\n", slots, threads, value[int((NR + 1) / 2)], value[1], value[NR] }'
done
