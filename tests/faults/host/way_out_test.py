"""What the way out does when something that it stands on fails, and how connections end then: cut ones by a reset at both ends,
ended ones whole."""
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import time
import unittest

from gateway_case import GatewayCase

TCP, API = "tcp.example.com", "api.example.com"
MOST_FLOWS = 1024


class WayOutCase(GatewayCase):
    def line(self, session):
        return session.stdout.readline().decode().strip()

    def go_on(self, session):
        session.stdin.write(b"\n")
        session.stdin.flush()

    def end(self, session, code=0):
        session.stdin.close()
        self.assertEqual(session.wait(60), code)

    def stop_process(self, pid):
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(self.cont, pid)

    def cont(self, pid):
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass

    def allow_tcp(self, *ports):
        self.allow(self.world.rule(TCP, ports=[self.world.ports[port] for port in ports], mode="tcp"))


class Ends(WayOutCase):
    """A reset where something was cut, never where it was whole."""

    def test_what_ends_in_order_is_whole_at_both_ends(self):
        self.allow_tcp("source", "sink")
        said = self.inside(f"""
for size in (1, 100_000, 30_000_000):
    with connect("{TCP}", {self.world.ports['source']}) as c:
        c.sendall(b"%d\\n" % size)
        came, how = everything(c)
        say([len(came), how])
    with connect("{TCP}", {self.world.ports['sink']}) as c:
        c.sendall(bytes(size))
        c.shutdown(socket.SHUT_WR)
        say(everything(c)[1])
""")
        sizes = (1, 100_000, 30_000_000)
        self.assertEqual(said, [each for size in sizes for each in ([size, "FIN"], "FIN")])
        for number, size in enumerate(sizes, 1):
            for server in ("source", "sink"):
                noted = self.world.ended(server, number)
                self.assertEqual((noted["bytes"], noted["end"]), (size, "FIN"), server)
        self.assertEqual({each["data"]["by"] for each in self.told("net.close", name=TCP)}, {"closed"})

    def test_a_killed_gateway_resets_both_ends(self):
        self.allow_tcp("source", "sink")
        session = self.start(f"""
down = connect("{TCP}", {self.world.ports['source']})
down.sendall(b"400000000\\n")
up = connect("{TCP}", {self.world.ports['sink']})
up.sendall(b"x" * 1000)
say(len(down.recv(1000)))
sys.stdin.readline()
say(everything(down)[1])
say(everything(up)[1])
""")
        self.assertEqual(self.line(session), "1000")
        os.kill(self.one("carrel-gateway"), signal.SIGKILL)
        self.assertEqual([self.world.ended(server)["end"] for server in ("source", "sink")], ["RST", "RST"])
        self.go_on(session)
        self.assertEqual([self.line(session), self.line(session)], ['"ECONNRESET"'] * 2)
        self.end(session)

    def test_a_killed_session_ends_what_is_inside_and_resets_the_world(self):
        self.allow_tcp("source", "sink")
        session = self.start(f"""
down = connect("{TCP}", {self.world.ports['source']})
down.sendall(b"400000000\\n")
up = connect("{TCP}", {self.world.ports['sink']})
up.sendall(b"x" * 1000)
say(len(down.recv(1000)))
while True:
    up.sendall(b"x")
    time.sleep(0.01)
""")
        self.assertEqual(self.line(session), "1000")
        os.kill(self.one("carrel-session"), signal.SIGKILL)
        self.assertEqual([self.world.ended(server)["end"] for server in ("source", "sink")], ["RST", "RST"])
        session.stdin.close()
        self.assertEqual(session.wait(60), 137)
        self.wait_until(lambda: not self.processes("carrel-gateway"), what="the gateway ends")
        self.wait_until(lambda: self.sessions()[0]["state"] == "broken", what="the session is broken")


class Broker(WayOutCase):
    def test_a_lease_ends_in_time_though_the_broker_is_silent(self):
        """It can renew nothing, and say of nothing that it has ended."""
        ttl = 6
        credential = self.secret() + f'ttl = "{ttl}s"\n'
        self.allow(credential, self.world.rule(API, credential="ci", http=[{"methods": ["GET"], "path": "/**"}]))
        session = self.start(f"""
def ask():
    kept.sendall(b"GET /protected HTTP/1.1\\r\\nHost: {API}\\r\\n\\r\\n")
    came = b""
    while not came.endswith(b"}}"):
        came += kept.recv(65536)
    return int(came[9:12])
kept = tls(connect("{API}"), "{API}")
say(attempt(ask))
sys.stdin.readline()
began = time.monotonic()
say(attempt(ask))  # it lives on while the lease does
kept.settimeout(30)
say(everything(kept)[1])
say(time.monotonic() - began)
said = get("/protected", "{API}")
say([said["status"], "no-lease" in said["body"]])
sys.stdin.readline()
for _ in range(100):
    said = get("/protected", "{API}")
    if said["status"] == 200: break
    time.sleep(0.1)
say(said["status"])
""")
        self.assertEqual(self.line(session), "200")
        broker = self.broker_pid()
        self.stop_process(broker)
        self.go_on(session)
        self.assertEqual(self.line(session), "200")
        self.assertEqual(self.line(session), '"TLS"')
        self.assertLess(float(self.line(session)), ttl + 2)
        self.assertEqual(self.line(session), "[503, true]")
        self.cont(broker)
        self.go_on(session)
        self.assertEqual(self.line(session), "200")
        self.end(session)
        self.assertTrue(self.told("net.close", name=API, by="lease"))
        self.assertEqual(self.verify()["lost"], 0)


class Record(WayOutCase):
    def test_nothing_passes_that_cannot_be_recorded(self):
        """The session takes nothing: what it has not been told of is bounded, then nothing passes; behind it all is recorded."""
        self.allow(self.world.rule(API, http=[{"methods": ["GET"], "path": "/**"}]),
                   self.world.rule(TCP, ports=[self.world.ports["echo"]], mode="tcp"))
        # Nothing that the session would have to look at is done while it is stopped: no call is one of its sensor's.
        session = self.start(f"""
kept = tls(connect("{API}"), "{API}")
flow = connect("{TCP}", {self.world.ports['echo']})
kept.settimeout(3)
flow.settimeout(3)
request = b"GET " + (b"/" + b"a" * 100) * 19 + b" HTTP/1.1\\r\\nHost: {API}\\r\\n\\r\\n"
def answer():
    came = b""
    while b"\\r\\n\\r\\n" not in came:
        part = kept.recv(65536)
        if not part: raise ConnectionError("ended")
        came += part
    head, _, body = came.partition(b"\\r\\n\\r\\n")
    size = int([line.split(b":")[1] for line in head.lower().split(b"\\r\\n") if line.startswith(b"content-length:")][0])
    while len(body) < size:
        body += kept.recv(65536)
def ask():
    kept.sendall(request)
    answer()
def echoed():
    flow.sendall(b"x")
    return flow.recv(1).decode()
ask()
say(echoed())
time.sleep(3)  # input comes through the session, which is stopped meanwhile
asked, stalled = 1, ""
while not stalled and asked < 900:
    stalled = attempt(ask) or ""
    asked += not stalled
other = attempt(echoed)
kept.settimeout(60)
flow.settimeout(60)
answer()  # as soon as the session goes on
after = flow.recv(1).decode()
say([asked + 1, stalled, other, after])
ask()
say("done")
""")
        self.assertEqual(self.line(session), '"x"')
        pid = self.one("carrel-session")
        self.stop_process(pid)
        # Until the world hears no more requests: the gateway waits.
        self.wait_for_silence(lambda: len(self.world.requests(API)))
        self.cont(pid)
        said = self.line(session)
        found = re.fullmatch(r'\[(\d+), "silence", "silence", "x"\]', said)
        self.assertTrue(found, said)
        self.assertEqual(self.line(session), '"done"')
        self.end(session)
        asked = int(found.group(1)) + 1
        self.assertEqual(len(self.world.requests(API)), asked)
        self.assertEqual(len(self.told("http.request", host=API)), asked)
        self.assertEqual(self.verify()["lost"], 0)

    def wait_for_silence(self, count, still=6, seconds=120):
        deadline = time.monotonic() + seconds
        known, since = count(), time.monotonic()
        while time.monotonic() - since < still:
            self.assertLess(time.monotonic(), deadline, "it never stops")
            time.sleep(1)
            if (now := count()) != known:
                known, since = now, time.monotonic()
        return known


class Bounds(WayOutCase):
    def setUp(self):
        # The world's servers hold as many connections as the workspace makes.
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        super().setUp()

    def test_the_connection_after_the_last_is_reset_and_the_others_live(self):
        self.allow_tcp("echo")
        said = self.inside(f"""
import resource
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
held = [connect("{TCP}", {self.world.ports['echo']}) for _ in range({MOST_FLOWS})]
def echoed(c):
    c.sendall(b"x")
    return c.recv(1).decode()
say(len([c for c in held if attempt(echoed, c) == "x"]))
def one_more():
    with connect("{TCP}", {self.world.ports['echo']}) as c:
        return echoed(c)
say([attempt(one_more) for _ in range(3)])
say(len([c for c in held if attempt(echoed, c) == "x"]))
held.pop().close()
time.sleep(1)
say(attempt(one_more))
""", timeout=150)
        self.assertEqual((said[0], said[2], said[3]), (MOST_FLOWS, MOST_FLOWS, "x"))
        self.assertEqual(set(said[1]) - {"ECONNRESET", "EPIPE"}, set())
        refused = [each for each in self.of_type("net.open", name=TCP) if each["verdict"] == "denied"]
        self.assertEqual(len(refused), 3)
        self.assertEqual({each["errno"] for each in refused}, {"EMFILE"})


class Names(WayOutCase):
    """The file system of a workspace's list of names has no room: what an address means must be written down first."""

    def names_file(self):
        [path] = (self.state / "workspaces").glob("*/names")
        return path

    def put_on_a_small_disk(self, path):
        """The list moves to a file system of two pages; it ends within the first."""
        disk = self.folder / "small"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k,mode=755", "small", str(disk)], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", str(disk)], check=False)
        text = path.read_text()
        text += "".join(f"filler-{number:04}.example.net\n" for number in range((4096 - 3 - len(text)) // 24))
        text += f"{'a' * (4096 - 3 - len(text) - 1)}\n"
        (disk / "names").write_text(text)
        self.assertEqual(len(text), 4096 - 3)
        os.chown(disk / "names", path.stat().st_uid, path.stat().st_gid)
        subprocess.run(["mount", "--bind", str(disk / "names"), str(path)], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", str(path)], check=False)
        return disk

    def test_a_name_that_cannot_be_kept_is_not_answered_and_the_others_go_on(self):
        port = self.world.ports["echo"]
        self.allow(self.world.rule(TCP, ports=[port], mode="tcp"), self.world.rule(API, ports=[port], mode="tcp"))
        asked = "def address(name):\n    return attempt(socket.gethostbyname, name)\n"
        old = self.inside(asked + f"say(address('{TCP}'))\n")[0]
        self.stop()
        path = self.names_file()
        disk = self.put_on_a_small_disk(path)
        (disk / "filler").write_bytes(bytes(4096))
        session = self.start(asked + f"""
def echoed(c):
    c.sendall(b"x")
    return c.recv(1).decode()
def reached(name):
    with connect(name, {port}) as c: return echoed(c)
kept = connect("{TCP}", {port})
say([address("{TCP}"), echoed(kept)])
say([ask_dns("{API}"), ask_dns("{API}", stream=True), address("{API}"), attempt(reached, "{API}")])
say([address("{TCP}"), echoed(kept), reached("{TCP}"), ask_dns("absent.example.org")[0], ask_dns("{API}")])
sys.stdin.readline()
say([reached("{API}"), address("{API}"), address("{TCP}"), echoed(kept)])
""")
        self.assertEqual(json.loads(self.line(session)), [old, "x"])
        failed = [2, 0, None]
        self.assertEqual(json.loads(self.line(session)), [failed, failed, "no such name", "no such name"])
        self.assertEqual(json.loads(self.line(session)), [old, "x", "x", 3, failed])
        before = path.read_bytes()
        self.assertEqual(len(before), 4096 - 3)  # as it was, without half a name
        self.assertEqual(self.world.queries(API), [])
        (disk / "filler").unlink()
        self.go_on(session)
        said = json.loads(self.line(session))
        new = said[1]
        self.assertRegex(new, r"^198\.1[89]\.")
        self.assertEqual(said, ["x", new, old, "x"])
        self.end(session)
        self.assertEqual(path.read_bytes(), before + API.encode() + b"\n")
        refused = self.told("dns.query", name=API, reason="not-kept")[0]
        self.assertEqual((refused["data"]["answer"], refused["data"]["address"]), ("refused", ""))
        self.assertEqual({claim["claim"]: claim["state"] for claim in self.verify()["claims"]}["COMPLETE"], "proven")
        self.assertEqual(self.verify()["lost"], 0)
        self.assertEqual(self.inside(asked + f"say([address('{TCP}'), address('{API}')])\n"), [[old, new]])


class Descriptors(WayOutCase):
    """The gateway has as many descriptors as the host lets it have."""

    ECHOES = """
def echoed(c):
    c.sendall(b"x")
    return c.recv(1).decode()
def one_more(name):
    began = time.monotonic()
    def work():
        with connect(name, given["port"]) as c: return echoed(c)
    return [attempt(work), time.monotonic() - began < 2]
def living(all):
    return len([c for c in all if attempt(echoed, c) == "x"])
"""

    def begin(self, script, names=()):
        port = self.world.ports["echo"]
        self.allow("[limits]\nopen_files = 400\n", *(self.world.rule(name, ports=[port], mode="tcp") for name in (TCP, *names)))
        return self.start(f"given['port'] = {port}\nNAME = '{TCP}'\n" + self.ECHOES + script)

    def cpu_seconds(self, pid, seconds=3):
        def used():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        before = used()
        time.sleep(seconds)
        return used() - before

    def limit_files(self, pid, most):
        """Of a process that runs, as its own user does."""
        status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
        user, group = int(status["Uid"].split()[0]), int(status["Gid"].split()[0])
        subprocess.run(["prlimit", "--pid", str(pid), f"--nofile={most}:"], user=user, group=group, extra_groups=[], check=True)

    def refused(self):
        return [each for each in self.of_type("net.open", name=TCP) if each["verdict"] == "denied"]

    def check_record(self):
        self.assertEqual({claim["claim"]: claim["state"] for claim in self.verify()["claims"]}["COMPLETE"], "proven")
        self.assertEqual(self.verify()["lost"], 0)

    def test_as_many_connections_live_as_there_are_descriptors_for(self):
        limit = 512
        self.start_launcher(wrapper=["prlimit", f"--nofile={limit}:{limit}"])
        fit = (limit - 96) // 6
        session = self.begin(f"""
held = [connect(NAME, given["port"]) for _ in range({fit})]
say(living(held))
say([one_more(NAME) for _ in range(20)])
say([living(held), ask_dns(NAME)[0], ask_dns(NAME, stream=True)[0]])
sys.stdin.readline()
held.pop().close()
time.sleep(1)
say(one_more(NAME))
""")
        self.assertEqual(json.loads(self.line(session)), fit)
        for how, soon in json.loads(self.line(session)):
            self.assertIn(how, ("ECONNRESET", "EPIPE"))
            self.assertTrue(soon)
        self.assertEqual(json.loads(self.line(session)), [fit, 0, 0])
        gateway = self.one("carrel-gateway")
        self.assertIn(f"Max open files            {limit}  ", pathlib.Path(f"/proc/{gateway}/limits").read_text())
        self.assertLess(self.cpu_seconds(gateway), 0.3)
        self.go_on(session)
        self.assertEqual(json.loads(self.line(session)), ["x", True])
        self.end(session)
        self.assertEqual([each["errno"] for each in self.refused()], ["EMFILE"] * 20)
        self.check_record()

    def test_a_connection_without_a_descriptor_is_reset_and_the_others_live(self):
        few = ("api.example.com", "files.example.com", "git.example.com")  # never resolved before
        session = self.begin("""
held = [connect(NAME, given["port"]) for _ in range(20)]
say(living(held))
sys.stdin.readline()
say([one_more(NAME) for _ in range(5)])
say(attempt(ask_dns, NAME, 1, "127.0.0.53", True))
say([living(held), ask_dns(NAME)[0]])
while name := sys.stdin.readline().strip():
    say([one_more(name)[0], living(held)])
say([one_more(NAME), ask_dns(NAME, stream=True)[0], living(held)])
""", few)
        self.assertEqual(json.loads(self.line(session)), 20)
        gateway = self.one("carrel-gateway")
        taken = {int(each.name) for each in pathlib.Path(f"/proc/{gateway}/fd").iterdir()}
        free = [number for number in range(1000) if number not in taken]
        self.limit_files(gateway, free[0])
        self.go_on(session)
        for how, soon in json.loads(self.line(session)):
            self.assertIn(how, ("ECONNRESET", "EPIPE"))
            self.assertTrue(soon)
        self.assertNotIsInstance(json.loads(self.line(session)), list)  # no answer over TCP, but an end
        self.assertEqual(json.loads(self.line(session)), [20, 0])
        self.assertLess(self.cpu_seconds(gateway), 0.3)
        for left, name in enumerate(few, 1):  # for the client, for the question, for the server or to wait with
            self.limit_files(gateway, free[left])
            session.stdin.write(f"{name}\n".encode())
            session.stdin.flush()
            how, living = json.loads(self.line(session))
            self.assertIn(how, ("ECONNRESET", "EPIPE", "x"), f"{left} are left")
            self.assertEqual(living, 20)
        self.limit_files(gateway, 4096)
        self.go_on(session)
        self.assertEqual(json.loads(self.line(session)), [["x", True], 0, 20])
        self.end(session)
        self.assertEqual([each["errno"] for each in self.refused()], ["EMFILE"] * 5)
        self.check_record()


if __name__ == "__main__":
    unittest.main()
