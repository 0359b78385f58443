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
step "passed ($said)"
