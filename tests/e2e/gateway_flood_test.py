"""What a workspace does to its gateway's one loop: whatever it keeps full, every other connection goes on."""
import json
import time
import unittest

from carrel_case import PATIENCE
from gateway_case import GatewayCase

TCP = "tcp.example.com"
TRIPS = 100

# Each never ends. A block of questions is for as many names as there are, of which no rule has one.
FLOODS = """
import os
import threading

def question(name):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return b"\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0" + labels + b"\\0\\0\\1\\0\\1"

questions = [question(f"n{i}.example.org") for i in range(1000)]
block = b"".join(struct.pack("!H", len(each)) + each for each in questions)

def swallow(connection):
    while attempt(connection.recv, 1 << 18) not in (b"", "ECONNRESET", "EBADF"):
        pass

def over_tcp():
    while True:
        with connect("127.0.0.53", 53) as server:  # which ends it after a while
            threading.Thread(target=swallow, args=[server], daemon=True).start()
            while attempt(server.sendall, block) is None:
                pass

def stream():
    server = connect(given["name"], given["source"])
    server.sendall(b"%d\\n" % (1 << 50))
    while server.recv(1 << 20):
        pass

def round_trip(server):
    began = time.monotonic()
    server.sendall(b"x")
    server.recv(1)
    return time.monotonic() - began
"""


class Flood(GatewayCase):
    def round_trips_beside(self, flood):
        """Those of an open connection go on while four processes do this, and the end of the session cuts it."""
        ports = {name: self.world.ports[name] for name in ("echo", "source")}
        self.allow(self.world.rule(TCP, ports=list(ports.values()), mode="tcp"))
        session = self.start(FLOODS + f"""
given = {{"name": "{TCP}", "source": {ports["source"]}}}
server = connect(given["name"], {ports["echo"]})
for _ in range(4):
    if os.fork() == 0:
        {flood}()
say("there")
for line in sys.stdin:
    say(attempt(lambda: max(round_trip(server) for _ in range({TRIPS}))))
""")
        self.assertEqual(session.stdout.readline(), b'"there"\n')
        time.sleep(1)
        longest = json.loads(self.tell(session))
        self.assertIsInstance(longest, float, "an error's word")
        self.assertLess(longest, 2 * PATIENCE)
        began = time.monotonic()
        self.carrel("close", "last", "--reason", "a test", "--now")
        self.assertEqual(session.wait(60), 125)
        self.assertLess(time.monotonic() - began, 20 * PATIENCE)
        [closed] = self.told("net.close", name=TCP, up=TRIPS)
        self.assertEqual(closed["data"]["down"], TRIPS)

    def test_questions_one_behind_the_other_over_tcp(self):
        self.round_trips_beside("over_tcp")
        asked = [each["data"] for each in self.told("dns.query") if each["data"]["name"].endswith(".example.org")]
        self.assertGreater(sum(each["count"] for each in asked), 1000)

    def test_bytes_at_full_speed(self):
        self.round_trips_beside("stream")
        self.assertGreater(sum(each["data"]["down"] for each in self.of_type("net.close", name=TCP)), 8 << 20)


if __name__ == "__main__":
    unittest.main()
