"""Servers and clients that do to the gateway what no good one does: it costs their own connection, and nobody else's."""
import json
import unittest

from gateway_case import GatewayCase

API, RAW = "api.example.com", "raw.example.com"

# Beside a flood that never waits, another connection is made and answered: how many seconds that takes.
FLOODS = """
import threading
def flood(method, path, fields, piece):
    with connect("raw.example.com", given["port"]) as c:
        c.settimeout(5)
        lines = [f"{method} {path} HTTP/1.1", f"Host: raw.example.com:{given['port']}", *fields]
        c.sendall("\\r\\n".join(lines).encode() + b"\\r\\n\\r\\n")
        begun.set()
        try:
            while not over.is_set() and (c.sendall(piece) or True if piece else c.recv(65536)):
                pass
        except OSError:
            pass
def beside():
    started = time.monotonic()
    said = get("/small.txt", "api.example.com")
    return [said["body"] if isinstance(said, dict) else said, time.monotonic() - started]
say(beside())
chunks, crumbs = ["Transfer-Encoding: chunked"], b"1\\r\\nx\\r\\n" * 10000
git = ["Content-Type: application/x-git-upload-pack-request", *chunks]
floods = {"interim": ("GET", "/interim", [], b""), "down": ("GET", "/crumbs", [], b""), "up": ("POST", "/hears", chunks, crumbs),
          "fetch": ("POST", "/git/a/b/git-upload-pack", git, crumbs)}
for flooding in given["floods"]:
    begun, over = threading.Event(), threading.Event()
    threads = [threading.Thread(target=flood, args=floods[flooding]) for _ in range(4)]
    for thread in threads:
        thread.start()
    begun.wait()
    time.sleep(0.2)
    say(beside())
    over.set()
    for thread in threads:
        thread.join()
"""

SIZE = 48 << 20  # more than lies on the way

EARLY = """
import select
def open_to(port):
    plain = connect("raw.example.com", port)
    return tls(plain, "raw.example.com") if port == given["ports"][1] else plain
def request(path, port):
    head = f"POST {path} HTTP/1.1\\r\\nHost: raw.example.com:{port}\\r\\nConnection: close\\r\\nContent-Length: {given['size']}\\r\\n\\r\\n"
    return head.encode() + bytes(given["size"])
def first_all_then_the_answer(path, port):
    with open_to(port) as c:
        c.sendall(request(path, port))
        head, _, body = everything(c)[0].partition(b"\\r\\n\\r\\n")
    return [int(head[9:12] or b"0"), body.decode()]
not_now = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
def both_at_once(path, port):
    rest, came = memoryview(request(path, port)), bytearray()
    with open_to(port) as c:
        c.setblocking(False)
        while True:
            try:
                part = c.recv(1 << 18)
                if not part:
                    break
                came += part
                continue
            except not_now:
                pass
            try:
                if rest:
                    rest = rest[c.send(rest[:1 << 16]):]
                    continue
            except not_now:
                pass
            if select.select([c], [c] if rest else [], [], 15) == ([], [], []):
                return "silence"
    head, _, body = bytes(came).partition(b"\\r\\n\\r\\n")
    return [int(head[9:12] or b"0"), len(body)]
for port in given["ports"]:
    for path in (f"/whole/{given['size']}", "/early/413", "/stays/401"):
        say(attempt(first_all_then_the_answer, path, port))
    say(attempt(both_at_once, f"/duplex/{given['size']}", port))
"""

# Requests whose server does not keep to one request and one answer.
UNEVEN = """
import threading
def request(path, length=None):
    body = f"Content-Length: {length}\\r\\n" if length is not None else ""
    return f"{'POST' if body else 'GET'} {path} HTTP/1.1\\r\\nHost: raw.example.com:{given['port']}\\r\\n{body}\\r\\n".encode()
def body_of(c):
    came, end = everything(c)
    return [came.partition(b"\\r\\n\\r\\n")[2].decode(), end]
def broken_off():
    # Nothing is being sent when the reset comes: only who reads can hear it.
    with connect("raw.example.com", given["port"]) as c:
        c.sendall(request("/breaks", 1 << 27))
        c.settimeout(1)
        try:
            while True:
                c.send(bytes(1 << 16))
        except OSError:  # there is no room any more
            c.settimeout(15)
        return body_of(c)
def counted(status):
    with connect("raw.example.com", given["port"]) as c:
        c.sendall(request(f"/counts/{status}", 1 << 27))
        over = threading.Event()
        def drip():
            while not over.wait(0.02) and attempt(c.sendall, bytes(1000)) is None:
                pass
        thread = threading.Thread(target=drip)
        thread.start()
        came = b""
        while len(came.partition(b"\\r\\n\\r\\n")[2]) < 8 and (part := c.recv(1000)):
            came += part
        over.set()
        thread.join()
        return int(came.partition(b"\\r\\n\\r\\n")[2])
def twice(at_once):
    with connect("raw.example.com", given["port"]) as c:
        c.sendall(request(f"/twice/{at_once}"))
        time.sleep(0.5)
        attempt(c.sendall, request(f"/twice/{at_once}"))
        came = everything(c)[0]
        return [word in came for word in (b"first", b"second")]
"""

# Requests of a fetch, all but the last byte: who is answered then, and who once there is room again.
BODIES = """
import select
def fetch(body, size):
    c = connect("raw.example.com", given["port"])
    c.sendall(b"POST /git/a/b/git-upload-pack HTTP/1.1\\r\\nHost: raw.example.com:%d\\r\\nAccept: */*\\r\\n"
              b"Content-Type: application/x-git-upload-pack-request\\r\\nContent-Length: %d\\r\\n\\r\\n" % (given["port"], size) + body)
    return c
def said(c):
    head, _, body = everything(c)[0].partition(b"\\r\\n\\r\\n")
    return [int(head[9:12]), json.loads(body)["reason"]]
held = [fetch(bytes((1 << 20) - 1), 1 << 20) for _ in range(36)]
answered, until = [], time.monotonic() + 10
while time.monotonic() < until and len(answered) < 4:
    for c in select.select(held, [], [], 0.5)[0]:
        held.remove(c)
        answered.append(said(c))
say([len(held), answered])
held.pop().close()
time.sleep(0.5)
say(said(fetch(b"what", 4)))
"""

# A client that begins TLS and says nothing more, and a server that says nothing at all.
SILENCE = """
import threading
def silent_client():
    with connect("api.example.com") as c:
        c.settimeout(30)
        c.sendall(client_hello("api.example.com"))
        began = time.monotonic()
        end = everything(c)[1]
        heard["client"] = [end, 8 < time.monotonic() - began < 20]
heard = {}
thread = threading.Thread(target=silent_client)
thread.start()
socket.setdefaulttimeout(30)
began = time.monotonic()
server = get("/", "raw.example.com", "Accept: */*", port=given["port"])
heard["server"] = [server["status"], json.loads(server["body"])["reason"], 8 < time.monotonic() - began < 20]
thread.join()
say(heard)
"""


class Hostile(GatewayCase):
    def odd(self, *rules, **options):
        """A rule for the odd server."""
        http = [{"methods": ["GET"], "path": "/**"}, {"methods": ["POST"], "path": "/**", "max_body": "256MiB"}, *rules]
        return self.world.rule(RAW, ports=[self.world.ports["odd"], self.world.ports["odd_tls"]], http=http, **options)

    def ask(self, path, **given):
        """What the odd server answers through the gateway."""
        return self.inside(f"say(get({path!r}, '{RAW}', port={self.world.ports['odd_tls']}))\n", **given)[0]

    def test_who_floods_stops_nobody_else(self):
        git = {"preset": "git-fetch", "repository": "/git/a/b"}
        self.allow(self.world.rule(API), self.odd(git))
        said = self.inside(FLOODS, port=self.world.ports["odd"], floods=["interim", "down", "up", "fetch"], timeout=150)
        self.assertEqual([body for body, _ in said], ["small\n"] * 5, said)
        self.assertEqual([seconds for _, seconds in said if seconds > 2], [], said)

    def test_answers_that_come_before_the_answer_are_few(self):
        self.allow(self.odd())
        self.assertEqual(self.ask("/interim/8")["body"], "after")
        refused = self.ask("/interim/9")
        self.assertEqual((refused["status"], json.loads(refused["body"])["reason"]), (502, "many-interim"))
        # They count, though nobody is given them.
        self.allow(self.odd(down=300))
        self.assertEqual(self.ask("/interim/8")["status"], 0)
        self.assertEqual(self.told("net.close", name=RAW)[0]["data"]["by"], "budget")

    def test_an_answer_that_comes_early_is_passed_on(self):
        """Half of the body's way is enough for 413, or for 401; and some servers speak while they listen."""
        self.allow(self.odd())
        said = self.inside(EARLY, ports=[self.world.ports["odd"], self.world.ports["odd_tls"]], size=SIZE, timeout=150)
        for at in (0, 4):
            self.assertEqual(said[at:at + 3], [[200, str(SIZE)], [413, "early"], [401, "early"]], said)
            self.assertEqual(said[at + 3], [200, SIZE])
        for path, status in (("/early/413", 413), ("/stays/401", 401)):
            for told in self.told("http.request", path=path):
                self.assertEqual((told["verdict"], told["data"]["status"]), ("allowed", status))
                self.assertLess(told["data"]["up"], SIZE)
        ends = [(each["data"]["by"], each["data"]["why"]) for each in self.told("net.close", name=RAW)]
        self.assertEqual(ends.count(("closed", "the server answered before it had read the request")), 4, ends)
        self.assertEqual(len(ends), 8)

    def test_an_answer_that_breaks_off_is_not_whole_whoever_hears_of_it_first(self):
        self.allow(self.odd())
        said = self.inside(UNEVEN + "say(broken_off())\n", port=self.world.ports["odd"])
        self.assertEqual(said, [["4\r\nhalf\r\n", "ECONNRESET"]])
        self.assertEqual(self.told("net.close", name=RAW)[0]["data"]["why"], "the server broke off within its answer")

    def test_the_rest_of_a_refused_upload_stays_here(self):
        self.allow(self.odd())
        control, refused = self.inside(UNEVEN + "say(counted(200))\nsay(counted(403))\n", port=self.world.ports["odd"])
        self.assertGreater(control, 10_000)
        self.assertEqual(refused, 0)

    def test_a_second_answer_that_nobody_asked_for_is_given_to_nobody(self):
        self.allow(self.odd())
        said = self.inside(UNEVEN + "say(twice(0))\nsay(twice(1))\n", port=self.world.ports["odd"])
        self.assertEqual(said, [[True, True], [True, False]])
        self.assertEqual(len(self.told("http.request", path="/twice/1")), 1)

    def test_curl_shows_an_early_answer(self):
        self.allow(self.odd())
        out = self.sh(f"head -c {SIZE} /dev/zero > /tmp/body; for at in early/413 stays/401; do "
                      f"curl -sS -w ' %{{http_code}}\\n' -H Expect: --max-time 20 --data-binary @/tmp/body https://{RAW}:{self.world.ports['odd_tls']}/$at; done").out
        self.assertEqual(out, b"early 413\nearly 401\n")

    def test_bodies_that_are_held_are_bounded_together(self):
        self.allow(self.odd({"preset": "git-fetch", "repository": "/git/a/b"}))
        held, after = self.inside(BODIES, port=self.world.ports["odd"])
        self.assertGreaterEqual(len(held[1]), 4, held)  # more, where several found the last of the room
        self.assertEqual([each for each in held[1] if each != [503, "no-room"]], [])
        self.assertEqual(after, [403, "git-packet"])

    def test_a_tls_handshake_has_ten_seconds(self):
        self.allow(self.world.rule(API), self.world.rule(RAW, ports=[self.world.ports["sink"]]))
        [heard] = self.inside(SILENCE, port=self.world.ports["sink"])
        self.assertEqual(heard["client"], ["ECONNRESET", True])
        self.assertEqual(heard["server"], [502, "tls-silent", True])
        ended = {name: self.told("net.close", name=name)[0]["data"] for name in (API, RAW)}
        self.assertEqual((ended[API]["by"], ended[API]["why"]), ("protocol", "the client's TLS handshake did not end within 10 s"))
        self.assertEqual(ended[RAW]["why"], f"the TLS handshake with {RAW} did not end within 10 s")


if __name__ == "__main__":
    unittest.main()
