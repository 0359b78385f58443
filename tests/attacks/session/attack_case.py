"""What every attack stands on: the payload in the company's repository, the same probe outside and
inside, and a look at the host afterwards."""
import errno
import os
import pathlib
import shutil
import subprocess

from carrel_case import AS_USER, BUILD, CARREL, ROOTLESS, Case, git

PAYLOAD = str(BUILD / "tests/payload_attacks")
INSIDE = "web/src/attack"

# x86-64
NUMBERS = {
    "open": 2, "close": 3, "ioctl": 16, "shmget": 29, "getpid": 39, "socket": 41, "socketpair": 53, "clone": 56,
    "fork": 57, "kill": 62, "truncate": 76, "rename": 82, "mkdir": 83, "rmdir": 84, "link": 86, "unlink": 87,
    "chmod": 90, "chown": 92, "ptrace": 101, "syslog": 103, "setuid": 105, "setgroups": 116, "setresuid": 117,
    "mknod": 133, "uselib": 134, "personality": 135, "ustat": 136, "sysfs": 139, "setpriority": 141,
    "sched_setscheduler": 144, "vhangup": 153, "modify_ldt": 154, "pivot_root": 155, "_sysctl": 156, "prctl": 157,
    "adjtimex": 159, "setrlimit": 160, "chroot": 161, "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166,
    "swapon": 167, "swapoff": 168, "reboot": 169, "sethostname": 170, "setdomainname": 171, "iopl": 172,
    "ioperm": 173, "init_module": 175, "delete_module": 176, "quotactl": 179, "nfsservctl": 180, "getpmsg": 181,
    "setxattr": 188, "lookup_dcookie": 212, "remap_file_pages": 216, "clock_settime": 227, "mbind": 237,
    "set_mempolicy": 238, "mq_open": 240, "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250,
    "ioprio_set": 251, "migrate_pages": 256, "openat": 257, "mknodat": 259, "linkat": 265, "unshare": 272,
    "vmsplice": 278, "move_pages": 279, "utimensat": 280, "fallocate": 285, "perf_event_open": 298,
    "fanotify_init": 300, "fanotify_mark": 301, "prlimit64": 302, "name_to_handle_at": 303,
    "open_by_handle_at": 304, "clock_adjtime": 305, "setns": 308, "process_vm_readv": 310,
    "process_vm_writev": 311, "kcmp": 312, "finit_module": 313, "sched_setattr": 314, "renameat2": 316,
    "seccomp": 317, "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323, "pidfd_send_signal": 424,
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "move_mount": 429,
    "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "pidfd_open": 434, "clone3": 435,
    "pidfd_getfd": 438, "process_madvise": 440, "mount_setattr": 442, "quotactl_fd": 443,
    "landlock_create_ruleset": 444, "memfd_secret": 447, "process_mrelease": 448, "statmount": 457,
    "listmount": 458, "setxattrat": 463, "open_tree_attr": 467,
}

O_WRONLY, O_RDWR, O_CREAT = os.O_WRONLY, os.O_RDWR, os.O_CREAT
AT_FDCWD = -100

# Host-global settings that a payload could want to change. They are opened, never written.
SETTINGS = ("kernel/core_pattern", "kernel/modprobe", "kernel/hostname", "net/ipv4/ip_forward",
            "user/max_user_namespaces", "kernel/sysrq", "fs/suid_dumpable")


def word(argument):
    if isinstance(argument, bytes):
        return "b" + argument.hex()
    if isinstance(argument, str):
        return argument if argument.startswith("$") else "s" + (argument.encode() + b"\0").hex()
    return str(argument & 0xFFFFFFFFFFFFFFFF)


def script_of(rows):
    """Rows (name, call, argument…) as the payload reads them."""
    lines = []
    for name, call, *arguments in rows:
        number = NUMBERS[call] if isinstance(call, str) else call
        lines.append("\t".join([name, str(number), *map(word, arguments)]))
    return ("\n".join(lines) + "\n").encode()


def results(out):
    found = {}
    for line in out.decode(errors="replace").splitlines():
        name, tab, result = line.partition("\t")
        if tab:
            found[name] = int(result) if result.lstrip("-").isdigit() else result
    return found


def setting(name):
    try:
        return pathlib.Path("/proc/sys", name).read_bytes()
    except OSError as why:
        return errno.errorcode[why.errno]


class AttackCase(Case):
    def setUp(self):
        self.settings_before = {name: setting(name) for name in SETTINGS}
        super().setUp()
        shutil.copy(PAYLOAD, self.company / INSIDE)
        (self.company / INSIDE).chmod(0o755)
        git(self.company, "add", "-A")
        git(self.company, "commit", "-qm", "payload")

    def stop(self):
        super().stop()
        self.assertEqual({name: setting(name) for name in SETTINGS}, self.settings_before)

    def profile_with(self, old, new):
        text = self.profile.read_text()
        self.assertIn(old, text)
        self.profile.write_text(text.replace(old, new))

    # ---- the same probe, outside and inside -----------------------------------------------------

    def outside(self, rows, wrapper=()):
        """The control: the rows as root of the host, in namespaces of its own where `wrapper` makes them."""
        done = subprocess.run([*wrapper, PAYLOAD, "calls"], input=script_of(rows), capture_output=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        return results(done.stdout)

    def inside(self, rows):
        return results(self.open(INSIDE, "calls", stdin=script_of(rows)).out)

    def attack(self, *words, **options):
        return self.open(INSIDE, *words, **options)

    def works_outside(self, rows, wrapper=()):
        found = self.outside(rows, wrapper)
        self.assertEqual({name: result for name, result in found.items() if not isinstance(result, int)}, {})
        self.assertEqual(len(found), len(rows))

    def refused_calls(self):
        """The names of calls in process.refused events, each of which the table's rule denies."""
        refused = [event for event in self.events() if event["type"] == "process.refused"]
        for event in refused:
            self.assertEqual((event["verdict"], event["rule"]["id"]), ("denied", "default:syscall"), event)
        return [event["data"]["call"] for event in refused]

    # ---- a session that goes on while the test looks ----------------------------------------------

    def start(self, *command, options=(), profile=None):
        process = subprocess.Popen([CARREL, "open", "--profile", str(profile or self.profile), *options, "--", *command],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=self.environment(), **AS_USER)
        self.addCleanup(self.reap, process)
        return process

    def reap(self, process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def start_running(self, *command, options=(), profile=None):
        """The same, and waits until the command runs."""
        process = self.start(*command, options=options, profile=profile)
        self.wait_until(lambda: (self.state / "sessions").exists() and
                        any(row["state"] == "running" for row in self.sessions()), 20, "a session runs")
        return process

    def line(self, process):
        """The command's next line; the test's own time limit bounds the wait."""
        return process.stdout.readline().decode().rstrip("\n")

    def finish(self, process, stdin=b"", code=0, timeout=40):
        out, err = process.communicate(stdin, timeout=timeout)
        if code is not None:
            self.assertEqual(process.returncode, code, f"{out[-2000:]!r}\n{err[-2000:]!r}\n{self.logs()}")
        return out, err

    def tree(self):
        """The one slice's working tree as the host has it: below every workspace's own changes, which lie
        encrypted in its image."""
        if ROOTLESS:  # no image and no shared slice: the workspace's own folder
            return self.state / "workspaces" / self.sessions()[0]["workspace"] / "repository.app/tree"
        slices = list((self.state / "slices").iterdir())
        self.assertEqual(len(slices), 1, slices)
        return slices[0] / "tree"

    def slice_to_plant_in(self):
        """The same before this test's session begins: its workspace will find the slice made."""
        self.open("/bin/true", profile=None if ROOTLESS else self.another_profile())
        return self.tree()

    def changes(self, session="last"):
        return {event["data"]["path"]: event["data"] for event in self.events(session)
                if event["type"] == "file.changed"}
