"""A service of the host with users of its own: `carrel launcher` as root on folders of the test's, and uids that
no passwd file names as those who come to it. What they may is tried with their own rights."""
import array
import atexit
import os
import pathlib
import signal
import socket
import struct
import subprocess
import tempfile

from carrel_case import BUILD, PATIENCE, PROFILE, ROOTLESS, Case

ANNA, BERT = 12345, 12346  # two ordinary users


def as_user(uid):
    return {"user": uid, "group": uid, "extra_groups": []} if uid else {}


def programs():
    """Where both users can execute them: a checkout may lie below a folder that is closed to others."""
    if all(subprocess.run(["test", "-x", str(BUILD / "bin/carrel")], **as_user(uid)).returncode == 0 for uid in (ANNA, BERT)):
        return BUILD
    folder = pathlib.Path(tempfile.mkdtemp(prefix="carrel-programs-"))
    atexit.register(subprocess.run, ["rm", "-rf", str(folder)], check=False)
    folder.chmod(0o755)
    for name in ("bin", "libexec"):
        subprocess.run(["cp", "-a", "--reflink=auto", str(BUILD / name), str(folder / name)], check=True)
    return folder


# ---- the frames between Carrel's programs (broker/wire/protocol), as much of them as an attacker needs -------------

FAILURE, OPEN_REQUEST, OPEN_REPLY, LIST_REQUEST, LIST_REPLY, RECORD_REQUEST, RECORD_REPLY = 1, 10, 11, 12, 13, 14, 15
ORDER_REQUEST, LAUNCH_REQUEST, STARTED, ENDED, END_WORKSPACE_REQUEST, END_WORKSPACE_REPLY = 20, 30, 31, 32, 33, 34
CONFIRM_TICKET, SESSION_START, DUE_REQUEST = 71, 73, 79
TASK_PROFILE_REQUEST, TASK_PROFILE_REPLY = 136, 137
TOKEN_REQUEST, TOKEN_REPLY = 163, 164


def varint(number):
    out = b""
    while number > 0x7f:
        out += bytes([number & 0x7f | 0x80])
        number >>= 7
    return out + bytes([number])


def encode(fields):
    """A message of {number: bytes, text, whole number, or a list of those}."""
    out = b""
    for number, values in fields.items():
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, int):
                out += varint(number << 3) + varint(value)
            else:
                value = value.encode() if isinstance(value, str) else value
                out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


def decode(body):
    """{number: [values]} of a message without fixed-width fields."""
    fields, at = {}, 0

    def number():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = body[at]
            at += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(body):
        key = number()
        if key & 7 == 0:
            value = number()
        else:
            size = number()
            value, at = body[at:at + size], at + size
        fields.setdefault(key >> 3, []).append(value)
    return fields


def talk(path, frame_type, body, fds=(), timeout=20):
    """One frame to a socket, and the first that comes back: (type, fields, descriptors); None where it is closed."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(timeout * PATIENCE)
        s.connect(str(path))
        frame = struct.pack("<IHH", len(body), frame_type, len(fds)) + body
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        s.sendmsg([frame[:1]], rights)
        s.sendall(frame[1:])
        data, got = b"", []
        while len(data) < 8 or len(data) < 8 + struct.unpack("<I", data[:4])[0]:
            part, control, _, _ = s.recvmsg(1 << 16, socket.CMSG_SPACE(64))
            for level, kind, words in control:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    got += array.array("i", words[:len(words) // 4 * 4]).tolist()
            if not part:
                return None
            data += part
        size, kind, _ = struct.unpack("<IHH", data[:8])
        return kind, decode(data[8:8 + size]), got


class ServiceCase(Case):
    def setUp(self):
        if ROOTLESS:
            print("SKIP guarantee=recorder-separate: an ordinary user's launcher serves nobody else")
            self.skipTest("an ordinary user's launcher serves nobody else")
        super().setUp()
        self.programs = programs()
        self.folder.chmod(0o755)
        self.company.chmod(0o700)  # no user of the host can read it
        self.sockets = self.folder / "sockets"
        self.start_service()

    def start_service(self, wrapper=(), expect_ready=True):
        manager = self.folder / "manager"
        if manager.exists():
            manager.unlink()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.bind(str(manager))
            told.settimeout(30 * PATIENCE)
            process = subprocess.Popen(
                [*wrapper, str(self.programs / "bin/carrel"), "launcher", "--state", str(self.state), "--sockets", str(self.sockets)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, "NOTIFY_SOCKET": str(manager)})
            self.addCleanup(process.stderr.close)
            self.launcher_process = process
            if expect_ready:
                try:
                    self.said = told.recv(4096).decode()
                except TimeoutError:
                    process.kill()
                    self.fail(f"not ready: {process.stderr.read()!r}\n{self.logs()}")
        return process

    def stop(self):
        process = getattr(self, "launcher_process", None)
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60 * PATIENCE)
        super().stop()

    # ---- people -------------------------------------------------------------------------------

    def user_environment(self):
        return {"PATH": os.environ["PATH"], "CARREL_SERVICE": str(self.sockets), "TERM": "xterm", "LANG": "C.UTF-8", "HOME": "/"}

    def run_as(self, uid, *words, code=0, timeout=90, stdin=b"", env=None, **options):
        """`carrel` as this user."""
        done = subprocess.run([str(self.programs / "bin/carrel"), *words], input=stdin, capture_output=True, timeout=timeout * PATIENCE, cwd="/",
                              env=env or self.user_environment(), **as_user(uid), **options)
        if code is not None:
            self.assertEqual(done.returncode, code, f"carrel {words} as {uid}\n{done.stdout[-3000:]!r}\n{done.stderr[-3000:]!r}\n{self.logs()}")
        return done

    def start_as(self, uid, *words):
        process = subprocess.Popen([str(self.programs / "bin/carrel"), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, cwd="/", env=self.user_environment(), **as_user(uid))
        self.addCleanup(self.reap, process)
        return process

    def reap(self, process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def carrel(self, *words, code=0, **options):
        """The admin."""
        return self.run_as(0, *words, code=code, **options)

    def grant(self, name, *uids, profile=None, code=0, options=()):
        people = [word for uid in uids for word in ("--person", f"local:{uid}")]
        return self.carrel("task", "create", name, "--profile", str(profile or self.profile), *people, *options, code=code)

    def last_session(self):
        return self.sessions()[0]["session"]

    def python_as(self, uid, script, *words):
        """What a program of this user's finds; it has this file's frames."""
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(self.helpers()), "CARREL_BINARY_DIR": str(BUILD), "CARREL_SOURCE_DIR": "/"}
        done = subprocess.run(["/usr/bin/python3", "-c", script, *map(str, words)], capture_output=True, timeout=90 * PATIENCE, cwd="/",
                              env=environment, **as_user(uid))
        self.assertEqual(done.returncode, 0, done.stderr.decode()[-3000:] + self.logs())
        return done.stdout.decode()

    def helpers(self):
        """These modules where everybody can read them."""
        folder = self.folder / "python"
        if not folder.exists():
            folder.mkdir(mode=0o755)
            here = pathlib.Path(__file__).resolve().parent
            for name in ("carrel_case.py", "service_case.py"):
                (folder / name).write_bytes((here / name).read_bytes())
        return folder


__all__ = ["ANNA", "BERT", "PROFILE", "ServiceCase", "as_user", "decode", "encode", "talk"]
