"""A local user of the host against its service (uid 12346, and 12345 where it is their own): other people's tasks,
sessions, profiles, paths and sockets; tickets that are forged, stolen, used, old. Each first shows that the same
works where it is theirs."""
import json
import os
import signal
import socket
import struct
import subprocess
import time
import unittest

from carrel_case import make_company
from service_case import ANNA, BERT, OPEN_REQUEST, TASK_PROFILE_REQUEST, ServiceCase, as_user, decode, encode

# What a program of a user's does by itself, without `carrel`: asks for a ticket, turns it in.
TICKETS = """
import json, os, socket, sys
from service_case import *
import service_case as c
sockets = sys.argv[1]
def ask(task, **fields):
    kind, profile, _ = talk(sockets + "/broker.sock", c.TASK_PROFILE_REQUEST, encode({1: task}))
    if kind != c.TASK_PROFILE_REPLY:
        return None, kind, profile
    request = {1: profile[1][0], 2: profile[2][0], 3: open(sys.argv[2], "rb").read(), 4: ["/bin/echo", "ran"], 11: task}
    request.update(fields)
    kind, reply, _ = talk(sockets + "/broker.sock", c.OPEN_REQUEST, encode(request))
    # Of a workspace at which a session of theirs runs there is no ticket: they attach.
    return (reply.get(1, [None])[0] if kind == c.OPEN_REPLY else None), kind, reply
def turn_in(ticket, fds=None, wait=30, **fields):
    ours, theirs = socket.socketpair()
    message = encode({1: ticket, 2: 80, 3: 24, 4: "xterm", **fields})
    answer = talk(sockets + "/launcher.sock", c.LAUNCH_REQUEST, message, [*(fds or []), theirs.fileno()], wait)
    if answer is None:
        return "closed"
    kind, body, _ = answer
    if kind == c.STARTED:
        return "started"
    return str(body.get(2, [0])[0]) + " " + body[4][0].decode()
"""


class Service(ServiceCase):
    def setUp(self):
        super().setUp()
        self.grant("anna", ANNA)
        self.grant("bert", BERT)

    def refused(self, uid, *words, code=2):
        done = self.run_as(uid, *words, code=code)
        self.assertEqual(done.stdout, b"")
        return done.stderr.decode()

    # ---- tasks and sessions of others ---------------------------------------------------------

    def test_no_task_of_another(self):
        self.assertEqual(self.run_as(ANNA, "open", "anna", "--", "/bin/echo", "mine").stdout, b"mine\n")
        self.assertEqual(self.run_as(BERT, "open", "bert", "--", "/bin/echo", "mine").stdout, b"mine\n")
        there = self.refused(BERT, "open", "anna", "--", "/bin/true", code=121)
        absent = self.refused(BERT, "open", "nobodys", "--", "/bin/true", code=121)
        self.assertEqual(there.replace("anna", "X"), absent.replace("nobodys", "X"))  # not even that it is there
        self.assertIn("no task local/anna", there)
        self.assertEqual([task["task"] for task in json.loads(self.run_as(BERT, "task", "list", "--json").stdout)], ["local/bert"])
        self.refused(BERT, "task", "show", "anna")
        self.refused(BERT, "task", "end", "anna", "--reason", "x")
        self.refused(BERT, "task", "end", "bert", "--reason", "x")  # given to them, and still not theirs to end
        self.profile.chmod(0o644)
        self.company.chmod(0o755)
        self.refused(BERT, "task", "create", "own", "--profile", str(self.profile), "--person", str(BERT))
        self.assertEqual({task["task"]: task["state"] for task in json.loads(self.carrel("task", "list", "--json").stdout)},
                         {"local/anna": "open", "local/bert": "open"})

    def test_no_session_of_another(self):
        process = self.start_as(ANNA, "open", "anna", "--", "/bin/sh", "-c", "echo there; exec sleep 100")
        self.assertEqual(process.stdout.readline(), b"there\n")
        session = self.last_session()
        for words in (["show"], ["events"], ["replay", "--text"], ["diff"], ["verify"]):
            with self.subTest(words=words):
                code = 5 if words == ["verify"] else 0
                self.run_as(ANNA, words[0], session, *words[1:], code=code)
                self.assertIn("no session", self.refused(BERT, words[0], session, *words[1:]))
                self.assertIn("no session", self.refused(BERT, words[0], "last", *words[1:]))
        self.assertEqual(self.run_as(ANNA, "attach", session, "--", "/bin/echo", "mine").stdout, b"mine\n")
        self.assertIn("no session", self.refused(BERT, "attach", session, "--", "/bin/true", code=121))
        self.assertIn("another person's session", self.refused(0, "attach", session, "--", "/bin/true", code=121))
        for verb in ("close", "pause", "resume"):
            self.assertIn("no session", self.refused(BERT, verb, session, "--reason", "x"))
        self.assertIn("no session", self.refused(BERT, "status", session))
        for words in (["sessions", "--json"], ["list", "--json"], ["status", "--json"]):
            self.assertNotIn(session.encode(), self.run_as(BERT, *words).stdout)
            self.assertIn(session.encode(), self.run_as(ANNA, *words).stdout)
        self.assertIsNone(process.poll())
        self.run_as(ANNA, "close", session, "--reason", "done", "--now")

    def test_a_record_leads_to_no_other_record(self):
        """The descriptor that a user gets of their own record, and `..` from there."""
        self.run_as(BERT, "open", "bert", "--", "/bin/true")
        self.run_as(ANNA, "open", "anna", "--", "/bin/true")
        ours, theirs = [next(row["session"] for row in self.sessions() if row["person"] == f"local:{uid}") for uid in (BERT, ANNA)]
        out = self.python_as(BERT, TICKETS + """
kind, body, fds = talk(sockets + "/broker.sock", c.RECORD_REQUEST, encode({1: sys.argv[3], 2: "show"}))
assert kind == c.RECORD_REPLY and len(fds) == 1, kind
print(sorted(os.listdir(fds[0])))
for path in ("seals.notes", f"../{sys.argv[4]}", f"../{sys.argv[4]}/seals.notes", "..", "../..", "../../keys", "../../catalogue.sqlite", "../../vault", "../../workspaces"):
    try:
        os.close(os.open(path, os.O_RDONLY, dir_fd=fds[0]))
        print(path, "opened")
    except OSError as why:
        print(path, why.errno)
for path in ("seals.notes", "new"):
    try:
        os.open(path, os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=fds[0])
        print(path, "written")
    except OSError as why:
        print(path, why.errno)
print(talk(sockets + "/broker.sock", c.RECORD_REQUEST, encode({1: sys.argv[4], 2: "show"}))[0])
""", self.sockets, "/dev/null", ours, theirs)
        lines = out.splitlines()
        self.assertIn("seals.notes", lines[0])
        self.assertEqual(lines[1], "seals.notes opened")  # positive control
        self.assertEqual([line for line in lines[2:10] if not line.endswith(" 13")], [])
        self.assertEqual(lines[10:], ["seals.notes 13", "new 13", "1"])

    # ---- paths --------------------------------------------------------------------------------

    def test_no_profile_and_no_repository_of_ones_own_choice(self):
        """Not by a profile, not by another path in the request, not by a descriptor."""
        self.run_as(BERT, "open", "bert", "--", "/bin/true")
        mine = self.folder / "mine"
        mine.mkdir(mode=0o755)
        os.chown(mine, BERT, BERT)
        (mine / "fix.toml").write_text(self.profile.read_text())
        (mine / "company").symlink_to(self.company)
        self.assertIn("no profile of your own", self.refused(BERT, "open", "--profile", str(mine / "fix.toml"), "--", "/bin/true", code=121))
        make_company(mine / "own", {"docs/x": b"mine\n", "package.json": b"{}", "web/src/main.c": b"own\n"})
        (mine / "fix.toml").write_text(self.profile.read_text().replace('"company"', '"own"'))
        self.assertIn("no profile of your own", self.refused(BERT, "open", "--profile", str(mine / "fix.toml"), "--", "/bin/true", code=121))

    def test_no_state_folder_no_keys_no_private_socket(self):
        self.run_as(ANNA, "open", "anna", "--", "/bin/true")
        names = ("", "run", "run/launcher.lock", "run/startup.lock", "run/launcher.log", "run/broker.log", "run/broker.sock",
                 "keys", *(f"keys/{key.name}" for key in (self.state / "keys").iterdir()), "vault", "vault/workspaces.keys", "secrets", "catalogue.sqlite",
                 "sessions", "workspaces", "slices", "pool", "trust.policy", "tmp")
        there = [name for name in names if (self.state / name).exists()]
        self.assertGreater(len(there), 15)  # positive control: for root they are there
        for uid in (ANNA, BERT):
            out = self.python_as(uid, """
import os, socket, sys
for path in sys.argv[1:]:
    for act in (lambda: os.open(path, os.O_RDONLY), lambda: os.open(path, os.O_WRONLY), lambda: os.listdir(path),
                lambda: socket.socket(socket.AF_UNIX).connect(path), lambda: os.rename(path, path + "x"), lambda: os.unlink(path)):
        try:
            act()
            print(path, "done")
        except OSError as why:
            print(why.errno)
""", *[self.state / name for name in there if name])
            self.assertEqual(set(out.split()), {"13"}, out)
            for name in ("broker.sock", "launcher.sock", "trust.policy", "new"):
                done = subprocess.run(["/bin/sh", "-c", f"rm -f {self.sockets}/{name} || ln -s /tmp {self.sockets}/{name}"], capture_output=True, **as_user(uid))
                if (self.sockets / name).exists():
                    self.assertNotEqual(done.returncode, 0, name)
                self.assertFalse((self.sockets / name).is_symlink())
        self.assertEqual(self.run_as(ANNA, "open", "anna", "--", "/bin/echo", "still").stdout, b"still\n")

    def test_no_descriptor_and_no_process_of_the_services(self):
        broker, launcher = self.broker_pid(), self.service_pid()
        out = self.python_as(BERT, """
import os, signal, sys
for pid in map(int, sys.argv[1:]):
    for act in (lambda: os.listdir(f"/proc/{pid}/fd"), lambda: open(f"/proc/{pid}/environ").read(), lambda: os.kill(pid, signal.SIGTERM),
                lambda: open(f"/proc/{pid}/mem", "rb"), lambda: os.listdir(f"/proc/{pid}/cwd/")):
        try:
            act()
            print("done")
        except OSError as why:
            print(why.errno)
""", broker, launcher)
        self.assertLessEqual(set(out.split()), {"1", "13"}, out)
        self.run_as(BERT, "open", "bert", "--", "/bin/true")

    def test_nothing_of_a_session_from_outside(self):
        """Its processes (the payload, init, the recorder), by whose owner they are too: their uids are of the session."""
        process = self.start_as(ANNA, "open", "anna", "--", "/bin/sh", "-c", "echo there; exec sleep 100")
        self.assertEqual(process.stdout.readline(), b"there\n")
        session = self.last_session()
        group = self.cgroup() / session
        inside = (group / "cgroup.procs").read_text().split()
        pids = inside + list(map(str, self.processes("carrel-session")))
        self.assertGreaterEqual(len(pids), 3)
        files = [str(group / name) for name in ("cgroup.kill", "cgroup.freeze", "cgroup.procs") if (group / name).exists()]
        for pid in inside:  # positive control
            os.listdir(f"/proc/{pid}/root/run/carrel/credentials")
        for uid in (BERT, ANNA):
            out = self.python_as(uid, """
import ctypes, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
def trace(pid):
    if libc.ptrace(16, pid, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "")
for word in sys.argv[1:]:
    if word.startswith("/"):
        acts = [lambda: open(word, "w")]
    else:
        pid = int(word)
        acts = [lambda: os.listdir(f"/proc/{pid}/root/"), lambda: os.listdir(f"/proc/{pid}/cwd/"), lambda: open(f"/proc/{pid}/environ").read(),
                lambda: open(f"/proc/{pid}/mem", "rb"), lambda: os.listdir(f"/proc/{pid}/fd"), lambda: os.kill(pid, signal.SIGKILL),
                lambda: trace(pid), lambda: os.listdir(f"/proc/{pid}/root/run/carrel/credentials"), lambda: open(f"/proc/{pid}/ns/mnt")]
    for act in acts:
        try:
            act()
            print(word, "done")
        except OSError as why:
            print(why.errno)
""", *pids, *files)
            self.assertEqual(set(out.split()) - {"1", "13"}, set(), out)
        self.assertIsNone(process.poll())
        self.run_as(ANNA, "close", session, "--reason", "done", "--now")

    def test_what_is_the_launchers_to_say_nobody_else_says(self):
        """Messages of the private channel, sent to the sockets that everybody reaches."""
        out = self.python_as(BERT, TICKETS + """
for kind in (c.CONFIRM_TICKET, c.SESSION_START, c.DUE_REQUEST, 74, 76, 78, 90, 97, 9999):
    for name in ("/broker.sock", "/launcher.sock"):
        answer = talk(sockets + name, kind, encode({1: "x"}))
        print(kind, name, "closed" if answer is None else answer[0])
kind, body, _ = talk(sockets + "/launcher.sock", c.END_WORKSPACE_REQUEST, encode({1: b"x" * 300}))
print(kind, body.get(1), body[2][0].decode())
""", self.sockets, "/dev/null")
        lines = out.splitlines()
        self.assertEqual({line.rsplit(" ", 1)[1] for line in lines[:-1]}, {"1", "32"}, out)  # Failure, Ended
        self.assertRegex(lines[-1], r"^34 None the ticket was not signed")
        self.run_as(BERT, "open", "bert", "--", "/bin/true")

    def test_a_task_whose_repository_was_exchanged_for_a_link_does_not_open(self):
        """Where a contractor may write beside their repository they could lead root elsewhere."""
        home = self.folder / "home"
        home.mkdir(mode=0o755)
        os.chown(home, BERT, BERT)
        repository = make_company(home / "theirs", {"docs/x": b"theirs\n", "package.json": b"{}", "web/src/main.c": b"x\n"})
        subprocess.run(["chown", "-R", f"{BERT}:{BERT}", str(repository)], check=True)
        self.profile.write_text(self.profile.read_text().replace('"company"', f'"{repository}"'))
        self.grant("exchanged", BERT)
        self.assertEqual(self.run_as(BERT, "open", "exchanged", "--", "/bin/cat", "docs/x").stdout, b"theirs\n")  # positive control
        repository.rename(home / "aside")
        repository.symlink_to(self.company)
        self.assertIn("is a symbolic link: a service follows none", self.refused(BERT, "open", "exchanged", "--", "/bin/true", code=121))
        # A folder above, exchanged for a link to one with the same name in it.
        repository.unlink()
        (self.folder / "secret").mkdir()
        self.company.rename(self.folder / "secret/theirs")
        home.rename(self.folder / "home.old")
        home.symlink_to(self.folder / "secret")
        self.assertIn("is a symbolic link", self.refused(BERT, "open", "exchanged", "--", "/bin/true", code=121))
        # Below a folder that another user can change, a repository of root's is nobody's to vouch for.
        home.unlink()
        home.mkdir(mode=0o755)
        os.chown(home, BERT, BERT)
        (self.folder / "secret/theirs").rename(repository)
        self.assertIn(f"belongs to uid {BERT}, who could put another folder there", self.refused(BERT, "open", "exchanged", "--", "/bin/true", code=121))
        os.chown(home, 0, 0)
        home.chmod(0o777)
        self.assertIn("is writable by its group or by all", self.refused(BERT, "open", "exchanged", "--", "/bin/true", code=121))

    # ---- tickets ------------------------------------------------------------------------------

    def tickets(self, uid, script, *words):
        return self.python_as(uid, TICKETS + script, self.sockets, self.spied_canonical(), *words)

    def spied_canonical(self):
        """What `carrel` says the profile means: read off its own request, by a socket in the broker's place."""
        path = self.folder / "canonical"
        if path.exists():
            return path
        folder = self.folder / "spy"
        folder.mkdir(mode=0o755)
        (folder / "launcher.sock").symlink_to(self.sockets / "launcher.sock")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / "broker.sock"))
            listener.listen()
            listener.settimeout(20)
            environment = {**self.user_environment(), "CARREL_SERVICE": str(folder)}
            process = subprocess.Popen([str(self.programs / "bin/carrel"), "open", "bert", "--", "/bin/true"], env=environment,
                                       stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while not path.exists():
                peer, _ = listener.accept()
                with peer:
                    data = b""
                    while len(data) < 8 or len(data) < 8 + struct.unpack("<I", data[:4])[0]:
                        part = peer.recv(1 << 16)
                        if not part:
                            break
                        data += part
                    if len(data) < 8:
                        continue
                    kind = struct.unpack("<IHH", data[:8])[1]
                    if kind == OPEN_REQUEST:
                        path.write_bytes(decode(data[8:])[3][0])
                    elif kind == TASK_PROFILE_REQUEST:
                        profile = {1: self.profile.read_bytes(), 2: str(self.profile), 3: "0" * 64, 5: "local/bert", 70: 1}
                        body = encode(profile)
                        peer.sendall(struct.pack("<IHH", len(body), 137, 0) + body)
                        peer.settimeout(5)
            process.kill()  # it would ask again
            process.wait(timeout=20)
        path.chmod(0o644)
        return path

    def test_a_ticket_is_turned_in_once_by_whom_it_was_given_to(self):
        out = self.tickets(BERT, """
ticket, kind, reply = ask("bert")
print(len(ticket) > 200, turn_in(ticket))
print(turn_in(ticket))
print(ask("anna")[1])
""").splitlines()
        self.assertEqual(out[0], "True started")  # positive control
        self.assertRegex(out[1], r"^121 the ticket was turned in before, or is too old: ask again")
        self.assertEqual(out[2], "1")

    def test_a_ticket_that_was_tampered_with_is_none(self):
        """Every field has its bytes flipped; the good one still works after all these."""
        out = self.tickets(BERT, """
ticket, kind, reply = ask("bert")
said = set()
for at in [*range(0, len(ticket) - 64), len(ticket) - 64, len(ticket) - 1]:
    said.add(turn_in(ticket[:at] + bytes([ticket[at] ^ 1]) + ticket[at + 1:]))
print(*said, sep="|")
print(turn_in(ticket[:-1])); print(turn_in(ticket + b"x")); print(turn_in(b"")); print(turn_in(ticket * 1000))
print(turn_in(os.urandom(32))); print(turn_in(os.urandom(len(ticket))))
print(turn_in(ticket))
""").splitlines()
        self.assertRegex(out[0], r"^121 the ticket was not signed by the broker that runs now[^|]*$")
        for line in (out[1], out[2], out[6]):
            self.assertRegex(line, r"^121 the ticket was not signed")
        self.assertEqual(out[3], "121 this is no ticket: it has 0 bytes")
        self.assertRegex(out[4], r"^121 this is no ticket: it has \d{6} bytes")
        self.assertEqual(out[5], "121 this is no ticket: it has 32 bytes")
        self.assertEqual(out[7], "started")

    def test_a_stolen_ticket_is_worth_nothing(self):
        ticket = self.tickets(ANNA, 'print(ask("anna")[0].hex())').strip()
        script = "print(turn_in(bytes.fromhex(sys.argv[3])))"
        self.assertEqual(self.tickets(BERT, script, ticket).strip(), "121 the ticket was given to another user")
        self.assertEqual(self.tickets(0, script, ticket).strip(), "121 the ticket was given to another user")
        self.assertEqual(self.tickets(ANNA, script, ticket).strip(), "started")  # and did no harm to whose it is

    def test_a_ticket_of_a_broker_that_is_gone_is_worth_nothing(self):
        used, kept, started = self.tickets(BERT, 'a, b = [ask("bert")[0] for _ in range(2)]; print(a.hex(), b.hex(), turn_in(a))').split()
        self.assertEqual(started, "started")
        self.wait_until(lambda: all(row["state"] != "running" for row in self.sessions()), 20, "the session ends")
        old = self.broker_pid()
        os.kill(old, signal.SIGKILL)
        self.wait_until(lambda: self.broker_pid() != old, 20, "another broker")
        for ticket in (used, kept):
            out = self.tickets(BERT, "print(turn_in(bytes.fromhex(sys.argv[3])))", ticket)
            self.assertRegex(out, r"^121 the ticket was not signed by the broker that runs now")
        self.assertEqual(self.tickets(BERT, 'print(turn_in(ask("bert")[0]))').strip(), "started")

    def test_a_ticket_ends_after_half_a_minute(self):
        ticket = self.tickets(BERT, 'print(ask("bert")[0].hex())').strip()
        time.sleep(31)
        out = self.tickets(BERT, "print(turn_in(bytes.fromhex(sys.argv[3])))", ticket).strip()
        self.assertEqual(out, "121 the ticket has ended: ask again")

    def test_a_ticket_of_another_kind_and_a_request_with_more_in_it(self):
        """Descriptors, terminals and words that no `carrel` sends."""
        out = self.tickets(BERT, """
fd = os.open("/", os.O_RDONLY)
print(turn_in(ask("bert")[0], [fd]))
print(turn_in(ask("bert")[0], [fd] * 200))
ticket = ask("bert")[0]
print(talk(sockets + "/launcher.sock", c.END_WORKSPACE_REQUEST, encode({1: ticket}))[1][2][0].decode())
print(turn_in(ticket))
""").splitlines()
        self.assertRegex(out[0], r"^121 this host's service opens the repositories of a task itself")
        self.assertEqual(out[0], out[1])
        self.assertEqual(out[2:], ["the ticket is for something else", "started"])
        out = self.tickets(BERT, """
import socket as s
def with_words(words):
    ours, theirs = s.socketpair()
    kind, body, _ = talk(sockets + "/launcher.sock", c.LAUNCH_REQUEST, encode({1: ask("bert")[0], **words}), [theirs.fileno()])
    return kind, body.get(4, [b""])[0].decode()
print(with_words({4: "x\\nPATH=/tmp"})); print(with_words({5: "C" * 65}))
for changed in ({2: "/etc/passwd"}, {1: b"profile = 1"}, {3: b"x"}, {11: ""}, {11: "local/anna"}, {7: b"agreed"}):
    kind, profile, _ = talk(sockets + "/broker.sock", c.TASK_PROFILE_REQUEST, encode({1: "bert"}))
    request = {1: profile[1][0], 2: profile[2][0], 3: open(sys.argv[2], "rb").read(), 4: ["/bin/true"], 11: "bert", **changed}
    kind, reply, _ = talk(sockets + "/broker.sock", c.OPEN_REQUEST, encode(request))
    print(kind, reply.get(2, [b""])[0].decode() if kind == 1 else turn_in(reply[1][0]))
""").splitlines()
        self.assertEqual(out[0], "(32, 'TERM or LANG of the caller is not a plain word of at most 64 letters')")
        self.assertEqual(out[1], out[0])
        self.assertEqual(out[2], "11 started")  # a path that nobody asked for is not looked at: the task has its own
        self.assertRegex(out[3], r"^1 task local/bert has a profile of its own")
        self.assertRegex(out[4], r"^1 .*not what its source says")
        self.assertRegex(out[5], r"^1 this host's service opens tasks")
        self.assertRegex(out[6], r"^1 no task local/anna is given to you")
        self.assertRegex(out[7], r"^1 task local/bert has an agreement of its own")

    def test_a_stream_of_another_make_harms_nobody_else(self):
        """What the session gets instead of a socket for its command's standard streams."""
        out = self.tickets(BERT, """
import select
r, w = os.pipe()
made = {"null": os.open("/dev/null", os.O_RDWR), "path": os.open("/", os.O_PATH), "pipe": r, "epoll": select.epoll().fileno(),
        "memory": os.memfd_create("x"), "listener": None}
listener = socket.socket(socket.AF_UNIX); listener.bind("\\0carrel-test-" + str(os.getpid())); listener.listen()
made["listener"] = listener.fileno()
for name, fd in made.items():
    ticket = ask("bert")[0]
    kind, body, _ = talk(sockets + "/launcher.sock", c.LAUNCH_REQUEST, encode({1: ticket}), [fd], 60)
    print(name, kind)
    for _ in range(300):  # the workspace is free again
        if ask("bert")[0] is not None:
            break
        import time; time.sleep(0.1)
    else:
        print("still busy")
""")
        self.assertEqual({line.split()[1] for line in out.splitlines()} - {"31", "32"}, set(), out)
        self.assertEqual(self.run_as(ANNA, "open", "anna", "--", "/bin/echo", "in").stdout, b"in\n")
        self.assertEqual(self.service_pid(), self.launcher_process.pid)

    # ---- keeping others out -------------------------------------------------------------------

    def test_nobody_keeps_others_out_by_connecting(self):
        self.run_as(ANNA, "open", "anna", "--", "/bin/true")  # positive control, and what is made once is made
        script = """
import socket, sys
held = []
for name in ("broker.sock", "launcher.sock"):
    for _ in range(100):
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect(sys.argv[1] + "/" + name)
            held.append(s)
        except OSError:
            break
print(len(held), flush=True)
input()
"""
        process = subprocess.Popen(["/usr/bin/python3", "-c", script, str(self.sockets)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **as_user(BERT))
        self.addCleanup(self.reap, process)
        self.assertGreater(int(process.stdout.readline()), 100)  # more than any one is given
        begin = time.monotonic()
        self.assertEqual(self.run_as(ANNA, "open", "anna", "--", "/bin/echo", "in").stdout, b"in\n")
        self.assertLess(time.monotonic() - begin, 8)

    def test_nobody_takes_all_tickets(self):
        out = self.tickets(BERT, 'got = [ask("bert")[1] for _ in range(60)]; print(got.count(c.OPEN_REPLY))')
        self.assertEqual(out.strip(), "32")
        self.assertEqual(self.run_as(ANNA, "open", "anna", "--", "/bin/echo", "in").stdout, b"in\n")


if __name__ == "__main__":
    unittest.main()
