"""Servers and clients that do to the gateway what no good one does: it costs their own connection, and nobody else's."""
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


class Hostile(GatewayCase):
    def odd(self, *rules, **options):
        """A rule for the odd server."""
        http = [{"methods": ["GET"], "path": "/**"}, {"methods": ["POST"], "path": "/**", "max_body": "256MiB"}, *rules]
        return self.world.rule(RAW, ports=[self.world.ports["odd"]], http=http, **options)

    def ask(self, path, **given):
        """What the odd server answers through the gateway."""
        return self.inside(f"say(get({path!r}, '{RAW}', port={self.world.ports['odd']}))\n", **given)[0]

    def test_who_floods_stops_nobody_else(self):
        git = {"preset": "git-fetch", "repository": "/git/a/b"}
        self.allow(self.world.rule(API), self.odd(git))
        said = self.inside(FLOODS, port=self.world.ports["odd"], floods=["interim", "down", "up", "fetch"], timeout=150)
        self.assertEqual([body for body, _ in said], ["small\n"] * 5, said)
        self.assertEqual([seconds for _, seconds in said if seconds > 2], [], said)


if __name__ == "__main__":
    unittest.main()
