# In the guest of scripts/vm, as root, started by tests/vm/guest/carrel-vm.service from the disk with the tree: installs the
# programs, runs the command on the third disk, and tells the host what became of it through two ports.
set -u
report() { printf '%s\n' "$*" >/dev/virtio-ports/carrel.report; }
udevadm settle
report begun

place=$(cat /run/carrel-vm/.vm/place)
mkdir -p "$place"
mount --bind /run/carrel-vm "$place"
cp -a "$place"/.vm/install/usr/. /usr/
cd "$place" || exit 1
export HOME=/root TERM=xterm-256color LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin
export CARREL_BINARY_DIR=$place/build CARREL_SOURCE_DIR=$place PYTHONDONTWRITEBYTECODE=1 CARREL_TEST_PATIENCE=6
export PYTHONPATH=$place/tests/e2e:$place/tests/faults/host:$place/tests/attacks/session
status=0
tr -d '\0' </dev/vdc >/run/carrel-vm-command
bash /run/carrel-vm-command </dev/null 2>&1 | cat >/dev/virtio-ports/carrel.output
status=${PIPESTATUS[0]}
report "status $status"
