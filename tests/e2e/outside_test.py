"""The outside world of the gateway's tests by itself, from this host and without Carrel: what it offers works, for whom
the tests open workspaces, it tells what reached it, and nothing of it is left."""
import base64
import hashlib
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import time
import unittest

from carrel_case import UID
from outside import BAD, MTLS, Outside


class World(unittest.TestCase):
    def setUp(self):
        self.world = self.enterContext(Outside())

    def direct(self, *words, **options):
        return self.world.direct(*words, uid=UID, **options)

    def curl(self, *words, **options):
        return self.direct("curl", "-sS", *words, **options).stdout

    def connect(self, port):
        connection = socket.create_connection((self.world.address, self.world.ports[port]), 10)
        self.addCleanup(connection.close)
        return connection

    def test_http_comes_back_as_it_was_sent(self):
        said = json.loads(self.curl("https://api.example.com/echo/a%2Fb/../c?x=1", "--path-as-is", "-X", "PUT", "-H", "X_Odd: y", "-d", "body"))
        self.assertEqual((said["method"], said["path"], said["host"]), ("PUT", "/echo/a%2Fb/../c?x=1", "api.example.com"))
        self.assertIn(["X_Odd", "y"], said["headers"])
        self.assertEqual(base64.b64decode(said["body_b64"]), b"body")
        for disguise, wanted in (("raw", b"Bearer s3"), ("base64", base64.b64encode(b"Bearer s3")), ("hex", b"Bearer s3".hex().encode())):
            said = self.curl(f"https://api.example.com/authorization?as={disguise}", "-H", "Authorization: Bearer s3")
            self.assertEqual(said, b"you sent <" + wanted + b">")
        status = self.curl("-i", "https://api.example.com/protected").split(b"\r\n")
        self.assertEqual(status[0], b"HTTP/1.1 401 Unauthorized")
        self.assertIn(b'WWW-Authenticate: Basic realm="outside"', status)
        followed = self.curl("-L", "https://api.example.com/redirect?to=https://other.example.com/echo")
        self.assertEqual(json.loads(followed)["host"], "other.example.com")
        self.assertEqual(len(self.world.wait_for(lambda: self.world.requests("other.example.com"))), 1)

    def test_http_bodies(self):
        body = os.urandom(300000)
        for more in ((), ("-H", "Transfer-Encoding: chunked")):
            said = json.loads(self.curl("https://files.example.com/upload", "--data-binary", "@-", *more, input=body))
            self.assertEqual(said, {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()})
        self.assertEqual(len(self.curl("https://files.example.com/chunked?bytes=100000")), 100000)
        self.assertEqual(self.curl("--compressed", "https://files.example.com/gzip"), bytes(range(256)) * 256)
        started = time.monotonic()
        self.assertEqual(len(self.curl("http://files.example.com/slow?bytes=5&every=0.1")), 5)
        self.assertGreater(time.monotonic() - started, 0.4)
        wanted = self.world.big()
        self.assertEqual(hashlib.sha256(self.curl("https://files.example.com/big.bin")).hexdigest(), wanted)
        with socket.create_connection((self.world.address, 80), 10) as upgraded:
            upgraded.sendall(b"GET /upgrade HTTP/1.1\r\nHost: api.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            self.assertIn(b" 101 ", upgraded.recv(4096))
            upgraded.sendall(b"through")
            self.assertEqual(upgraded.recv(4096), b"through")

    def test_an_upload_that_is_cut_is_told_from_a_whole_one(self):
        with socket.create_connection((self.world.address, 80), 10) as client:
            client.sendall(b"POST /upload HTTP/1.1\r\nHost: files.example.com\r\nContent-Length: 1000\r\n\r\n" + b"x" * 300)
            self.world.wait_for(lambda: [line for line in self.world.log("http") if line["path"] == "/upload"])
            time.sleep(0.2)
        cut = self.world.wait_for(lambda: self.world.log("upload"))[0]
        self.assertEqual((cut["bytes"], cut["end"]), (300, "cut"))

    def test_certificates(self):
        for name in BAD:
            refused = self.direct("curl", "-sS", f"https://{name}/small.txt", check=False)
            self.assertEqual(refused.returncode, 60, refused.stderr)
            self.assertEqual(self.curl("-k", f"https://{name}/small.txt"), b"small\n")
        self.assertIn(b"400 No required SSL certificate", self.curl(f"https://{MTLS}/small.txt"))
        certificate, key = self.world.client_certificate()
        key.chmod(0o644)
        self.assertEqual(self.curl("--cert", certificate, "--key", key, f"https://{MTLS}/small.txt"), b"small\n")
        asked = self.direct("openssl", "s_client", "-connect", f"tcp.example.com:{self.world.ports['s_server']}", "-servername",
                            "tcp.example.com", "-verify_return_error", "-quiet", input=b"GET / HTTP/1.0\r\n\r\n", check=False)
        self.assertIn(b"HTTP/1.0 200", asked.stdout)

    def test_git_fetches_and_pushes_where_it_may(self):
        script = """
git clone -q https://git.example.com/git/acme/widgets.git w && cat w/README.md && cd w &&
git -c user.name=a -c user.email=a@example.org commit -q --allow-empty -m more &&
git push -q https://git.example.com/git/acme/contrib.git HEAD:refs/heads/new && echo pushed
git push -q origin HEAD:refs/heads/new || echo refused"""
        out = self.direct("sh", "-c", script).stdout
        self.assertEqual(out, b"widgets 2pushed\nrefused\n")

    def test_registries(self):
        script = """
npm install --silent --no-audit --no-fund --no-update-notifier tiny && node -p 'require("tiny")'
/usr/bin/python3 -m pip install -q --disable-pip-version-check --no-cache-dir --target t tiny && PYTHONPATH=t /usr/bin/python3 -c 'import tiny; print(tiny.NAME)'
curl -sS https://proxy.golang.org/example.com/tiny/@v/v1.0.0.info; echo"""
        out = self.direct("sh", "-c", script).stdout.decode().splitlines()
        self.assertEqual(out[:2], ["tiny of npm", "tiny of pip"])
        self.assertEqual(json.loads(out[2])["Version"], "v1.0.0")

    def test_plain_tcp_and_how_it_ended(self):
        echo = self.connect("echo")
        echo.sendall(b"to and fro")
        self.assertEqual(echo.recv(100), b"to and fro")
        data = os.urandom(123457)
        for number, reset in ((1, False), (2, True)):
            sink = self.connect("sink")
            sink.sendall(data)
            time.sleep(0.2)  # a reset must not overtake the bytes
            if reset:
                sink.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sink.close()
            noted = self.world.ended("sink", number)
            self.assertEqual((noted["bytes"], noted["end"], noted["sha256"]),
                             (len(data), "RST" if reset else "FIN", hashlib.sha256(data).hexdigest()))
        source = self.connect("source")
        source.sendall(b"5000000\n")
        self.assertEqual(len(source.makefile("rb").read()), 5000000)
        proxy = self.connect("proxy")
        proxy.sendall(b"CONNECT api.example.com:80 HTTP/1.1\r\nHost: api.example.com:80\r\n\r\n")
        self.assertIn(b" 200 ", proxy.recv(4096))
        proxy.sendall(b"GET /small.txt HTTP/1.0\r\n\r\n")
        self.assertTrue(proxy.makefile("rb").read().endswith(b"small\n"))
        self.assertEqual(self.world.log("proxy")[-1]["line"], "CONNECT api.example.com:80 HTTP/1.1")

    def test_names_are_answered_as_told(self):
        world, asked = self.world, []

        def hosts(name):
            asked.append(name)
            done = self.direct("getent", "ahostsv4", name, check=False)
            return sorted({line.split()[0] for line in done.stdout.decode().splitlines()})
        self.assertEqual(hosts("api.example.com"), [world.address])
        self.assertEqual(hosts("absent.example.com"), [])
        world.answer({"alias.example.com": {"CNAME": "other.example.com"}, "away.example.com": {"rcode": "SERVFAIL"},
                      "turn.example.com": {"turns": [{"A": ["10.213.0.9"]}, {"A": ["127.0.0.1"]}]}})
        self.assertEqual(hosts("alias.example.com"), [world.other_address])
        self.assertEqual(hosts("away.example.com"), [])
        self.assertEqual([hosts("turn.example.com") for _ in range(3)], [["10.213.0.9"], ["127.0.0.1"], ["127.0.0.1"]])
        world.answer(forget=["alias.example.com"])
        self.assertEqual(hosts("alias.example.com"), [])
        self.assertEqual(set(asked), {line["name"] for line in world.queries()})
        with socket.create_connection((world.dns_address, 53), 10) as stream:
            query = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\3api\7example\3com\0\0\1\0\1"
            stream.sendall(len(query).to_bytes(2, "big") + query)
            self.assertTrue(stream.recv(512).endswith(socket.inet_aton(world.address)))
        self.assertEqual(world.queries("api.example.com")[-1]["transport"], "tcp")

    def test_every_arrival_is_noted(self):
        world = self.world
        self.assertEqual(world.arrivals(), [])
        with socket.socket() as stream, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
            self.assertEqual(stream.connect_ex((world.other_address, 9)), 111)  # closed, and noted all the same
            datagram.sendto(b"x", (world.address, 443))
        seen = world.wait_for(lambda: (found := world.arrivals()) and len(found) == 2 and found)
        self.assertEqual([(each["protocol"], each["to"], each["port"]) for each in seen],
                         [("tcp", world.other_address, 9), ("udp", world.address, 443)])
        if world.address6:
            with socket.create_connection((world.address6, 80), 10):
                self.assertEqual(len(world.wait_for(lambda: world.arrivals(world.address6, 80, "tcp"))), 1)

    def test_a_test_that_is_killed_leaves_nothing(self):
        program = "import sys; sys.path.insert(0, sys.argv[1]); import outside, time\nwith outside.Outside() as w: print(w.device, w.folder, flush=True); time.sleep(60)"
        killed = subprocess.Popen(["/usr/bin/python3", "-c", program, str(pathlib.Path(__file__).parent)], stdout=subprocess.PIPE, text=True)
        device, folder = killed.stdout.readline().split()
        self.addCleanup(subprocess.run, ["rm", "-rf", folder], check=False)
        self.assertTrue(os.path.exists(f"/sys/class/net/{device}"))
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        killed.stdout.close()
        self.world.wait_for(lambda: not os.path.exists(f"/sys/class/net/{device}"), what="the link goes")
        left = [path for path in pathlib.Path("/proc").glob("[0-9]*/cmdline") if folder.encode() in read(path)]
        self.assertEqual(left, [])


def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


if __name__ == "__main__":
    unittest.main()
