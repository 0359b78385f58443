"""Which process is behind a connection: what the gateway tells of it names the one that connected, joined by the socket's
cookie and by nothing that a program could choose."""
import os
import unittest

from carrel_case import ROOTLESS
from gateway_case import GatewayCase

API = "api.example.com"
# Before it a thread whose descriptors are its own keeps its sockets to itself (pidfd_open(2)).
HAS_PIDFD_THREAD = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2]) >= (6, 9)
# Each is told its own name to connect to, as its last argument; the control is that argument in its process.exec.
PYTHON = {
    "plain": "connect(name, port).close()",
    "thread": "threading.Thread(target=lambda: connect(name, port).close()).start()",
    # The descriptors of this thread are its own: the first thread has another socket by that number.
    "apart": """def work():
    libc.unshare(0x400) == 0 or os._exit(9)  # CLONE_FILES
    connect(name, port).close()
decoy = socket.socket()
thread = threading.Thread(target=work)
thread.start()
thread.join()""",
    "gone": "connect(name, port); os._exit(0)",
    "becomes": """c = connect(name, port)
c.set_inheritable(True)
os.execv('/bin/sleep', ['sleep', '0.3'])""",
    "mapped": """to = socket.gethostbyname(name)
with socket.socket(socket.AF_INET6) as c: c.connect(('::ffff:' + to, port))""",
    "child": """if os.fork() == 0:
    connect(name, port).close()
    os._exit(0)
os.wait()""",
    "twice": """for turn in range(2):
    connect(name, port).close()""",
}
HEAD = """import ctypes, os, socket, sys, threading
libc = ctypes.CDLL(None)
name, port = sys.argv[-1], int(sys.argv[-2])
def connect(*to):
    return socket.create_connection(to, 10)
"""


class Processes(GatewayCase):
    def names(self, words):
        names = {word: f"{word}.example.org" for word in words}
        self.world.answer({name: {"A": [self.world.address]} for name in names.values()})
        self.allow(*(self.world.rule(name, ports=(self.world.ports["echo"],), mode="tcp") for name in names.values()),
                   self.world.rule(API, http=[{"methods": ["GET"], "path": "/small.txt"}]))
        return names

    def executed(self):
        """Of every program that ran its last argument, and who it was."""
        return {event["data"]["argv"][-1]: event for event in self.events() if event["type"] == "process.exec"}

    def is_of(self, event, start):
        """The event's process is the one that started so, as that program."""
        process = event["process"]
        self.assertIsNotNone(process, event)
        self.assertEqual((process["id"], process["pid"], process["exe"]),
                         (start["process"]["id"], start["process"]["pid"], start["data"]["path"]), event)

    def test_each_connection_names_the_process_that_made_it(self):
        names = self.names([*PYTHON, "bash", "curl"])
        port = self.world.ports["echo"]
        lines = [f"python3 -c \"$(cat <<'END'\n{HEAD}{body}\nEND\n)\" {port} {names[word]} || echo {word} failed" for word, body in PYTHON.items()]
        lines += [f"bash -c 'exec 3<>/dev/tcp/$1/{port}' sh {names['bash']} || echo bash failed",
                  f"curl -s -o /dev/null --http0.9 --max-time 2 http://{names['curl']}:{port}/; true",
                  f"curl -sS https://{API}/small.txt"]
        done = self.sh("\n".join(lines), timeout=120)
        self.assertEqual(done.out, b"small\n", done.err)
        starts = self.executed()
        opened = self.of_type("net.open")
        self.assertEqual(len(opened), len(names) + 2)  # "twice", and the one of API
        for word, name in names.items():
            start = starts[name if word != "curl" else f"http://{name}:{port}/"]
            mine = [event for event in opened if event["data"]["name"] == name]
            self.assertEqual(len(mine), 2 if word == "twice" else 1, word)
            for event in mine:
                if word == "child":
                    self.assertEqual(event["process"]["parent"], start["process"]["id"])
                    self.assertNotEqual(event["process"]["id"], start["process"]["id"])
                    self.assertEqual(event["process"]["exe"], start["data"]["path"])
                elif word == "apart" and ROOTLESS and not HAS_PIDFD_THREAD:
                    self.assertIsNone(event["process"], "never guessed")
                else:
                    self.is_of(event, start)
                for end in self.told("net.close", flow=event["data"]["flow"]):
                    self.assertEqual(end["process"], event["process"])
        tried = [event for event in self.of_type("net.connect") if event["verdict"] == "allowed"]
        self.assertGreaterEqual(len(tried), len(opened))
        self.assertEqual({event["errno"] for event in tried} - {None, "EINPROGRESS"}, set(), "each of them came through")
        exes = {event["process"]["exe"].rsplit("/", 1)[1].rstrip(".0123456789") for event in opened if event["process"]}
        self.assertEqual(exes, {"python", "bash", "curl"})
        start = starts[f"https://{API}/small.txt"]
        for kind in ("net.open", "tls.hello", "http.request", "net.close"):
            flow = self.told("net.open", name=API)[0]["data"]["flow"]
            for event in self.told(kind, flow=flow):
                self.is_of(event, start)
        self.verify()

    def test_one_that_is_denied_is_named_too(self):
        names = self.names(["denied"])
        self.sh(f"bash -c 'exec 3<>/dev/tcp/$1/4321' sh {names['denied']}; true")
        event = self.told("net.open", name=names["denied"])[0]
        self.assertEqual(event["verdict"], "denied")
        self.is_of(event, self.executed()[names["denied"]])

    def test_nothing_connects_without_connect(self):
        """Data in the first packet would pass by what looks at connect(2)."""
        names = self.names(["fast"])
        said = self.inside("""with socket.socket() as c:
    to = (socket.gethostbyname(given['name']), given['port'])
    say(attempt(c.sendto, b'x', socket.MSG_FASTOPEN, to))
    say(attempt(c.setsockopt, socket.IPPROTO_TCP, 30, 1))  # TCP_FASTOPEN_CONNECT
    say(attempt(c.connect, to))
    say(attempt(open, '/proc/sys/net/ipv4/tcp_fastopen', 'w'))
""", name=names["fast"], port=self.world.ports["echo"])
        self.assertEqual(said[:3], ["ENOTSUP", "ENOTSUP", None])
        self.assertIn(said[3], ("EROFS", "EACCES", "EPERM"))
        self.assertEqual(len(self.of_type("net.open")), 1)


if __name__ == "__main__":
    unittest.main()
