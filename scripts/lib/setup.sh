# Sourced by the scripts: installs what a bare Debian 12 lacks and says what it does.
# Nothing is removed (--no-remove); without root it says what to install and stops.

carrel_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

carrel_build_packages="git g++ clang cmake ninja-build ccache pkg-config bpftool libbpf-dev libseccomp-dev
 e2fsprogs libcap-dev libboost-program-options1.81-dev libssl-dev libgtest-dev libgmock-dev libtomlplusplus-dev
 nlohmann-json3-dev protobuf-compiler libprotobuf-dev libzstd-dev libsqlite3-dev libgit2-dev zlib1g-dev libvterm-dev
 libmnl-dev libnftables-dev libc-ares-dev libcurl4-openssl-dev
 libhowardhinnant-date-dev tzdata python3"
carrel_test_packages="clang-format strace openssl ca-certificates openssh-client openssh-server zstd util-linux procps iproute2 make diffutils systemd"
# The outside world of the gateway's tests and the clients that go there (tests/e2e/outside.py): 330 MB to fetch, most of it Java,
# Go and Rust. Debian's npm is 390 packages more, so a nodejs that brought its own is left as it is.
carrel_outside_packages="nginx-light ca-certificates curl wget python3-pip python3-requests nodejs openjdk-17-jdk-headless golang-go cargo"
[ -x /usr/bin/npm ] || carrel_outside_packages+=" npm"
carrel_vm_packages="qemu-system-x86 mmdebstrap debian-archive-keyring e2fsprogs"
carrel_fuzz_packages="libclang-rt-14-dev"
carrel_lint_packages="clang-format clang-tidy"

# Packages that would start daemons, and the units.
declare -A carrel_daemons=([openssh-server]="ssh.service ssh.socket" [nginx-light]=nginx.service [squid]=squid.service)

say() { printf '\033[1m== %s\033[0m\n' "$*" >&2; }
die() { printf 'carrel: %s\n' "$*" >&2; exit 1; }

# need_packages NAME… : installs those that are missing.
need_packages() {
  local missing=() name
  for name in "$@"; do
    dpkg-query -W -f='${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  command -v apt-get >/dev/null || die "this script sets up Debian 12; elsewhere install: ${missing[*]}"
  [ "$(id -u)" -eq 0 ] || die "missing packages; as root run: apt-get install --no-remove ${missing[*]}"
  say "installing ${#missing[@]} packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  # Their programs are wanted, not daemons that listen on this machine: one that is not there yet is
  # not started either (systemctl unmask ssh.service ssh.socket, for whom that is wanted).
  local package unit
  for package in "${missing[@]}"; do
    for unit in ${carrel_daemons[$package]:-}; do
      mkdir -p /etc/systemd/system
      [ -e "/etc/systemd/system/$unit" ] || ln -s /dev/null "/etc/systemd/system/$unit"
      say "$package is installed with $unit masked: no daemon is started"
    done
  done
  local log
  log=$(mktemp)
  if ! { apt-get update -qq && apt-get install -y -qq --no-remove --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -20 "$log" >&2
    die "apt-get could not install: ${missing[*]} (its last lines are above)"
  fi
  rm -f "$log"
}

# build_all [PRESET] : configures and builds, with a line of progress.
build_all() {
  local preset=${1:-release} folder=build
  [ "$preset" = release ] || folder=build-$preset
  say "building ($preset, $(nproc) cores)"
  local started=$SECONDS log
  log=$(mktemp)
  (cd "$carrel_root" && cmake --preset "$preset" >"$log" 2>&1) || { tail -30 "$log" >&2; die "cmake could not configure"; }
  (cd "$carrel_root" && NINJA_STATUS='[%f/%t %es] ' ninja -C "$folder" 2>&1 | tee "$log" | awk -v tty="$([ -t 2 ] && echo 1)" \
    '/^\[/ { if (tty) { printf "\r\033[K%.100s", $0 > "/dev/stderr" } else if (NR % 50 == 0) print > "/dev/stderr"; next } { print > "/dev/stderr" } END { if (tty) print "" > "/dev/stderr" }'
    exit "${PIPESTATUS[0]}") || die "the build failed (see above)"
  rm -f "$log"
  say "built in $((SECONDS - started)) s"
}
