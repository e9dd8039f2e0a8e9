#!/usr/bin/env bash
# Propose an experiment, register it and wait for the verdict. Needs curl alone.
#
#   export BREAKMYWORK_URL=http://127.0.0.1:8080
#   export BREAKMYWORK_TOKEN=bmw_…        # breakmywork token create --user NAME, or /account
#   examples/submit.sh C2 examples/specs/fixed-or-fresh.toml
#
# Sending the same again within a day changes nothing: the Idempotency-Key is made from claim and file.
set -euo pipefail

if [[ $# -ne 2 ]]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
label=$1 file=$2
url=${BREAKMYWORK_URL:-http://127.0.0.1:8080}
token=${BREAKMYWORK_TOKEN:?Set BREAKMYWORK_TOKEN to an API token; make one at $url/account.}

# call METHOD PATH [CURL ARGUMENT…]: prints the answer, or the problem and stops.
call() {
    local answer status
    answer=$(curl --silent --show-error --request "$1" --header "Authorization: Bearer $token" \
        --write-out '\n%{http_code}' "${@:3}" "$url$2")
    status=${answer##*$'\n'}
    answer=${answer%$'\n'*}
    if [[ $status -ge 400 ]]; then
        printf 'The board answered %s:\n%s\n' "$status" "$answer" >&2
        exit 1
    fi
    printf '%s\n' "$answer"
}

# field NAME: the first field of that name in the JSON on standard input.
field() { grep --only-matching --max-count=1 "\"$1\":[^,}]*" | head -n 1 | cut -d: -f2- | tr -d '"'; }

# A TOML file as a JSON string.
quoted() { sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e $'s/\t/\\\\t/g' -e 's/\r$//' "$1" | awk '{ printf "%s\\n", $0 }'; }

claim=$(call GET "/api/v1/claims?label=$label" | tr '{' '\n' | grep "\"label\":\"$label\"" | field id) ||
    { echo "There is no claim $label on $url." >&2; exit 1; }
key=$(printf '%s %s' "$claim" "$(cat "$file")" | sha256sum | cut -c1-64)
experiment=$(call POST /api/v1/experiments \
    --header "Content-Type: application/json" --header "Idempotency-Key: $key" \
    --data-binary "{\"claim\": $claim, \"register\": true, \"spec\": \"$(quoted "$file")\"}")
id=$(field id <<<"$experiment")
echo "Registered: $url/experiments/$id"

state=
while [[ $state != concluded ]]; do
    sleep "${POLL_SECONDS:-5}"
    now=$(call GET "/api/v1/experiments/$id")
    state=$(field state <<<"$now")
    printf '%s: %s of %s runs ended\n' "$state" "$(field ended <<<"$now")" "$(field total <<<"$now")"
    if [[ $state == stalled ]]; then
        echo "Too many runs are missing; an admin decides: $url/experiments/$id says why." >&2
        exit 1
    fi
done
echo "Verdict: $(field outcome <<<"$now")"
