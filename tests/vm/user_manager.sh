#!/usr/bin/env bash
# What a user's own systemd gives on this host: a control group that is delegated to them. Ground for scenarios without root.
. tests/vm/lib/expect.sh
. tests/vm/lib/host.sh

step "without it there is no such group"
useradd --create-home anna
expect 1 in_manager anna systemctl --user is-system-running

step "a scope is the user's to divide"
start_manager anna
cat >/tmp/divide.sh <<'EOT'
set -e
group=/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)
mkdir "$group/below"
echo $$ >"$group/below/cgroup.procs"
echo "+memory +pids" >"$group/cgroup.subtree_control"
mkdir "$group/other"
echo 64M >"$group/other/memory.max"
echo "controllers: $(cat "$group/cgroup.controllers")"
EOT
expect 0 in_manager anna systemd-run --user --scope -q -p Delegate=yes -- /bin/bash /tmp/divide.sh
says "memory pids"
step "$said"

# open_in_scope ARGUMENTS… : `carrel open` of anna's, in a scope of its own.
open_in_scope() { in_manager anna systemd-run --user --scope -q -p Delegate=yes -- carrel open "$@"; }
launcher_gone() { ! pgrep -u anna -x carrel-launcher; }

step "Carrel keeps the limits of an ordinary user's workspace in such a scope, and not in another one"
make_company
cp -r /srv/git/app /home/anna/app
mkdir /home/anna/profiles
sed 's,/srv/git/app,/home/anna/app,' /etc/carrel/small.toml >/home/anna/profiles/small.toml
chown -R anna: /home/anna
hog=(/usr/bin/python3 -c 'print(len(b"x" * (200 << 20)))')
small=(--profile /home/anna/profiles/small.toml)
expect 0 in_manager anna systemd-run --user --scope -q -- carrel open "${small[@]}" -- "${hog[@]}"
says 209715200
expect 0 in_manager anna systemd-run --user --scope -q -- carrel doctor
says "arranged by a service manager"
pkill -TERM -u anna -x carrel-launcher
soon 60 launcher_gone
expect 0 in_manager anna systemd-run --user --scope -q -p Delegate=yes -- carrel doctor
says "a control group that was handed on to you keeps 512 processes, 4 GiB of memory"
expect 137 open_in_scope "${small[@]}" -- "${hog[@]}"
says "limit: memory 64 MiB reached"
expect 0 open_in_scope "${small[@]}" -- /bin/sh -c 'carrel status'
says "memory     "
says " of 64 MiB"

step "it is paused, and ends with nothing left"
open_in_scope "${small[@]}" -- /bin/sh -c 'echo there; exec sleep 1000' >/tmp/session 2>&1 </dev/null &
client=$!
soon 120 grep -qx there /tmp/session
expect 0 in_manager anna carrel pause last --reason "a question"
frozen() { grep -qx "frozen 1" "$(find /sys/fs/cgroup -type d -name 'carrel-[0-9]*' -path '*user@*')"/*/cgroup.events; }
expect 0 frozen
[ -n "$(find /sys/fs/cgroup -type d -name carrel-processes)" ] || fail "nothing was moved out of the way"
expect 0 in_manager anna carrel resume last --reason "answered"
expect 0 in_manager anna carrel close last --reason "seen" --now
wait "$client" && fail "a closed session has status 0" || [ $? -eq 125 ] || fail "not 125"
expect 0 in_manager anna carrel verify last
pkill -TERM -u anna -x carrel-launcher
soon 60 launcher_gone
nothing_left
[ -z "$(find /sys/fs/cgroup -type d -name carrel-processes)" ] || fail "carrel-processes is left"
step "passed"
