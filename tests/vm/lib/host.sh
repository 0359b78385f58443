# Sourced by scenarios, in the guest: a company's repository, a profile, users, and what a host looks like without Carrel.

# make_company : the repository /srv/git/app, which only root reads, and the profiles fix and, with small limits, small in /etc/carrel.
make_company() {
  mkdir -p /etc/carrel /srv/git/app/web /srv/git/app/billing
  chmod 700 /srv/git/app
  echo 'int main(void) { return 0; }' >/srv/git/app/web/main.c
  echo hidden >/srv/git/app/billing/ledger.txt
  git -C /srv/git/app init -q -b main
  git -C /srv/git/app add -A
  git -C /srv/git/app -c user.name=c -c user.email=c@example.org commit -qm all
  cat >/etc/carrel/fix.toml <<'TOML'
profile = "fix"
version = 1
summary = "Mend the widget."
[purpose]
statement = "Ticket FE-1432"
[[repository]]
name = "app"
source = "/srv/git/app"
ref = "main"
write = ["web"]
TOML
  sed 's/"fix"/"small"/' /etc/carrel/fix.toml >/etc/carrel/small.toml
  printf '[limits]\nmemory = "64MiB"\nprocesses = 40\ncpu = "0.5"\n' >>/etc/carrel/small.toml
}

# What Carrel has on this host: processes, control groups, mounts, loop devices, BPF programs by name.
carrel_things() {
  pgrep -a carrel || true
  find /sys/fs/cgroup -type d -name 'carrel-[0-9]*'
  grep -E 'carrel|fscrypt|workspaces' /proc/self/mountinfo | grep -vE ' /run/carrel-vm | /work/' || true
  losetup -nO NAME,BACK-FILE
}
nothing_left() { [ -z "$(carrel_things)" ] || fail "left behind: $(carrel_things)"; }

# start_manager USER : the user's own systemd, as after a login. in_manager USER COMMAND… : as this user, who can ask it.
start_manager() {
  expect 0 loginctl enable-linger "$1"
  soon 180 systemctl is-active -q "user@$(id -u "$1")"
}
in_manager() {
  local user=$1
  shift
  (cd / && exec runuser -u "$user" -- env XDG_RUNTIME_DIR="/run/user/$(id -u "$user")" HOME="$(eval echo "~$user")" "$@")
}
