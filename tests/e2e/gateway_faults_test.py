"""What becomes of a session whose way out fails: nothing can be reached any more, the record is whole, and names mean the same
the next time."""
import contextlib
import ctypes
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import unittest

from carrel_case import CARREL, ROOTLESS, UID, alive
from gateway_case import GatewayCase, descriptors_of

TCP, API = "tcp.example.com", "api.example.com"


def cpu_seconds(pid):
    """Of a process, in its own code and in the kernel (proc_pid_stat(5), fields 14 and 15)."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def goes_on(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


class Faults(GatewayCase):
    def test_a_killed_gateway_is_a_reset_and_the_record_is_whole(self):
        self.allow(self.world.rule(TCP, ports=[self.world.ports["source"]], mode="tcp"))
        session = self.start(f"""
c = connect('{TCP}', {self.world.ports["source"]})
c.sendall(b'40000000\\n')
say(len(c.recv(1000)))
say(socket.gethostbyname('{TCP}'))
sys.stdin.readline()
say(everything(c)[1])
for line in sys.stdin:
    say([connected('{TCP}', {self.world.ports["source"]}), attempt(ask_dns, '{TCP}', 1)])
""")
        self.assertEqual(session.stdout.readline(), b"1000\n")
        address = session.stdout.readline()
        killed = self.gateway()
        self.kill_gateway()
        self.assertEqual(self.tell(session), '"ECONNRESET"')  # never as if it were whole
        self.wait_until(lambda: json.loads(self.tell(session))[0] == "connected", what="another one takes its place")
        self.assertNotEqual(self.gateway(), killed)
        # Nothing is there meanwhile: whoever would start the next one waits.
        opening = self.opening()
        os.kill(opening, signal.SIGSTOP)
        self.kill_gateway()
        self.assertEqual(self.tell(session), '["no such name", "ECONNREFUSED"]')
        os.kill(opening, signal.SIGCONT)
        self.end(session)
        self.assertEqual(len(self.told("net.anomaly", what="gateway-lost")), 2)
        self.assertEqual({claim["claim"]: claim["state"] for claim in self.verify()["claims"]}["COMPLETE"], "proven")
        # The next session has a gateway again, and the address still means this name.
        self.assertEqual(self.inside(f"say(socket.gethostbyname('{TCP}'))\n"), [address.decode().strip().strip('"')])

    def test_a_client_that_leaves_in_the_midst_of_an_answer_ends_nothing_else(self):
        """It has said that it sends no more, and is gone: splice(2) then finds a socket that nobody may write to."""
        ports = {name: self.world.ports[name] for name in ("source", "echo")}
        self.allow(self.world.rule(TCP, ports=list(ports.values()), mode="tcp"))
        session = self.start(f"""
other = connect('{TCP}', {ports["echo"]})
def echo():
    other.sendall(b'x')
    return len(other.recv(1))
for line in sys.stdin:
    with connect('{TCP}', {ports["source"]}) as c:
        c.sendall(b'%d\\n' % (1 << 50))
        c.recv(1000)
        c.shutdown(socket.SHUT_WR)
        time.sleep(0.2)
    time.sleep(0.2)
    say(attempt(echo))
""")
        self.assertEqual([self.tell(session) for _ in range(3)], ["1"] * 3)
        self.end(session)
        self.assertEqual(len(self.told("net.close", name=TCP)), 4)
        self.assertEqual(self.of_type("net.anomaly"), [])

    def hang_up(self, pid, which):
        """A gateway that was taken over ends one of its channels and lives on: it is stopped, and the channel is shut."""
        os.kill(pid, signal.SIGSTOP)
        unix = [int(fd.name) for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir() if os.readlink(fd).startswith("socket:")]
        process, copies = os.pidfd_open(pid), {}
        for fd in unix:
            copy = ctypes.CDLL(None, use_errno=True).syscall(438, process, fd, 0)  # pidfd_getfd(2)
            self.assertGreaterEqual(copy, 0, os.strerror(ctypes.get_errno()))
            copies[fd] = socket.socket(fileno=copy)
        for fd, channel in copies.items():  # it is dead a moment after the first
            if channel.family == socket.AF_UNIX and (fd == 3) == (which == "launcher"):
                channel.shutdown(socket.SHUT_RDWR)
            channel.close()
        os.close(process)

    def test_one_that_hangs_up_and_lives_on_is_ended(self):
        port = self.world.ports["echo"]
        self.allow(self.world.rule(TCP, ports=[port], mode="tcp"))
        session = self.start(f"""
c = connect('{TCP}', {port})
say('there')
for line in sys.stdin:
    say(connected('{TCP}', {port}))
""")
        self.assertEqual(session.stdout.readline(), b'"there"\n')
        for times, which in enumerate(("launcher", "session"), 1):
            gateway = self.gateway()
            self.hang_up(gateway, which)
            self.wait_until(lambda pid=gateway: not descriptors_of(pid), what=f"it is dead that has hung up on the {which}")
            self.wait_until(lambda n=times: len(self.of_type("net.anomaly", what="gateway-back")) == n, 30, "another one serves")
            self.assertEqual(self.tell(session), '"connected"')
        self.end(session)
        self.assertEqual(len(self.told("net.anomaly", what="gateway-lost")), 2)

    def test_one_that_does_not_answer_is_ended(self):
        port = self.world.ports["echo"]
        self.allow(self.world.rule(TCP, ports=[port], mode="tcp"))
        session = self.start(f"""
say('there')
for line in sys.stdin:
    say(connected('{TCP}', {port}))
""")
        self.assertEqual(session.stdout.readline(), b'"there"\n')
        gateway = self.gateway()
        time.sleep(11)  # it was asked, and has answered
        self.assertEqual((self.gateway(), self.tell(session)), (gateway, '"connected"'))
        os.kill(gateway, signal.SIGSTOP)
        self.wait_until(lambda: not descriptors_of(gateway), 60, "it is dead")
        self.wait_until(lambda: self.of_type("net.anomaly", what="gateway-back"), 30, "another one serves")
        self.assertEqual(self.tell(session), '"connected"')
        self.end(session)
        self.assertEqual([e["data"]["detail"] for e in self.told("net.anomaly", what="gateway-lost")],
                         ["it did not answer for 20 s and is ended; its connections are reset with that"])
        self.assertIn(b"the gateway does not answer and is ended", session.stderr.read())

    def test_the_end_of_a_session_cuts_and_records_every_connection(self):
        port = self.world.ports["echo"]
        self.allow(self.world.rule(TCP, ports=[port], mode="tcp"))
        session = self.start(f"c = connect('{TCP}', {port})\nc.sendall(b'x' * 10)\nsay(len(c.recv(10)))\nsys.stdin.readline()\n")
        self.assertEqual(session.stdout.readline(), b"10\n")
        self.carrel("close", "last", "--reason", "a test", "--now")
        self.assertEqual(session.wait(60), 125)
        session.stdin.close()
        closed = self.told("net.close", name=TCP)[0]["data"]
        self.assertEqual((closed["up"], closed["down"]), (10, 10))
        self.wait_until(lambda: not self.processes("carrel-gateway"), what="no gateway serves")

    def opening(self):
        """The launcher's process for this session."""
        return int(re.search(r"session\.begun session=\S+ pid=(\d+)", self.logs()).group(1))

    def test_a_gateway_that_ends_after_the_command_is_not_waited_for(self):
        """A session may close its record for minutes, and its client read the rest: the launcher sleeps meanwhile."""
        self.allow(self.world.rule(API))
        session = self.start("say('there')\nsys.stdin.readline()\n")
        self.assertEqual(session.stdout.readline(), b'"there"\n')
        opening, gateway, [supervisor], [init] = self.opening(), self.gateway(), self.processes("carrel-session"), self.processes("carrel-init")
        os.kill(supervisor, signal.SIGSTOP)
        self.addCleanup(goes_on, supervisor)
        for pid in (init, gateway):
            os.kill(pid, signal.SIGKILL)
            self.wait_until(lambda pid=pid: not alive(pid), what="it is dead")
        before = cpu_seconds(opening)
        time.sleep(2)
        self.assertLess(cpu_seconds(opening) - before, 0.5)
        goes_on(supervisor)
        self.assertEqual(session.wait(60), 137)
        self.assertEqual(self.of_type("net.anomaly", what="gateway-back"), [])  # nothing would use it

    def test_one_that_does_not_end_with_its_session_is_killed_before_the_credentials_end(self):
        port = self.world.ports["echo"]
        table = self.secret()
        self.allow(self.world.rule(TCP, ports=[port], mode="tcp"), table, self.world.rule(API, credential="ci"))
        session = self.start(f"c = connect('{TCP}', {port})\nc.sendall(b'x')\nsay(len(c.recv(1)))\nsys.stdin.readline()\n")
        self.assertEqual(session.stdout.readline(), b"1\n")
        gateway, [supervisor], [init] = self.gateway(), self.processes("carrel-session"), self.processes("carrel-init")
        os.kill(gateway, signal.SIGSTOP)
        session.stdin.close()
        self.wait_until(lambda: not alive(init), what="nothing runs inside")
        before = cpu_seconds(supervisor)
        time.sleep(3)
        self.assertLess(cpu_seconds(supervisor) - before, 0.5, "it sleeps while it waits")
        self.assertEqual(session.wait(60), 0)  # within 5 s and what the rest takes
        self.assertEqual(descriptors_of(gateway), [])
        self.assertFalse(descriptors_of(supervisor))
        told = [(e["type"], e["data"].get("what") or e["data"].get("how")) for e in self.events() if e["type"] in ("net.anomaly", "credential.ended")]
        self.assertEqual([kind for kind, _ in told], ["net.anomaly", "credential.ended"], told)
        self.assertEqual([e["data"]["detail"] for e in self.told("net.anomaly", what="gateway-lost")],
                         ["it did not end its connections when the session ended, and was ended itself"])
        self.verify()

    def test_who_opens_a_session_that_ends_waits_and_has_the_next(self):
        self.allow(self.world.rule(API))
        session = self.start("say('there')\nsys.stdin.readline()\n")
        self.assertEqual(session.stdout.readline(), b'"there"\n')
        first = self.sessions()[0]["session"]
        [init] = self.processes("carrel-init")
        [supervisor] = self.processes("carrel-session")
        os.kill(self.gateway(), signal.SIGSTOP)  # five seconds of its end
        session.stdin.close()
        self.wait_until(lambda: not alive(init), what="nothing runs inside")
        time.sleep(0.5)  # the broker knows
        os.kill(supervisor, signal.SIGSTOP)
        following = self.popen(CARREL, "open", "--profile", str(self.profile), "--", "/bin/echo", "next", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line = f"carrel: session {first} of this task is ending: waiting for its record to be closed (Ctrl-C leaves)\n"
        self.assertEqual(following.stderr.readline().decode(), line)
        left = self.popen(CARREL, "open", "--profile", str(self.profile), "--", "/bin/echo", "never", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(left.stderr.readline().decode(), line)
        left.send_signal(signal.SIGINT)
        self.assertEqual((left.communicate(timeout=20)[0], left.returncode), (b"", -signal.SIGINT))
        goes_on(supervisor)
        out, err = following.communicate(timeout=60)
        self.assertEqual((following.returncode, out), (0, b"next\n"), err)
        self.assertEqual(session.wait(60), 0)
        self.assertEqual([row["end"]["by"] for row in self.sessions()], ["command", "command"])

    def test_one_that_hangs_up_when_it_is_told_to_end_is_killed_too(self):
        """Its channel's end is no proof that nothing of it lives: the record waits for a broker meanwhile."""
        self.allow(self.world.rule(API))
        session = self.start("say('there')\nsys.stdin.readline()\n")
        self.assertEqual(session.stdout.readline(), b'"there"\n')
        gateway, [supervisor], [init] = self.gateway(), self.processes("carrel-session"), self.processes("carrel-init")
        broker = int(re.search(r"broker\.ready pid=(\d+)", self.logs()).group(1))
        os.kill(gateway, signal.SIGSTOP)
        os.kill(broker, signal.SIGSTOP)
        self.addCleanup(goes_on, broker)
        session.stdin.close()
        self.wait_until(lambda: not alive(init), what="nothing runs inside")
        self.hang_up(gateway, "session")
        self.wait_until(lambda: not descriptors_of(gateway), what="it is dead")
        self.assertTrue(descriptors_of(supervisor))
        goes_on(broker)
        self.assertEqual(session.wait(60), 0)
        self.assertEqual(len(self.told("net.anomaly", what="gateway-lost")), 1)

    def test_one_that_the_kernel_holds_is_not_told_of_as_ended(self):
        """A disk that hangs may hold a process that was killed; here a tracer does (PTRACE_O_TRACEEXIT in ptrace(2))."""
        seize, trace_exit, goes_on_out = 0x4206, 0x40, 7
        table = self.secret()
        self.allow(table, self.world.rule(API, credential="ci"))
        session = self.start("say('there')\nsys.stdin.readline()\n")
        self.assertEqual(session.stdout.readline(), b'"there"\n')
        gateway, libc = self.gateway(), ctypes.CDLL(None, use_errno=True)
        self.assertEqual(libc.ptrace(seize, gateway, None, ctypes.c_void_p(trace_exit)), 0, os.strerror(ctypes.get_errno()))

        def let_go():
            libc.ptrace(goes_on_out, gateway, None, None)
            self.wait_until(lambda: os.waitpid(gateway, os.WNOHANG | 0x40000000)[0], what="it is reaped")  # __WALL
        self.addCleanup(let_go)
        session.stdin.close()
        self.assertEqual(session.wait(90), 124)
        self.assertIn(b"ended by policy: the gateway could not be ended; the command had ended with status 0", session.stderr.read())
        self.assertIn("gateway.stays session=", self.logs())
        told = [e["data"].get("detail") or e["type"] for e in self.events() if e["type"] in ("net.anomaly", "credential.ended")]
        self.assertEqual(told, ["the gateway could not be ended", "credential.ended"])
        self.verify()

    def test_a_launcher_that_is_told_to_end_ends_the_gateways_and_says_so(self):
        self.allow(self.world.rule(API))
        session = self.start("say('there')\nsys.stdin.readline()\n")
        self.assertEqual(session.stdout.readline(), b'"there"\n')
        gateway = self.gateway()
        os.kill(gateway, signal.SIGSTOP)
        os.kill(self.opening(), signal.SIGTERM)
        self.assertEqual(session.wait(60), 124)
        self.assertEqual(descriptors_of(gateway), [])
        self.assertIn(b"ended by policy: the launcher ended the session\n", session.stderr.read())
        self.assertEqual([e["data"]["detail"] for e in self.of_type("net.anomaly")],
                         ["it did not end its connections when the session ended, and was ended itself"])

    def test_no_gateway_outlives_what_a_session_closes(self):
        """While a session still closes its record: a slow broker stands for it."""
        self.allow(self.world.rule(API))
        session = self.start("say('there')\nsys.stdin.readline()\n")
        self.assertEqual(session.stdout.readline(), b'"there"\n')
        gateway, [supervisor] = self.gateway(), self.processes("carrel-session")
        broker = int(re.search(r"broker\.ready pid=(\d+)", self.logs()).group(1))
        os.kill(broker, signal.SIGSTOP)
        self.addCleanup(goes_on, broker)
        session.stdin.close()
        self.wait_until(lambda: not descriptors_of(gateway), what="it is dead")
        self.assertTrue(descriptors_of(supervisor))
        goes_on(broker)
        self.assertEqual(session.wait(60), 0)
        self.assertEqual(self.of_type("net.anomaly"), [])

    def test_a_broken_setting_of_the_host_stops_the_opening(self):
        self.allow(self.world.rule(API))
        (self.state / "network.toml").write_text('resolver = ["10.0.0.53"]\n')
        refused = self.open("/bin/true", code=123)
        self.assertIn("network.toml line 1: resolver is no key of it", refused.err.decode())
        (self.state / "network.toml").write_text("")
        (self.state / "network.toml").chmod(0o666)
        refused = self.open("/bin/true", code=123)
        self.assertIn("nobody else can write", refused.err.decode())

    def test_a_name_server_that_is_silent_costs_the_connection_alone(self):
        self.allow(self.world.rule(API))
        self.settings(resolvers=["10.213.255.254:53"])  # nobody's
        said = self.inside(f"say(attempt(lambda: get('/small.txt', '{API}')['status']))\nsay(attempt(ask_dns, '{API}', 1)[0])\n")
        self.assertEqual(said, [502, 0])
        self.assertIn("does not resolve", self.told("net.close", name=API)[0]["data"]["why"])

    def test_a_nat64_of_the_hosts_network_leads_nowhere_else(self):
        """The IPv4 address is judged: it is the company's, whatever holds it."""
        port = self.world.ports["echo"]
        self.allow(self.world.rule(TCP, ports=[port], mode="tcp"))
        self.world.answer({TCP: {"AAAA": ["2001:db8:64::10.0.0.5"]}})
        for more, word in (("", "documentation"), ('nat64 = ["2001:db8:64::/96"]\n', "private")):
            (self.state / "network.toml").write_text(self.world.settings() + more)
            self.assertEqual(self.inside(f"say(attempt(lambda: len(connect('{TCP}', {port}).recv(1))))\n"), ["ECONNRESET"])
            self.assertIn(f"2001:db8:64::a00:5 ({word})", self.told("net.close", name=TCP)[0]["data"]["why"])

    def test_a_server_that_moves_is_found_by_the_next_connection(self):
        port = self.world.ports["echo"]
        self.allow(self.world.rule(TCP, ports=[port], mode="tcp"))
        self.world.answer({TCP: {"A": ["127.0.0.1"], "ttl": 50}})  # where it is not dialled
        session = self.start(f"""
def echo():
    with connect('{TCP}', {port}) as c:
        c.sendall(b'x')
        return len(c.recv(1)) or 'FIN'
for line in sys.stdin:
    say(attempt(echo))
""")
        self.assertEqual(self.tell(session), '"ECONNRESET"')
        self.world.answer({TCP: {"A": [self.world.address], "ttl": 50}})
        self.assertEqual(self.tell(session), "1")
        asked = len(self.world.queries(TCP))
        self.assertEqual(self.tell(session), "1")
        self.assertEqual(len(self.world.queries(TCP)), asked)  # an answer that leads somewhere is kept
        self.end(session)

    def test_a_client_that_asks_for_every_connection_is_answered(self):
        """No C library keeps answers: only names that nobody may reach are bounded a second."""
        self.allow(self.world.rule(API))
        said = self.inside(f"""
def asked(name):
    return attempt(lambda: socket.gethostbyname(name)[:7])
say(len({{asked('{API}') for _ in range(120)}}))
say(sorted({{attempt(ask_dns, f'n{{i}}.example.org', 1)[0] for i in range(120)}}))
say(asked('{API}'))
""")
        self.assertEqual(said[0], 1)
        self.assertEqual(said[1], [2, 3])  # NXDOMAIN, then a failure
        self.assertRegex(said[2], r"^198\.1[89]\.")

    def test_the_gateway_holds_no_power(self):
        self.allow(self.world.rule(API))
        session = self.start("say('ready')\nsys.stdin.readline()\n")
        self.assertEqual(session.stdout.readline(), b'"ready"\n')
        status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{self.gateway()}/status").read_text().splitlines())
        self.assertEqual({status[name] for name in ("CapPrm", "CapEff", "CapAmb")}, {"0" * 16})
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        uids = set(status["Uid"].split())
        self.assertEqual(len(uids), 1)
        uid = int(uids.pop())
        self.assertTrue(uid == UID if ROOTLESS else (uid - 0x70000000) % 8 == 3, uid)
        self.end(session)


if __name__ == "__main__":
    unittest.main()
