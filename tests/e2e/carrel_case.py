"""What every end-to-end test stands on: a company's repository, a profile, a state folder of its own, and
the programs as a user runs them: as root, or with CARREL_TEST_MODE=rootless as a user who has nothing but
an uid. After each test the host must be as before: no process, cgroup, mount or BPF program of Carrel's is
left."""
import atexit
import fcntl
import functools
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time
import unittest

BUILD = pathlib.Path(os.environ["CARREL_BINARY_DIR"])
SOURCE = pathlib.Path(os.environ["CARREL_SOURCE_DIR"])
ROOTLESS = os.environ.get("CARREL_TEST_MODE") == "rootless"
# How many times as long as elsewhere it may take until something happens: an emulated machine (scripts/vm) is slow.
PATIENCE = int(os.environ.get("CARREL_TEST_PATIENCE", "1"))
# Who opens workspaces. The ordinary user is in no passwd file: no host gives such an uid anything.
UID = 12345 if ROOTLESS else 0
# Whether the ordinary user was handed control groups.
GROUPS = ROOTLESS and os.environ.get("CARREL_TEST_GROUPS") == "1"
if GROUPS:
    import handed_groups
    handed_groups.enter(UID)
AS_USER = {"user": UID, "group": UID, "extra_groups": []} if ROOTLESS else {}


def programs():
    """Where the programs are for whom the tests open workspaces: a checkout below a folder that is closed to
    others would be out of an ordinary user's reach."""
    if not ROOTLESS or subprocess.run(["test", "-x", str(BUILD / "bin/carrel")], **AS_USER).returncode == 0:
        return BUILD
    folder = pathlib.Path(tempfile.mkdtemp(prefix="carrel-programs-"))
    atexit.register(subprocess.run, ["rm", "-rf", str(folder)], check=False)
    folder.chmod(0o755)
    for name in ("bin", "libexec"):
        subprocess.run(["cp", "-a", "--reflink=auto", str(BUILD / name), str(folder / name)], check=True)
    return folder


PROGRAMS = programs()
CARREL = str(PROGRAMS / "bin/carrel")

PROFILE = """\
profile = "fix"
version = 1
summary = "Mend the widget."
[purpose]
statement = "Ticket FE-1"
[[repository]]
name = "app"
source = "company"
ref = "main"
read = ["docs", "package.json"]
write = ["web/src"]
never = ["web/src/secrets"]
[[credential]]
name = "ci"
kind = "jwt"
audience = "https://ci.example.org"
"""

FILES = {
    "README.md": b"the company's own\n",
    "package.json": b'{"name": "app"}\n',
    "docs/guide.md": b"how to\n",
    "docs/deep/more.md": b"more\n",
    "web/src/main.c": b'#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n',
    "web/src/util/data.bin": bytes(range(256)) * 4,
    "web/src/old.txt": b"to be deleted\n",
    "web/src/secrets/key.txt": b"hidden-never-7f3a90d1\n",
    "billing/ledger.txt": b"hidden-billing-5cc1e2ab\n",
}


def run(*words, **options):
    return subprocess.run(words, check=True, capture_output=True, **options)


def git(folder, *words):
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1",
                   "GIT_AUTHOR_NAME": "c", "GIT_AUTHOR_EMAIL": "c@example.org",
                   "GIT_COMMITTER_NAME": "c", "GIT_COMMITTER_EMAIL": "c@example.org"}
    return run("git", "-c", "safe.directory=*", "-C", str(folder), *words, env=environment).stdout.decode()


def make_company(folder, files=None):
    """A repository with a past, hidden parts and the branch `main`."""
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "billing").mkdir()
    (folder / "billing/first.txt").write_bytes(b"hidden-history-0b7d44\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    (folder / "billing/first.txt").unlink()
    for name, content in (files or FILES).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "second")
    return folder


def needs_groups(why):
    """For a test that needs control groups: an ordinary user has them in a run of its own only (GROUPS)."""
    return needs("limits", why, given=GROUPS)


def also_with_groups(test):
    """For a test whose way differs where an ordinary user was handed control groups: it has a run of its own there."""
    return test


def needs(guarantee, why, given=False):
    """Leaves a test out in rootless mode, by the name of the guarantee that it needs and is not given."""
    def leave_out(test):
        @functools.wraps(test)
        def named(self, *words, **options):
            if ROOTLESS and not given:
                print(f"SKIP guarantee={guarantee}: {why}")
                self.skipTest(why)
            return test(self, *words, **options)
        return named
    return leave_out


class NeedsImages:
    """Before Case in a class of tests about what only an encrypted image gives."""

    def setUp(self):
        if ROOTLESS:
            print("SKIP guarantee=disk-encrypted: an ordinary user may mount no image")
            self.skipTest("an ordinary user may mount no image")
        super().setUp()

    def loops(self):
        """Loop devices on images of this state folder, each with the number of its attachment (diskseq: no other one
        of this boot has it)."""
        found = {}
        for path in pathlib.Path("/sys/block").glob("loop*/loop/backing_file"):
            try:
                if str(self.state) in path.read_text():
                    found[path.parts[3]] = (path.parents[1] / "diskseq").read_text().strip()
            except OSError:
                pass
        return found

    def check_no_disk(self, seconds=30):
        self.wait_until(lambda: not self.loops(), seconds, "every loop device is given back")


def give(folder):
    """Makes everything below the user's."""
    if ROOTLESS:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, UID, UID, follow_symlinks=False)
    return folder


class Opened:
    """What one `carrel open` gave."""

    def __init__(self, code, out, err, status):
        self.code, self.out, self.err = code, out, err
        lines = [json.loads(line) for line in status.decode().splitlines()]
        self.started = lines[0] if lines and "session" in lines[0] else None
        self.end = lines[-1]["end"] if lines else None
        self.session = self.started["session"] if self.started else None


def mounts():
    return sorted(re.sub(r"^\d+ \d+ ", "", line) for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines())


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="carrel-e2e-"))
        self.addCleanup(subprocess.run, ["rm", "-rf", str(self.folder)], check=False,
                        stderr=subprocess.DEVNULL)  # however deep it is
        self.state = self.folder / "state"
        self.company = make_company(self.folder / "company")
        self.profile = self.folder / "fix.toml"
        self.profile.write_text(PROFILE)
        give(self.folder)
        self.mounts_before = mounts()
        self.addCleanup(self.stop)

    def environment(self):
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        if ROOTLESS:
            kept["HOME"] = str(self.folder)
        return {**kept, "CARREL_STATE": str(self.state), "TERM": "xterm-256color", "LANG": "C.UTF-8"}

    # ---- programs -----------------------------------------------------------------------------

    def carrel(self, *words, code=0, timeout=60, **options):
        done = subprocess.run([CARREL, *words], capture_output=True, timeout=timeout * PATIENCE,
                              env=self.environment(), **{**AS_USER, **options})
        if code is not None:
            self.assertEqual(done.returncode, code, f"carrel {words}\n{done.stdout[-4000:]!r}\n{done.stderr[-4000:]!r}")
        return done

    def open(self, *command, stdin=b"", code=0, options=(), profile=None, timeout=90):
        status_read, status_write = os.pipe()
        try:
            words = [CARREL, "open", "--profile", str(profile or self.profile), "--status-fd",
                     str(status_write), *options, "--", *command]
            process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, env=self.environment(),
                                       pass_fds=[status_write], **AS_USER)
        finally:
            os.close(status_write)
        try:
            out, err = process.communicate(stdin, timeout=timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        with os.fdopen(status_read, "rb") as status:
            opened = Opened(process.returncode, out, err, status.read())
        if code is not None:
            self.assertEqual(opened.code, code, f"{command}\n{out[-4000:]!r}\n{err[-4000:]!r}\n{self.logs()}")
        return opened

    def another_profile(self, name="other"):
        """A profile that differs by its name only: another task, and so another workspace."""
        path = self.folder / f"{name}.toml"
        path.write_text(re.sub(r'^profile = "[^"]*"', f'profile = "{name}"', self.profile.read_text(), flags=re.M))
        return path

    def sh(self, script, **options):
        return self.open("/bin/bash", "-c", script, **options)

    def popen(self, *words, **options):
        """A program of the user's, started and left to the test."""
        return subprocess.Popen(words, env=self.environment(), **{**AS_USER, **options})

    def open_on_terminal(self, *command, columns=100, rows=30, options=()):
        return Terminal(self, [CARREL, "open", "--profile", str(self.profile), *options, "--", *command], columns, rows)

    # ---- what the record says -----------------------------------------------------------------

    def sessions(self):
        return json.loads(self.carrel("sessions", "--json").stdout)

    def show(self, session="last"):
        return json.loads(self.carrel("show", session, "--json").stdout)

    def events(self, session="last", *filters):
        out = self.carrel("events", session, "--format", "jsonl", *filters).stdout
        return [json.loads(line) for line in out.splitlines()]

    def output(self, session="last", stream=None):
        """The recorded bytes of a stream."""
        import base64
        parts = [event["data"] for event in self.events(session, "--kind", "terminal")
                 if event["type"] == "terminal.output" and stream in (None, event["data"]["stream"])]
        return b"".join(base64.b64decode(part["bytes_b64"]) for part in parts)

    def record(self, session):
        return self.state / "sessions" / session

    def verify(self, session="last", code=0):
        return json.loads(self.carrel("verify", session, "--json", code=code).stdout)

    # ---- the services -------------------------------------------------------------------------

    def logs(self):
        text = ""
        for name in ("launcher.log", "broker.log"):
            path = self.state / "run" / name
            if path.exists():
                text += f"-- {name}\n{path.read_text()[-3000:]}"
        return text

    def service_pid(self, log="launcher.log"):
        path = self.state / "run" / log
        found = re.findall(r"ready pid=(\d+)", path.read_text()) if path.exists() else []
        return int(found[-1]) if found else None

    def broker_pid(self):
        return self.service_pid("broker.log")

    def processes(self, name):
        """Pids of programs called `name` that descend from this test's launcher."""
        pids, launcher = [], self.service_pid()
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if (entry / "comm").read_text().strip() == name[:15] and descends(int(entry.name), launcher):
                        pids.append(int(entry.name))
                except OSError:
                    pass
        return pids

    def cgroup(self):
        """This state folder's folder in the unified tree."""
        for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
            if line.split()[2] == "cgroup2":
                what = self.state.stat()
                name = f"carrel-{what.st_dev}-{what.st_ino}"
                # Groups of others come and go while this walks: os.walk passes over them.
                for folder, below, _ in os.walk(line.split()[1]):
                    if name in below:
                        return pathlib.Path(folder) / name
        return None

    def wait_until(self, condition, seconds=10, what="condition"):
        deadline = time.monotonic() + seconds * PATIENCE
        while time.monotonic() < deadline:
            if found := condition():
                return found
            time.sleep(0.02)
        self.fail(f"not within {seconds} s: {what}\n{self.logs()}")

    def start_launcher(self, wrapper=(), expect="ready", options=()):
        """Starts the launcher by hand, for instance below strace."""
        self.state.mkdir(exist_ok=True)
        (self.state / "run").mkdir(mode=0o700, exist_ok=True)
        give(self.state)
        state_fd = os.open(self.state, os.O_RDONLY)
        ready_read, ready_write = os.pipe()
        process = subprocess.Popen(
            [*wrapper, str(PROGRAMS / "libexec/carrel/carrel-launcher"), "--state-fd", str(state_fd), "--ready-fd",
             str(ready_write), *options], pass_fds=[state_fd, ready_write], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **AS_USER)
        os.close(state_fd)
        os.close(ready_write)
        with os.fdopen(ready_read, "rb") as ready:
            line = ready.readline().decode().strip()
        if expect is not None:
            self.assertEqual(line, expect)
        self.launcher_process = process
        return line

    def stop(self):
        """Ends the services by SIGTERM, and proves that nothing is left."""
        pid = self.service_pid()
        if pid is not None and os.path.exists(f"/proc/{pid}"):
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        process = getattr(self, "launcher_process", None)
        if process is not None:
            process.wait(timeout=30 * PATIENCE)
        if pid is not None:
            self.wait_until(lambda: not alive(pid), 30, "the launcher ends")
        if self.state.exists() and not getattr(self, "unclean", False):
            self.assertIsNone(self.cgroup(), "a cgroup is left")
            self.assertEqual(mounts(), self.mounts_before)
            for pid in map(int, re.findall(r"ready pid=(\d+)", self.logs())):
                self.assertFalse(alive(pid), f"process {pid} is left")


def descends(pid, ancestor):
    while pid > 1:
        if pid == ancestor:
            return True
        pid = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    return False


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Terminal:
    """A program on a terminal of its own, as a person at a keyboard has it."""

    def __init__(self, case, words, columns, rows, as_user=ROOTLESS):
        self.case = case
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            if as_user:
                os.setgroups([])
                os.setresgid(UID, UID, UID)
                os.setresuid(UID, UID, UID)
            os.execve(words[0], words, case.environment())
        self.resize(columns, rows)
        self.seen = b""
        self.status = None
        case.addCleanup(self.close)

    def resize(self, columns, rows):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.fd, text if isinstance(text, bytes) else text.encode())

    def read(self, seconds):
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return None
        try:
            part = os.read(self.fd, 65536)
        except OSError:
            return b""
        self.seen += part
        return part

    def expect(self, pattern, seconds=20, start=0):
        """Reads until the pattern appears after `start`; answers where its match ends."""
        deadline = time.monotonic() + seconds * PATIENCE
        compiled = re.compile(pattern.encode() if isinstance(pattern, str) else pattern, re.S)
        while True:
            found = compiled.search(self.seen, start)
            if found:
                return found.end()
            if time.monotonic() > deadline or self.read(0.2) == b"":
                found = compiled.search(self.seen, start)
                if found:
                    return found.end()
                self.case.fail(f"did not appear: {pattern}\n{self.seen[-3000:]!r}\n{self.case.logs()}")

    def wait(self, seconds=30):
        """Reads to the end; the exit code."""
        deadline = time.monotonic() + seconds * PATIENCE
        while self.status is None and time.monotonic() < deadline:
            self.read(0.1)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid == self.pid:
                self.status = os.waitstatus_to_exitcode(status)
        while self.status is not None and self.read(0.05):
            pass
        self.case.assertIsNotNone(self.status, f"did not end: {self.seen[-3000:]!r}\n{self.case.logs()}")
        return self.status

    def close(self):
        if self.status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
            self.status = -9
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
