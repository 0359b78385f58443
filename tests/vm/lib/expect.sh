# Sourced by the scenarios of scripts/vm, in the guest: one check a line, the first that fails ends the scenario.
set -euo pipefail

step() { printf '%5.0f s  %s\n' "$(cut -d' ' -f1 /proc/uptime)" "$*"; }
fail() {
  printf 'FAILED: %s\n' "$*"
  journalctl --no-pager -u carrel -n 40 || true
  tail -n 40 /var/lib/carrel/run/*.log 2>/dev/null || true
  exit 1
}

# expect STATUS COMMAND… : its output is in $said.
expect() {
  local wanted=$1 code=0
  shift
  said=$("$@" </dev/null 2>&1) || code=$?
  [ "$code" -eq "$wanted" ] || fail "status $code, not $wanted: $* : $said"
}

# says WORDS : the last command said so.
says() { [[ "$said" == *"$1"* ]] || fail "it did not say \"$1\": $said"; }

# soon SECONDS COMMAND… : until it succeeds.
soon() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || fail "not in time: $*"
    sleep 0.2
  done
}
