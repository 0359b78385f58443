#!/usr/bin/env bash
# The service as systemd runs it, with exactly our unit: started, used by people of the host, stopped and killed under way.
. tests/vm/lib/expect.sh
. tests/vm/lib/host.sh

as_anna() { runuser -u anna -- carrel "$@"; }
main_pid() { systemctl show --value -p MainPID carrel; }
restarted() { [ "$(systemctl show --value -p NRestarts carrel)" = "$1" ] && systemctl is-active -q carrel; }

# begin_session [TASK] : anna opens it, and her session waits; its client is $client.
begin_session() {
  rm -f /tmp/session
  runuser -u anna -- carrel open "${1:-fe-1432}" -- /bin/sh -c 'echo there; exec sleep 1000' </dev/null >/tmp/session 2>&1 &
  client=$!
  soon 120 grep -qx there /tmp/session
  session=$(runuser -u anna -- carrel sessions --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["session"])')
}
# session_ends STATUS : its client does.
session_ends() {
  local code=0
  wait "$client" || code=$?
  [ "$code" -eq "$1" ] || fail "the client ended with $code, not $1: $(cat /tmp/session)"
}

fill_processes='import os, time
count = 1
try:
    while True:
        if os.fork() == 0: time.sleep(100)
        count += 1
except OSError as why:
    print(why.errno, count, flush=True)
    time.sleep(2)'

step "nothing of Carrel's is there before"
install -m 644 launcher/service/units/carrel.service /etc/systemd/system/
systemctl daemon-reload
expect 3 systemctl is-active carrel
expect 0 systemd-analyze verify --man=no /etc/systemd/system/carrel.service
useradd --create-home anna
useradd --create-home bert
make_company
nothing_left

step "it starts, and says itself that it is ready"
expect 0 systemctl enable --now carrel
expect 0 systemctl is-active carrel
expect 0 systemctl show -p Type -p NotifyAccess -p Delegate carrel
says Type=notify
says Delegate=yes
[ "$(cat "/proc/$(main_pid)/comm")" = carrel-launcher ] || fail "pid $(main_pid) is no launcher"
[ -n "$(carrel_things)" ] || fail "what looks for things of Carrel's finds none"

step "a user opens what was given to them, and nobody else does"
expect 0 carrel task create fe-1432 --profile /etc/carrel/fix.toml --person anna --for 8h
expect 0 as_anna open fe-1432 -- /bin/true
expect 1 as_anna open fe-1432 -- /bin/false
expect 0 as_anna open fe-1432 -- /bin/sh -c 'id -u; ls; echo "/* mended */" >> web/main.c; git commit -qam mended'
says $'1000\nweb'
expect 0 as_anna open fe-1432 -- /bin/sh -c 'tail -n 1 web/main.c; git log -1 --format=%s'
says $'/* mended */\nmended'
expect 0 as_anna verify last
expect 0 as_anna diff last
expect 121 runuser -u bert -- carrel open fe-1432 -- /bin/true
expect 121 as_anna open --profile /etc/carrel/fix.toml -- /bin/true
expect 1 runuser -u anna -- cat /srv/git/app/web/main.c

step "limits hold, also when systemd sets up control groups anew"
expect 0 carrel task create small --profile /etc/carrel/small.toml --person anna --for 8h
expect 0 as_anna open small -- /usr/bin/python3 -c 'print(len(bytes(16 << 20)))'
says 16777216
expect 137 as_anna open small -- /usr/bin/python3 -c 'print(len(b"x" * (200 << 20)))'
says "limit: memory 64 MiB reached"
expect 0 as_anna open small -- /usr/bin/python3 -c "$fill_processes"
says "11 40"
says "limit: processes 40 reached"
begin_session small
group=$(find /sys/fs/cgroup -type d -name "$session")
[[ "$group" == /sys/fs/cgroup/system.slice/carrel.service/carrel-* ]] || fail "$group is not in the unit's own group"
ceilings() { cat "$group/memory.max" "$group/pids.max" "$group/cpu.max"; }
expect 0 ceilings
says "$((64 << 20))"$'\n41\n50000 100000'  # one more for init
expect 0 systemd-run --quiet --wait -p CPUQuota=50% -p MemoryMax=50M /bin/true
expect 0 systemctl daemon-reload
expect 0 ceilings
says "$((64 << 20))"$'\n41\n50000 100000'
expect 0 carrel close "$session" --reason "seen" --now
session_ends 125

step "the web server's group learns whether a token still lives"
sed 's/"fix"/"token"/' /etc/carrel/fix.toml >/etc/carrel/token.toml
printf '[[credential]]\nname = "ci"\naudience = "https://ci.example.org"\n' >>/etc/carrel/token.toml
install -m 644 launcher/service/units/carrel-introspect.socket launcher/service/units/carrel-introspect@.service /etc/systemd/system/
expect 0 systemctl enable --now carrel-introspect.socket
expect 0 carrel task create token --profile /etc/carrel/token.toml --person anna --for 8h
runuser -u anna -- carrel open token -- /bin/sh -c 'cat /run/carrel/credentials/ci/token; exec sleep 1000' </dev/null >/tmp/token 2>/dev/null &
client=$!
soon 120 grep -q '^eyJ' /tmp/token
chmod 644 /tmp/token
ask() { runuser -u "$1" -- curl -sS --unix-socket /run/carrel-introspect.sock --data-urlencode token@/tmp/token http://carrel/; }
expect 0 ask www-data
says '{"active":true,'
expect 7 ask bert  # curl reaches nobody
session=$(as_anna sessions --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["session"])')
expect 0 carrel close "$session" --reason "seen" --now
expect 0 ask www-data
says '{"active":false}'
session_ends 125
expect 0 systemctl disable --now carrel-introspect.socket

step "a stop ends what runs with a closed record"
begin_session
before=$SECONDS
expect 0 systemctl stop carrel
step "stopped in $((SECONDS - before)) s"
session_ends 124
expect 0 systemctl show -p Result -p ActiveState carrel
says Result=success
says ActiveState=inactive
nothing_left
expect 1 as_anna list
says "systemctl start carrel"
expect 0 systemctl start carrel
expect 0 as_anna verify "$session"

step "a launcher that is killed comes back, and so does the work"
begin_session
expect 0 systemctl kill --kill-whom=main -s KILL carrel
soon 120 restarted 1
session_ends 137
expect 5 as_anna verify "$session"
expect 0 as_anna open fe-1432 -- /usr/bin/tail -n 1 web/main.c
says "/* mended */"
expect 0 as_anna verify last

step "all that is killed at once comes back"
begin_session
expect 0 systemctl kill -s KILL carrel
soon 120 restarted 2
session_ends 137
expect 5 as_anna verify "$session"
expect 0 as_anna open fe-1432 -- /bin/true
expect 0 as_anna verify last

step "a broker that is killed is replaced by the launcher"
pid=$(main_pid)
begin_session
expect 0 pkill -KILL -x carrel-broker
session_ends 124
expect 5 as_anna verify "$session"
expect 0 as_anna open fe-1432 -- /bin/true
[ "$pid" = "$(main_pid)" ] || fail "the launcher is another one"

step "the end leaves nothing behind"
expect 0 carrel task end fe-1432 --reason delivered --now
expect 0 systemctl disable --now carrel
nothing_left
step "passed"
