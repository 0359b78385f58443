# Sourced by scripts/demo: its second part, a workspace with a way out. The world outside is made for it: a tracker and a name
# server in a network namespace, behind a link that has this process's number in its name. The state folder is its own, too,
# for its network.toml names servers that are gone with the demonstration. `leave` takes all of it away, however that ends.

made='' # the folder of all that lies on the disk
link=cdemo$$
tracker=tracker.example.com
world_pid=''
approver_pid=''

# free_network : sets network and last, the beginning of a /28 of 10.214.0.0/16 in which this host has no address yet.
free_network() {
  local taken number
  taken=$(ip -4 -o addr show)
  for number in $(seq $(($$ % 4096)) 4095) $(seq 0 $(($$ % 4096 - 1))); do
    network=10.214.$((number / 16)) last=$((number % 16 * 16))
    grep -qF " $network.$((last + 1))/" <<<"$taken" || return 0
  done
  die "10.214.0.0/16 is full"
}

make_world() {
  local network last
  made=$(mktemp -d "$carrel_root/build/demo.$$.XXXXXX")
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$tracker" \
    -addext "subjectAltName=DNS:$tracker" -keyout "$made/key.pem" -out "$made/authority.pem" 2>/dev/null
  cat "$made/key.pem" "$made/authority.pem" >"$made/server.pem"
  openssl rand -hex 16 >"$made/token"
  free_network
  address=$network.$((last + 2))
  # The pipes of a coprocess are closed in every other program: it ends with this shell, even with a killed one.
  coproc world { exec unshare --net /usr/bin/python3 "$carrel_root/scripts/lib/demo_world.py" "$made" "$tracker" "$address" 28 2>"$made/world.log"; }
  # shellcheck disable=SC2154
  world_pid=$world_PID
  says_world entered
  ip link add "$link" type veth peer name world netns "$world_pid"
  ip addr add "$network.$((last + 1))/28" dev "$link"
  ip link set "$link" up
  echo >&"${world[1]}"
  says_world ready
}

# says_world WORD : waits for it.
says_world() {
  local word
  read -r -t 10 -u "${world[0]:-}" word 2>/dev/null && [ "$word" = "$1" ] && return 0
  cat "$made/world.log" >&2
  die "the demonstration's own network did not come up"
}

make_state() {
  export CARREL_STATE=$made/state
  (
    umask 077
    mkdir -p "$CARREL_STATE/secrets"
    cp "$made/token" "$CARREL_STATE/secrets/tracker"
    printf 'resolvers = ["%s:53"]\ntrust = "%s"\n' "$address" "$made/authority.pem" >"$CARREL_STATE/network.toml"
  )
}

launcher_pid() { sed -n 's/.*ready pid=\([0-9]*\).*/\1/p' "$CARREL_STATE/run/launcher.log" 2>/dev/null | tail -n 1; }

# approve : waits for a request, and decides it as whoever grants the task would.
approve() {
  local _
  for _ in $(seq 200); do
    sleep 0.1
    [ -n "$(launcher_pid)" ] && "$carrel" approvals --json 2>/dev/null | grep -q '"id"' && break
  done
  typed approver approvals
  typed approver approvals approve last/1 --reason "one comment"
}

runs() { readlink "/proc/$1/exe" >/dev/null; } # a zombie has none

# end_launcher : and with it its sessions, their gateways and disks. Fails where it does not end.
end_launcher() {
  local pid _
  [ -d "$made/state/run" ] || return 0
  # One that is just being started is awaited: it would outlive its folder.
  for _ in $(seq 30); do [ -n "$(launcher_pid)" ] && break; sleep 0.1; done
  pid=$(launcher_pid)
  [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = carrel-launcher ] || return 0
  kill "$pid"
  for _ in $(seq 800); do runs "$pid" || return 0; sleep 0.05; done
  return 1
}

leave() {
  local status=$? pid
  trap '' INT TERM HUP
  set +e
  for pid in $terminal_pid $approver_pid; do
    kill "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
  done
  [ -n "$made" ] || exit "$status"
  end_launcher || { say "the launcher of $made does not end: that folder is left"; made=''; }
  [ -z "$world_pid" ] || { kill "$world_pid"; wait "$world_pid"; } 2>/dev/null
  ip link del "$link" 2>/dev/null
  [ -z "$made" ] || rm -rf "$made"
  exit "$status"
}

# show_network : the whole of it.
show_network() {
  local way code=0 expected
  way=$("$carrel" doctor --json | /usr/bin/python3 -c 'import json, sys; way = json.load(sys.stdin)["way_out"]; print("" if way["given"] else way["why"])')
  if [ -n "$way" ]; then
    part "a workspace with a way out: left out, for this host gives none (carrel doctor, way-out: $way)"
    return 0
  fi
  part "a workspace with a way out: what its profile allows of the network"
  make_world
  make_state
  cat -n profiles/library/demo-network.toml | sed -n '/\[\[network/,$p'
  printf '\nThe tracker (made for this demonstration: %s, %s) answers nobody without its token:\n' "$tracker" "$address"
  printf '\033[1;34mhost$\033[0m curl https://%s/tickets/7\n' "$tracker"
  curl -s --noproxy '*' --cacert "$made/authority.pem" --resolve "$tracker:443:$address" "https://$tracker/tickets/7"
  part "a contractor's session, scripted, and the approver outside"
  approve &
  approver_pid=$!
  in_workspace profiles/library/demo-network.toml scripts/lib/demo_network_session.sh
  wait "$approver_pid" || code=$?
  approver_pid=''
  [ "$code" -eq 0 ] || die "what the contractor asked for was not approved ($code)"

  part "the reviewer's side of it"
  review net last
  review events last --kind http
  shown reviewer events last --kind net --verdict allowed '|' sed -n 1,3p
  "$carrel" events last --kind net --verdict allowed | sed -n 1,3p
  printf '\nWhat came to the tracker: the gateway added the token, and what was denied is not there.\n'
  cat "$made/requests.log"
  expected='GET /tickets/7, without the token: 401
GET /tickets/7, with the token: 200
GET /tickets/7, with the token: 200
POST /tickets/7/comments, with the token: 201'
  [ "$(cat "$made/requests.log")" = "$expected" ] || die "other requests came to the tracker than those that may pass"
  printf '\nNames that the name server was asked for:\n'
  sort -u "$made/names.log"
  [ "$(sort -u "$made/names.log")" = "$tracker" ] || die "a name was asked for that the profile does not have"
  ! "$carrel" replay last --text | grep -qFf "$made/token" || die "the token was on the contractor's screen"
  review verify last || die "verify answered $?"
  printf '\nThis part had a network and a state folder of its own, which are taken away now.\n'
}
