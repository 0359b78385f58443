"""Boots the guest of scripts/vm once: shows what its command says as it comes, and ends with its status. 124: it took too
long; 125: the guest did not come up, or ended by itself. The guest never outlives this program."""
import ctypes
import pathlib
import re
import signal
import subprocess
import sys
import time

ROOT, WORK, TIMEOUT = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
BOOT_TIMEOUT = 600
PR_SET_PDEATHSIG = 1
# The emulated processor names no mitigation of its own, and page-table isolation costs an emulator several times what it
# costs a processor; nothing in the guest is anybody's secret.
KERNEL_ARGUMENTS = "root=/dev/vda rw console=ttyS0 quiet panic=-1 mitigations=off nokaslr systemd.show_status=0 net.ifnames=0"


def disk(path):
    """What the guest writes goes to a file that no name leads to."""
    return ["-drive", f"file={path},format=raw,if=virtio,snapshot=on,cache=unsafe"]


def port(name):
    return ["-chardev", f"file,id={name},path={WORK / name}", "-device", f"virtserialport,chardev={name},name=carrel.{name}"]


def command():
    return ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "4096",
            "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-nic", "none",
            "-kernel", str(ROOT / "vmlinuz"), "-initrd", str(ROOT / "initrd"), "-append", KERNEL_ARGUMENTS,
            "-serial", f"file:{WORK / 'console'}", "-device", "virtio-rng-pci", "-device", "virtio-serial-pci",
            *port("output"), *port("report"), *disk(ROOT / "disk"), *disk(WORK / "tree"), *disk(WORK / "command")]


class Guest:
    def __init__(self):
        for name in ("output", "report", "console"):
            (WORK / name).write_bytes(b"")
        self.started = time.monotonic()
        self.shown = 0
        self.process = subprocess.Popen(command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(WORK)},
                                        preexec_fn=lambda: ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL))

    def seconds(self):
        return time.monotonic() - self.started

    def show_more(self):
        with open(WORK / "output", "rb") as output:
            output.seek(self.shown)
            more = output.read()
        self.shown += len(more)
        sys.stdout.buffer.write(more)
        sys.stdout.buffer.flush()

    def reported(self):
        return (WORK / "report").read_text()

    def wait(self):
        """The command's status."""
        begun = False
        while True:
            ended = self.process.poll() is not None
            report = self.reported()
            self.show_more()
            found = re.search(r"^status (\d+)$", report, re.M)
            if found:
                return int(found[1])
            if ended:
                return self.fail("the guest ended by itself", 125)
            if report and not begun:
                begun = True
                print(f"the guest was up after {self.seconds():.0f} s", file=sys.stderr)
            if not begun and self.seconds() > BOOT_TIMEOUT:
                return self.fail(f"the guest was not up after {BOOT_TIMEOUT} s", 125)
            if self.seconds() > TIMEOUT:
                return self.fail(f"not finished after {TIMEOUT} s", 124)
            time.sleep(0.2)

    def fail(self, why, code):
        console = (WORK / "console").read_text(errors="replace").splitlines()[-40:]
        said = self.process.stderr.read().decode(errors="replace") if self.process.poll() is not None else ""
        print("\n".join(console), f"carrel: {why}; above is the end of its console. {said}", sep="\n", file=sys.stderr)
        return code

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def stop(*_):
    raise SystemExit(130)


for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, stop)
guest = Guest()
try:
    code = guest.wait()
finally:
    guest.end()
sys.exit(code)
