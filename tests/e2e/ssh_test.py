"""The workspace by ssh, with the tools that people have: shells, commands, files both ways, ports. What the
server is kept from, what is recorded of it, and how it ends."""
import base64
import json
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import time
import unittest

from carrel_case import CARREL, PATIENCE, PROFILE, ROOTLESS, Case, Terminal, UID, alive, also_with_groups, needs_groups

FORWARDS = "[[forward]]\nport = 3000\n"
SFTP_SERVER = "/usr/lib/openssh/sftp-server"
# Listens at a port, answers one line for each that comes.
SERVE = """import socket, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(); print("listens", flush=True)
while True:
    c, _ = s.accept(); c.sendall(b"from inside\\n"); c.close()
"""


def login_records():
    """Size and time of what the host keeps of logins."""
    found = {}
    for name in ("wtmp", "btmp", "lastlog"):
        path = pathlib.Path("/var/log") / name
        if path.exists():
            what = path.stat()
            found[name] = (what.st_size, what.st_mtime_ns)
    return found


class SshCase(Case):
    """A session that runs, and ssh with the configuration that `carrel ssh-config` gives."""

    def setUp(self):
        super().setUp()
        self.profile.write_text(PROFILE + FORWARDS)
        self.config = self.folder / "ssh_config"
        # ssh wants its user to have an entry, and an ordinary user of these tests has none.
        self.passwd = self.folder / "passwd"
        self.passwd.write_text(f"root:x:0:0::/root:/bin/sh\nsomebody:x:{UID}:{UID}::{self.folder}:/bin/sh\n")

    def environment(self):
        return {**super().environment(), "XDG_STATE_HOME": str(self.folder / "own")}

    def running(self, script="echo there; cat", options=()):
        process = self.popen(CARREL, "open", "--profile", str(self.profile), *options, "--", "/bin/bash", "-c", script,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.reap, process)
        self.assertEqual(process.stdout.readline(), b"there\n", self.logs())
        self.config.write_bytes(self.carrel("ssh-config", "fix").stdout)
        return process

    def reap(self, process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def finish(self, process, goes_on=False):
        """Ends the first command, and waits for the session unless it is to go on."""
        out, err = process.communicate(b"", timeout=40)
        if not goes_on:
            # A server outlives its client by milliseconds.
            self.wait_until(lambda: self.sessions()[0]["state"] != "running", 20, "the session has ended")
        return process.returncode, out, err.decode()

    def words(self, program, *words):
        words = [program, "-F", str(self.config), *words]
        if not ROOTLESS:
            return words
        script = ('mount --bind "$0" /etc/passwd && '
                  f'exec setpriv --reuid={UID} --regid={UID} --clear-groups --no-new-privs "$@"')
        return ["unshare", "-m", "sh", "-c", script, str(self.passwd), *words]

    def ssh(self, *words, program="ssh", code=0, stdin=b"", timeout=40):
        done = subprocess.run(self.words(program, *words), input=stdin, capture_output=True, timeout=timeout,
                              env=self.environment())
        if code is not None:
            self.assertEqual(done.returncode, code, f"{words}\n{done.stdout[-2000:]!r}\n{done.stderr[-2000:]!r}\n{self.logs()}")
        return done

    def start_ssh(self, *words, **streams):
        process = subprocess.Popen(self.words("ssh", *words), env=self.environment(),
                                   **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams})
        self.addCleanup(self.reap, process)
        return process

    def started(self, script, *options):
        """A command by ssh, once it has said that it is there."""
        process = self.start_ssh(*options, "carrel-fix", script)
        self.assertEqual(process.stdout.readline(), b"here\n", self.logs())
        return process

    def serve(self, port):
        process = self.start_ssh("carrel-fix", f"exec /usr/bin/python3 -c '{SERVE}' {port}")
        self.assertEqual(process.stdout.readline(), b"listens\n", self.logs())
        return process

    def terminals(self):
        return [(event["type"], event["channel"], event["data"]) for event in self.events("last", "--kind", "terminal")
                if event["type"] in ("terminal.opened", "terminal.ended") and event["channel"] is not None]

    def forwards(self):
        return [(event["channel"], event["verdict"], event["data"]["address"], event["data"]["port"], event["rule"]["id"], event["process"])
                for event in self.events("last", "--kind", "net") if event["type"] == "net.forward"]


class Ssh(SshCase):
    def test_a_command_has_its_streams_its_status_and_a_record_of_its_own(self):
        before = login_records()
        process = self.running()
        done = self.ssh("carrel-fix", "id -un; pwd; cat; echo bad >&2; exit 5", stdin=b"piped\n", code=5)
        self.assertEqual(done.stdout, b"contractor\n/workspaces/app\npiped\n")
        self.assertTrue(done.stderr.startswith(b"carrel: this session is recorded as evidence"), done.stderr)
        self.assertTrue(done.stderr.endswith(b"\nbad\n"), done.stderr)
        self.assertEqual(self.finish(process)[0], 0)
        self.assertEqual(
            self.terminals(),
            [("terminal.opened", "2", {"command": "", "how": "ssh"}),
             ("terminal.opened", "2.1", {"command": "/bin/bash -c id -un; pwd; cat; echo bad >&2; exit 5", "how": "pipes"}),
             ("terminal.ended", "2.1", {"by": "command", "code": 5}),
             ("terminal.ended", "2", {"by": "person", "code": 0})])
        events = self.events()
        said = [base64.b64decode(event["data"]["bytes_b64"]) for event in events
                if event["type"] == "terminal.output" and event["channel"] == "2.1"]
        self.assertEqual(b"".join(said), done.stdout + b"bad\n")
        execs = {(event["channel"], event["data"]["path"]) for event in events if event["type"] == "process.exec"}
        self.assertIn(("2.1", "/usr/bin/id"), execs)
        # Of the server itself nothing is the contractor's.
        self.assertFalse([path for _, path in execs if "sshd" in path or "carrel-channel" in path])
        self.assertEqual(self.verify()["exit"], 0)
        self.assertEqual(login_records(), before)

    def test_a_shell_on_a_terminal(self):
        before = login_records()
        process = self.running()
        terminal = Terminal(self, ["/usr/bin/env", *self.words("ssh", "-t", "carrel-fix")], 91, 33, as_user=False)
        terminal.expect(r"\$ ")
        terminal.type("stty size; tty; echo $TERM; echo $0\n")
        terminal.expect("33 91\r\n/dev/pts/[0-9]\r\nxterm-256color\r\n/bin/bash\r\n")
        terminal.resize(70, 20)
        os.kill(terminal.pid, signal.SIGWINCH)
        terminal.type("sleep 0.3; stty size\n")
        terminal.expect("20 70\r\n")
        terminal.type("sleep 100\n")
        time.sleep(0.5)
        terminal.type(b"\x03")
        terminal.type("echo after $?\n")
        terminal.expect("after 130\r\n")
        terminal.type("exit 4\n")
        self.assertEqual(terminal.wait(), 4)
        self.assertEqual(self.finish(process)[0], 0)
        self.assertIn(b"20 70\n", self.carrel("replay", "last", "--text", "--terminal", "2.1").stdout)
        self.assertEqual(login_records(), before)

    def test_files_go_both_ways_by_sftp_and_scp(self):
        process = self.running()
        content = os.urandom(300_000)
        (self.folder / "up").write_bytes(content)
        os.chmod(self.folder / "up", 0o644)
        for number, options in enumerate([[], ["-O"]]):
            self.ssh("-q", *options, str(self.folder / "up"), f"carrel-fix:/workspaces/app/web/src/up{number}", program="scp")
            self.ssh("-q", *options, f"carrel-fix:/workspaces/app/web/src/up{number}", str(self.folder / f"down{number}"), program="scp")
            self.assertEqual((self.folder / f"down{number}").read_bytes(), content)
        batch = (f"put {self.folder}/up /workspaces/app/web/src/put\nget /workspaces/app/docs/guide.md {self.folder}/guide\n"
                 f"-put {self.folder}/up /workspaces/app/docs/new\n"
                 "-get /etc/shadow /dev/null\nls /workspaces\n")
        done = self.ssh("-b", "-", "carrel-fix", program="sftp", stdin=batch.encode())
        self.assertIn(b"/workspaces/app", done.stdout)
        self.assertEqual((self.folder / "guide").read_bytes(), b"how to\n")
        self.assertIn(b"/workspaces/app/docs/new", done.stderr)
        self.assertEqual(self.finish(process)[0], 0)
        changed = sorted(event["data"]["path"] for event in self.events() if event["type"] == "file.changed")
        self.assertEqual(changed, [f"/workspaces/app/web/src/{name}" for name in ("put", "up0", "up1")])
        commands = [data["command"] for kind, _, data in self.terminals() if kind == "terminal.opened" and data["how"] == "pipes"]
        self.assertEqual(commands, [SFTP_SERVER, SFTP_SERVER, "/bin/bash -c scp -t /workspaces/app/web/src/up1",
                                    "/bin/bash -c scp -f /workspaces/app/web/src/up1", SFTP_SERVER])
        last = [channel for kind, channel, data in self.terminals() if kind == "terminal.opened" and data["how"] == "pipes"][-1]
        seen = {(event["data"]["path"], event["verdict"]) for event in self.events()
                if event["type"] == "file.open" and event["channel"] == last}
        self.assertLess({("/workspaces/app/web/src/put", "allowed"), ("/workspaces/app/docs/guide.md", "allowed"),
                         ("/workspaces/app/docs/new", "denied")}, seen)

    def test_an_editor_starts_its_server_by_a_script_on_stdin(self):
        process = self.running()
        done = self.ssh("-T", "-D", str(self.free_port()), "carrel-fix", "bash",
                        stdin=b"echo one; mkdir -p ~/.editor && echo kept > ~/.editor/server; exit 6\n", code=6)
        self.assertEqual(done.stdout, b"one\n")
        self.assertEqual(self.ssh("carrel-fix", "cat ~/.editor/server").stdout, b"kept\n")
        self.finish(process)

    def test_one_connection_carries_several(self):
        process = self.running()
        control = self.folder / "own/control"
        master = self.started("echo here; cat", "-o", "ControlMaster=yes", "-o", f"ControlPath={control}")
        for word in (b"one", b"two"):
            self.assertEqual(self.ssh("-o", f"ControlPath={control}", "carrel-fix", f"echo {word.decode()}").stdout, word + b"\n")
        status = json.loads(self.carrel("status", "--json").stdout)
        self.assertEqual((status["attached"], status["ssh"], status["held"]), (1, 1, None))
        self.assertIn(b"1 besides the first, ssh connections 1\n", self.carrel("status").stdout)
        self.assertEqual(master.communicate(b"", timeout=20)[0], b"")
        self.finish(process)
        self.assertEqual([channel for kind, channel, _ in self.terminals() if kind == "terminal.opened"], ["2", "2.1", "2.2", "2.3"])

    # ---- ports ----------------------------------------------------------------------------------

    def free_port(self):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            return listener.getsockname()[1]

    def through(self, port):
        """What somebody at that port says; nothing where nobody does."""
        deadline = time.monotonic() + 10 * PATIENCE
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                    return connection.recv(100)
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            except ConnectionResetError:
                return b""

    def test_the_ports_of_the_profile_are_reached_and_no_others(self):
        process = self.running()
        servers = [self.serve(3000), self.serve(3001)]
        wanted = ["127.0.0.1:3000", "localhost:3000", "127.0.0.1:3001", "192.0.2.1:3000", "example.org:80", "/run/carrel/channel"]
        ports = [self.free_port() for _ in wanted]
        options = [word for port, where in zip(ports, wanted) for word in ("-L", f"127.0.0.1:{port}:{where}" if where[0] != "/" else f"127.0.0.1:{port}:{where}")]
        forwarding = self.start_ssh("-N", *options, "carrel-fix")
        self.assertEqual([self.through(port) for port in ports], [b"from inside\n"] * 2 + [b""] * 4)
        forwarding.kill()
        for server in servers:
            server.kill()
        self.wait_until(lambda: len(self.terminals()) == 10, what="every end is recorded")
        self.finish(process)
        self.assertEqual(sorted(self.forwards(), key=str),
                         [("4", "allowed", "127.0.0.1", 3000, "forward.3000", None),
                          ("4", "allowed", "127.0.0.1", 3000, "forward.3000", None),
                          ("4", "denied", "127.0.0.1", 3001, "default:forward", None),
                          ("4", "denied", "192.0.2.1", 3000, "default:forward", None),
                          ("4", "denied", "example.org", 80, "default:forward", None)])
        self.assertEqual(self.verify()["exit"], 0)

    def test_a_port_where_nobody_listens_is_an_event_too(self):
        process = self.running()
        port = self.free_port()
        forwarding = self.start_ssh("-N", "-L", f"127.0.0.1:{port}:127.0.0.1:3000", "carrel-fix")
        self.assertEqual(self.through(port), b"")
        forwarding.kill()
        self.finish(process)
        self.assertEqual([event[:5] for event in self.forwards()], [("2", "allowed", "127.0.0.1", 3000, "forward.3000")])

    def test_nothing_is_forwarded_the_other_way_and_no_agent(self):
        process = self.running()
        done = self.ssh("-R", f"{self.free_port()}:127.0.0.1:22", "carrel-fix", "echo $SSH_AUTH_SOCK; env | grep -c ^SSH_ || true")
        self.assertEqual(done.stdout, b"\n0\n")
        self.assertIn(b"remote port forwarding failed", done.stderr)
        done = self.ssh("-o", "ExitOnForwardFailure=yes", "-R", f"{self.folder}/back:127.0.0.1:22", "carrel-fix", "true", code=255)
        self.finish(process)

    def test_without_a_forward_table_there_is_no_way(self):
        self.profile.write_text(PROFILE)
        process = self.running()
        server = self.serve(3000)
        port = self.free_port()
        forwarding = self.start_ssh("-N", "-L", f"127.0.0.1:{port}:127.0.0.1:3000", "carrel-fix")
        self.assertEqual(self.through(port), b"")
        server.kill()
        forwarding.kill()
        self.finish(process)
        self.assertEqual([event[1:5] for event in self.forwards()], [("denied", "127.0.0.1", 3000, "default:forward")])

    # ---- who comes in ---------------------------------------------------------------------------

    def test_a_certificate_of_an_earlier_session_is_worth_nothing(self):
        process = self.running()
        self.ssh("carrel-fix", "true")
        self.assertEqual(self.finish(process)[0], 0)
        process = self.running()
        text = self.config.read_text()
        self.config.write_text("".join(line for line in re.sub(r"^Match .*\n.*\n", "", text, flags=re.M).splitlines(True)
                                       if "KnownHosts" not in line and "StrictHost" not in line))
        done = self.ssh("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "carrel-fix", "true", code=255)
        self.assertIn(b"Permission denied (publickey)", done.stderr)
        # Nor is the key itself without one.
        for name in (self.folder / "own/carrel-ssh/carrel-fix").glob("*-cert.pub"):
            name.unlink()
        done = self.ssh("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "carrel-fix", "true", code=255)
        self.assertIn(b"Permission denied (publickey)", done.stderr)
        self.finish(process)
        self.assertEqual([(kind, channel, data.get("by")) for kind, channel, data in self.terminals()],
                         [("terminal.opened", "2", None), ("terminal.ended", "2", "setup"),
                          ("terminal.opened", "3", None), ("terminal.ended", "3", "setup")])

    def test_another_users_name_gets_nobody_in(self):
        process = self.running()
        for name in ("root", "nobody", "sshd"):
            done = self.ssh("-l", name, "carrel-fix", "id", code=255)
            self.assertIn(b"Permission denied (publickey)", done.stderr)
        self.finish(process)

    def test_where_nothing_runs_nothing_is_started(self):
        self.finish(self.running())
        done = self.ssh("carrel-fix", "true", code=255)
        self.assertIn(b"no session of task local/fix runs", done.stderr)
        self.assertEqual(len(self.sessions()), 1)

    def test_the_ninth_connection_is_told_why_not(self):
        process = self.running()
        held = [self.started("echo here; cat") for _ in range(8)]
        done = self.ssh("carrel-fix", "true", code=255)
        self.assertIn(b"carrel connect: this session has 8 ssh connections already; close one of them", done.stderr)
        self.assertEqual(held[0].communicate(b"", timeout=20)[0], b"")
        self.wait_until(lambda: self.ssh("carrel-fix", "true", code=None).returncode == 0, what="there is room again")
        for each in held[1:]:
            each.communicate(b"", timeout=20)
        self.finish(process)

    # ---- what the server is kept from -----------------------------------------------------------

    def servers(self):
        return [pid for pid in self.processes("sshd")]

    def jails(self):
        found = set()
        for pid in self.servers():
            try:
                found.add(os.readlink(f"/proc/{pid}/ns/pid"))
            except FileNotFoundError:
                pass
        return found

    def test_the_server_is_in_a_jail_beside_the_workspace(self):
        process = self.running()
        other = self.started("echo here; cat")
        inside = self.ssh("carrel-fix", "ls /run/carrel; ps -eo comm 2>/dev/null || ls /proc | grep -c '^[0-9]'; "
                                        "cat /etc/ssh/host_key; true").stdout
        self.assertNotIn(b"channel", inside)
        self.assertNotIn(b"sshd", inside)
        self.assertNotIn(b"PRIVATE KEY", inside)
        workspace = pathlib.Path(f"/proc/{self.processes('cat')[0]}")
        # That of the connection before may just be ending.
        self.wait_until(lambda: len(self.jails()) == 1, what="one server is left")
        servers = self.servers()
        self.assertTrue(servers)
        for pid in servers:
            status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
            self.assertEqual((status["CapEff"], status["CapPrm"], status["CapBnd"], status["NoNewPrivs"], status["Seccomp"]),
                             ("0" * 16, "0" * 16, "0" * 16, "1", "2"))
            uid = int(status["Uid"].split()[0])
            if ROOTLESS:
                self.assertEqual(uid, UID)
            else:
                self.assertEqual(uid % 8, 0x70000004 % 8)
                self.assertGreater(uid, 0x70000000)
                self.assertIn("-ssh-2", pathlib.Path(f"/proc/{pid}/cgroup").read_text())
            seen = pathlib.Path(f"/proc/{pid}/mountinfo").read_text()
            self.assertNotIn("/workspaces", seen)
            self.assertNotIn(str(self.state), seen)
            for kind in ("pid", "mnt", "user", "ipc", "uts"):
                self.assertNotEqual(os.readlink(f"/proc/{pid}/ns/{kind}"), os.readlink(workspace / "ns" / kind))
            self.assertEqual(os.readlink(f"/proc/{pid}/ns/net"), os.readlink(workspace / "ns/net"))
        other.communicate(b"", timeout=20)
        self.wait_until(lambda: not any(map(alive, servers)), what="the server has ended with its connection")
        self.finish(process)

    # ---- ends -----------------------------------------------------------------------------------

    def test_closing_the_session_ends_the_connection(self):
        process = self.running()
        other = self.started("echo here; sleep 100")
        idle = self.start_ssh("-N", "carrel-fix")
        self.wait_until(lambda: len([event for event in self.terminals() if event[0] == "terminal.opened"]) == 3, what="both are there")
        servers = self.servers()
        self.carrel("close", "last", "--reason", "done", "--now")
        code, _, err = self.finish(process)
        self.assertEqual(code, 125, err)
        for each in (other, idle):
            each.communicate(timeout=20)
        # Its command may be told to end before the connection is.
        self.assertIn(other.returncode, (125, 255))
        self.assertEqual(idle.returncode, 255)
        self.assertFalse(any(map(alive, servers)))
        self.assertEqual(self.verify()["exit"], 0)
        ended = {channel: data["by"] for kind, channel, data in self.terminals() if kind == "terminal.ended"}
        self.assertEqual(set(ended), {"2", "2.1", "3"})

    def test_what_ends_the_session_is_said_to_ssh_clients(self):
        process = self.running("echo there; sleep 100", ["--timeout", "4s"])
        other = self.started("echo here; sleep 1; echo last words; sleep 100")
        self.assertEqual(self.finish(process)[0], 124)
        out, err = other.communicate(timeout=20)
        self.assertEqual((other.returncode, out), (124, b"last words\n"))
        self.assertIn(b"carrel: ended by policy: time is over", err)
        self.assertEqual(self.verify()["exit"], 0)

    def test_a_refused_port_is_said_to_those_who_work_through_the_connection(self):
        process = self.running()
        port = self.free_port()
        other = self.started("echo here; cat", "-L", f"127.0.0.1:{port}:127.0.0.1:3001")
        self.assertEqual(self.through(port), b"")
        self.wait_until(lambda: self.forwards(), what="it is an event")
        self.assertIn(b"carrel: denied: net.forward 127.0.0.1 port 3001", other.communicate(b"", timeout=20)[1])
        self.assertNotIn("denied", self.finish(process)[2])

    def test_the_session_goes_on_while_somebody_is_connected(self):
        process = self.running()
        idle = self.start_ssh("-N", "carrel-fix")
        self.wait_until(lambda: self.terminals(), what="it is there")
        self.assertEqual(self.finish(process, goes_on=True)[0], 0)
        time.sleep(3)
        self.assertEqual(self.sessions()[0]["state"], "running")
        self.assertEqual(self.ssh("carrel-fix", "echo still").stdout, b"still\n")
        idle.kill()
        self.wait_until(lambda: self.sessions()[0]["state"] == "closed", what="the session ends with the last of them")
        self.assertEqual(self.sessions()[0]["end"], {"by": "command", "code": 0})
        self.assertEqual(self.verify()["exit"], 0)

    def test_a_client_that_goes_takes_its_command_along(self):
        process = self.running()
        other = self.started("trap 'echo hung > /tmp/hung' HUP; echo here; sleep 100 & wait")
        other.kill()
        self.wait_until(lambda: any(event[:2] == ("terminal.ended", "2.1") for event in self.terminals()), 20, "it has ended")
        self.assertEqual(self.ssh("carrel-fix", "cat /tmp/hung").stdout, b"hung\n")
        self.finish(process)

    def test_a_server_that_is_killed_takes_only_its_connection_along(self):
        process = self.running()
        killed = self.started("echo here; sleep 100")
        servers = self.servers()
        other = self.started("echo here; cat")
        for pid in servers:
            os.kill(pid, signal.SIGKILL)
        killed.communicate(timeout=20)
        self.assertEqual(killed.returncode, 255)
        self.wait_until(lambda: ("terminal.ended", "2", {"by": "kill", "code": 137}) in self.terminals(), what="it is recorded")
        self.assertEqual(other.communicate(b"yes\n", timeout=20)[0], b"yes\n")
        self.assertEqual(self.finish(process)[0], 0)
        self.assertEqual(self.verify()["exit"], 0)

    def test_a_broker_that_is_lost_ends_session_and_servers(self):
        process = self.running("echo there; sleep 100")
        other = self.started("echo here; sleep 100")
        servers = self.servers()
        self.assertTrue(servers)
        os.kill(self.broker_pid(), signal.SIGKILL)
        process.communicate(timeout=40)
        self.assertEqual(process.returncode, 124)
        other.communicate(timeout=40)
        self.assertFalse(any(map(alive, servers)))

    @needs_groups("no control group, and so nothing to stop it with")
    def test_a_paused_session_answers_nobody_and_goes_on(self):
        process = self.running()
        other = self.started("echo here; while read line; do echo $line; done")
        self.carrel("pause", "last", "--reason", "a question")
        other.stdin.write(b"one\n")
        other.stdin.flush()
        time.sleep(0.5)
        self.assertEqual(select.select([other.stdout], [], [], 0)[0], [])
        done = self.ssh("carrel-fix", "true", code=255)
        self.assertIn(b"paused", done.stderr)
        self.carrel("resume", "last", "--reason", "answered")
        self.assertEqual(other.stdout.readline(), b"one\n")
        self.assertEqual(other.communicate(b"", timeout=20)[0], b"")
        self.finish(process)

    @also_with_groups
    def test_supervisor_and_opening_that_are_killed_leave_no_server(self):
        for name, victim in (("supervisor", "carrel-session"), ("opening", "carrel-launcher")):
            with self.subTest(name):
                process = self.running()
                other = self.started("echo here; sleep 100")
                servers = self.servers()
                self.assertTrue(servers)
                pids = [pid for pid in self.processes(victim) if pid != self.service_pid()]
                self.assertEqual(len(pids), 1)
                os.kill(pids[0], signal.SIGKILL)
                process.communicate(timeout=40)
                other.communicate(timeout=40)
                self.wait_until(lambda: not any(map(alive, servers)), what="no server is left")
                self.wait_until(lambda: self.sessions()[0]["state"] != "running", 30, "the session is over")
                if not ROOTLESS:
                    left = [path for path in self.cgroup().iterdir() if path.is_dir()]
                    self.wait_until(lambda: not [path for path in left if path.exists()], 20, f"no control group is left: {left}")


if __name__ == "__main__":
    unittest.main()
