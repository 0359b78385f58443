"""How connections outwards end when something that they stand on fails, and when nothing does: cut ones by a reset at both
ends, ended ones whole."""
import os
import signal
import subprocess
import unittest

from carrel_case import CARREL
from gateway_case import LIBRARY, GatewayCase

TCP = "tcp.example.com"


class WayOutCase(GatewayCase):
    def start(self, script):
        """A session that runs Python inside, with lines on both sides."""
        session = self.popen(CARREL, "open", "--profile", str(self.profile), "--", "/usr/bin/python3", "-u", "-c", LIBRARY + script, "{}",
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.reap, session)
        return session

    def reap(self, session):
        if session.poll() is None:
            session.kill()
        session.wait()
        for stream in (session.stdin, session.stdout, session.stderr):
            stream.close()

    def line(self, session):
        return session.stdout.readline().decode().strip()

    def go_on(self, session):
        session.stdin.write(b"\n")
        session.stdin.flush()

    def end(self, session, code=0):
        session.stdin.close()
        self.assertEqual(session.wait(60), code)

    def one(self, name):
        pids = self.processes(name)
        self.assertEqual(len(pids), 1, name)
        return pids[0]

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


if __name__ == "__main__":
    unittest.main()
