"""Ways round a gateway, by the numbers of the catalogue that the threat model names: each is first shown to work where
nothing forbids it (from this host, or allowed inside), then wants its exact error, its event, and a world that nothing reached.

| not here | why |
|---|---|
| 13 several authorities on one connection of HTTP/2, 15 extended CONNECT | E2: the gateway speaks HTTP/1.1 only, which 15 wants |
| 25 derived grants (LFS, presigned URLs), 33 placeholders, 34 fields taken out of answers | E2 |
| 36 signatures for a login elsewhere | E2: there is no agent yet |
"""
import base64
import socket
import unittest

from gateway_case import LEASE, GatewayCase

API, OTHER, RAW, TCP, FILES = "api.example.com", "other.example.com", "raw.example.com", "tcp.example.com", "files.example.com"
EVERY_REQUEST = [{"methods": ["GET", "POST", "PUT", "DELETE"], "path": "/**", "max_body": "1MiB"}]


class Names(GatewayCase):
    """1 to 7: names and addresses."""

    def test_01_no_byte_leaves_in_a_question(self):
        self.allow(self.world.rule(API))
        names = [f"stolen-{part}.{below}" for part in ("a", "b") for below in (API, "denied.example.org")]
        script = "for name in given['names']:\n    say(attempt(lambda: socket.gethostbyname(name)))\n"
        self.assertEqual(self.beside(script, names=names), ["no such name"] * 4)
        self.assertEqual({line["name"] for line in self.world.queries()}, set(names))  # control: they came out
        before = len(self.world.queries())
        said = self.inside(script + f"say(socket.gethostbyname('{API}'))\n", names=names)
        self.assertEqual(said[:4], ["no such name"] * 4)
        self.assertRegex(said[4], r"^198\.1[89]\.")
        self.assertEqual(len(self.world.queries()), before)  # not even of the allowed name
        for name in names:
            self.denied_name(name)

    def test_01_every_question_counts_and_nobody_elses(self):
        """Also those of the session's last minute; and the self-test's are not the contractor's."""
        self.allow(self.world.rule(API))
        script = "for _ in range(7):\n    say(ask_dns('denied.example.org', 1, '127.0.0.53', False)[0])\n"
        self.assertEqual(self.inside(script), [3] * 7)
        told = self.of_type("dns.query", name="denied.example.org")
        self.assertEqual([event["data"]["count"] for event in told], [1, 6])
        self.assertEqual({event["data"]["name"] for event in self.of_type("dns.query")}, {"denied.example.org"})

    def test_02_no_other_server_answers(self):
        self.world.answer({"only.example.com": {"A": ["10.213.0.9"]}})
        self.allow(self.world.rule(API))
        script = "for to in given['to']:\n    for stream in (False, True):\n        say(attempt(ask_dns, 'only.example.com', 1, to, stream))\n"
        self.assertEqual(self.beside(script, to=[self.world.dns_address]), [[0, 1, "10.213.0.9"]] * 2)
        seen = len(self.world.arrivals())
        servers = [self.world.dns_address, "8.8.8.8", "127.0.0.53", "2001:4860:4860::8888"]
        self.assertEqual(self.inside(script + "say(connected(given['to'][0], 853))\n", to=servers), [[3, 0, None]] * 8 + ["ECONNREFUSED"])
        self.assertEqual(len(self.world.arrivals()), seen)
        self.denied_name("only.example.com")

    def test_03_no_wildcard_and_no_case_carries_bytes(self):
        self.allow(self.world.rule("*.example.com"))
        refused = self.open("/bin/true", code=120)
        self.assertIn("network.host", refused.err.decode())
        self.allow(self.world.rule(API))
        said = self.inside(f"say(get('/small.txt', '{API}')['body'])\nsay(socket.gethostbyname('ApI.eXaMpLe.CoM') == socket.gethostbyname('{API}'))\n"
                           "with tls(connect('aPI.example.com'), given['host']) as c: say('connected')\n", host=API)
        self.assertEqual(said, ["small\n", True, "connected"])
        self.assertEqual({line["name"] for line in self.world.queries()}, {API})  # as the profile spells it

    def test_04_no_dns_over_https_or_tls(self):
        self.allow(self.world.rule(API, http=EVERY_REQUEST))
        script = f"""
query = base64.b64decode("EjQBAAABAAAAAAAAA2FwaQdleGFtcGxlA2NvbQAAAQAB")
for kind in ("application/octet-stream", "application/dns-message"):
    said = get("/echo", "{API}", "Content-Type: " + kind, method="POST", body=query)
    say([said["status"], said["body"]])
said = get("/echo", "{API}", "Accept: application/dns-json")
say([said["status"], said["body"]])
said = get("/dns-query", "{API}", method="POST", body=query)
say([said["status"], said["body"]])
say(attempt(lambda: everything(connect("{API}", 853))[1]))
"""
        said = self.inside(script)
        self.assertEqual(said[0][0], 200, said)  # control
        for status, body in said[1:3]:
            self.assertEqual((status, "dns-over-https" in body), (403, True), body)
        self.assertNotEqual(said[3][0], 200)  # the answer's type: known only when it comes
        self.assertEqual(said[4], "ECONNRESET")  # a name is connected to before its port is judged
        self.assertEqual({each["verdict"] for each in self.told("net.open", name=API, port=853)}, {"denied"})
        self.assertEqual([each for each in self.world.log("http") if ["Content-Type", "application/dns-message"] in each["headers"]], [])

    def test_05_no_address_is_reached_without_its_name(self):
        self.allow(self.world.rule(API))
        addresses = [self.world.address, self.world.other_address, "::ffff:" + self.world.address] + ([self.world.address6] if self.world.address6 else [])
        script = "for to in given['to']:\n    say(connected(to))\n"
        self.assertEqual(self.beside(script, to=addresses), ["connected"] * len(addresses))
        seen = len(self.reached())
        said = self.inside(script + f"say(connected('{API}'))\n", to=addresses)
        self.assertEqual(said, ["ECONNREFUSED"] * len(addresses) + ["connected"])
        self.assertLessEqual(len(self.reached()), seen + 1)
        refused = [event for event in self.events() if event["type"] in ("net.connect", "net.refused") and event["verdict"] == "denied"]
        self.assertEqual({self.world.address, self.world.other_address} - {event["data"]["address"] for event in refused}, set())

    def test_06_no_odd_spelling_of_an_address(self):
        self.allow(self.world.rule(API))
        number = int.from_bytes(socket.inet_aton(self.world.address), "big")
        odd = [str(number), hex(number), f"10.213.{number & 0xffff}", f"{self.world.address}.nip.io", f"{self.world.address}."]
        script = "for to in given['to']:\n    say(connected(to))\n"
        self.assertEqual(self.beside(script, to=odd[:3]), ["connected"] * 3)
        seen = len(self.reached())
        said = self.inside(script + f"say(get('/small.txt', '{API}')['body'])\nwith tls(connect('{API}.'), '{API}') as c: say('connected')\n", to=odd)
        self.assertEqual(said, ["ECONNREFUSED"] * 3 + ["no such name"] * 2 + ["small\n", "connected"])
        self.assertLessEqual(len(self.reached()), seen + 2)

    def test_07_no_name_that_two_readers_read_in_two_ways(self):
        self.allow(self.world.rule(API))
        labels = b"\x03api\x07example\x03com\0"
        odd = [b"\x0bapi\0example\x03com\0", b"\x03api\x07exam\nle\x03com\0", b"\x0fapi.example.com\0", b"\x03api\xc0\x0c\0", b"\x04api \x07example\x03com\0"]
        said = self.inside("for raw in given['raw']:\n    say(attempt(lambda: ask_dns('', raw=base64.b64decode(raw))))\n"
                           f"for host in given['hosts']:\n    say(attempt(answer_to, b'GET /small.txt HTTP/1.1\\r\\nConnection: close\\r\\nHost: ' + host.encode('latin-1') + b'\\r\\n\\r\\n', '{API}')['status'])\n",
                           raw=[base64.b64encode(each).decode() for each in (labels, *odd)],
                           hosts=[API, f"{API}\0.evil.example", f"{API} evil.example", f"{API}\t", f"{API}@evil.example", f"evil.example#{API}"])
        self.assertEqual(said[0][:2], [0, 1])  # control
        for each in said[1:1 + len(odd)]:
            self.assertTrue(each == "silence" or each[0] in (1, 3) and each[1] == 0, said)
        self.assertEqual(said[1 + len(odd)], 200)  # control
        for status in said[2 + len(odd):]:
            self.assertIn(status, (200, 400, 421))
        self.assertEqual({each["host"] for each in self.world.requests()}, {API})


class Hellos(GatewayCase):
    """8 to 11: the beginning of TLS where nothing is decrypted."""

    def setUp(self):
        super().setUp()
        self.allow(self.world.rule(API, mode="passthrough"))

    def test_08_the_name_of_tls_is_the_name_that_was_dialled(self):
        said = self.inside(f"for name in given['names']:\n    say(greeted('{API}', [client_hello(name)]))\n", names=[API, OTHER, f"x.{API}", "localhost"])
        self.assertEqual(said[0], "hello")
        self.assertEqual([each for each in said[1:] if each == "hello"], [])
        self.assertEqual({each["to"] for each in self.reached()} - {self.world.address}, set())
        self.assertEqual(self.told("tls.hello", sni=OTHER)[0]["verdict"], "denied")

    def test_08_nor_another_where_it_is_decrypted(self):
        self.allow(self.world.rule(API))
        said = self.inside(f"say(get('/small.txt', '{API}')['body'])\nsay(greeted('{API}', [client_hello('{OTHER}')]))\n")
        self.assertEqual(said[0], "small\n")
        self.assertNotEqual(said[1], "hello")
        self.assertEqual(self.world.requests(OTHER), [])

    def test_09_no_tls_without_a_name(self):
        said = self.inside(f"say(greeted('{API}', [client_hello('{API}')]))\nsay(greeted('{API}', [client_hello(None)]))\n"
                           f"say(greeted('{API}', [b'GET / HTTP/1.1\\r\\n\\r\\n']))\nsay(greeted('{API}', [b'SSH-2.0-x\\r\\n']))\n")
        self.assertEqual(said[0], "hello")
        self.assertEqual([each for each in said[1:] if each == "hello"], [])
        self.assertTrue([event for event in self.of_type("tls.hello", sni="") if event["verdict"] == "denied"])

    def test_10_a_hello_in_pieces_is_read_whole(self):
        said = self.inside(f"""
for name in ("{API}", "{OTHER}"):
    hello = client_hello(name)
    say(greeted("{API}", [hello[at:at + 1] for at in range(len(hello))], pause=0.002))
    say(greeted("{API}", [records(hello[5:], 1)]))
    say(greeted("{API}", [with_extension(hello, 0xabcd, bytes(20000))]))
hello = client_hello("{API}")
say(greeted("{API}", [with_extension(hello, 0xabcd, bytes(60000)), b""]))
say(greeted("{API}", [hello[:40]]))
""", timeout=120)
        self.assertEqual(said[0], "hello", said)
        self.assertEqual(said[1], "hello", said)
        self.assertIn(said[2], ("hello", "alert"))  # passed on as it came: it is the server that may not want one so long
        self.assertEqual([each for each in said[3:6] if each == "hello"], [], said)
        self.assertNotEqual(said[7], "hello")  # and it is cut before the client's patience ends
        self.assertNotEqual(said[7], "silence")

    def test_11_no_hidden_name(self):
        self.world.answer({API: {"A": [self.world.address], "HTTPS": "00010000010003026832"}})
        script = "say(attempt(ask_dns, given['name'], 65, given['to'])[:2])\n"
        self.assertEqual(self.beside(script, name=API, to=self.world.dns_address), [[0, 1]])
        said = self.inside(script + f"hello = client_hello('{API}')\nsay(greeted('{API}', [with_extension(hello, 0xabcd, bytes(64))]))\n"
                           f"say(greeted('{API}', [with_extension(hello, 0xfe0d, bytes(64))]))\n", name=API, to="127.0.0.53")
        self.assertEqual(said[:2], [[0, 0], "hello"])
        self.assertNotEqual(said[2], "hello")
        self.assertTrue([event for event in self.of_type("tls.hello", sni=API) if event["verdict"] == "denied"])


class Requests(GatewayCase):
    """12 to 20 and 25: requests where TLS is decrypted."""

    def raw_rule(self, **options):
        return self.world.rule(RAW, ports=[self.world.ports["raw"]], **{"http": EVERY_REQUEST, **options})

    def send_raw(self, *requests):
        """Sends bytes to the world's byte-exact server; the status of each first answer, 0 for none."""
        script = f"""for text in given['requests']:
    said = attempt(lambda: answer_to(base64.b64decode(text), "{RAW}", {self.world.ports['raw']}, wait=3))
    say(said["status"] if isinstance(said, dict) else 0)
"""
        return self.inside(script, requests=[base64.b64encode(each.replace(b"HOST", self.authority())).decode() for each in requests], timeout=150)

    def authority(self):
        return f"{RAW}:{self.world.ports['raw']}".encode()

    def test_12_the_host_of_a_request_is_the_name_that_was_dialled(self):
        self.allow(self.world.rule(API), self.world.rule(OTHER))
        said = self.inside(f"""
request = "GET /small.txt HTTP/1.1\\r\\nHost: %s\\r\\n%s\\r\\n"
say(attempt(answer_to, (request % ("{API}", "Connection: close\\r\\n")).encode(), "{API}")["status"])
say(attempt(answer_to, (request % ("{OTHER}", "Connection: close\\r\\n")).encode(), "{API}")["status"])
say(attempt(answer_to, (request % ("{API}", "Host: {OTHER}\\r\\nConnection: close\\r\\n")).encode(), "{API}")["status"])
two = attempt(answer_to, (request % ("{API}", "") + request % ("{OTHER}", "Connection: close\\r\\n")).encode(), "{API}", 443, None, 3)
say([two["status"], "HTTP/1.1 421" in two["body"]])
""")
        self.assertEqual(said[:2], [200, 421])
        self.assertEqual(said[2], 400)
        self.assertEqual(said[3], [200, True])
        self.assertEqual(self.world.requests(OTHER), [])

    def test_14_no_proxy_within(self):
        self.allow(self.raw_rule())
        said = self.send_raw(b"GET http://HOST/x HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n".replace(b"http:", b"https:"),
                             b"CONNECT other.example.com:443 HTTP/1.1\r\nHost: HOST\r\n\r\n", b"CONNECT HOST HTTP/1.1\r\nHost: HOST\r\n\r\n",
                             b"GET https://other.example.com/ HTTP/1.1\r\nHost: HOST\r\n\r\n", b"TRACE / HTTP/1.1\r\nHost: HOST\r\n\r\n",
                             b"GET https://u:p@HOST/ HTTP/1.1\r\nHost: HOST\r\n\r\n")
        self.assertEqual(said[:5], [200, 405, 405, 421, 405])
        self.assertEqual(said[5], 400)
        self.assertEqual([each.split("\r\n")[0] for each in self.seen_requests()], ["GET /x HTTP/1.1"])

    def test_15_only_http_1_is_spoken(self):
        self.allow(self.raw_rule(), self.world.rule(API))
        said = self.inside(f"with tls(connect('{API}'), '{API}', ['h2', 'http/1.1']) as c: say(c.selected_alpn_protocol())\n"
                           f"said = attempt(answer_to, b'PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n', '{API}')\nsay(said['status'])\n")
        self.assertEqual(said, ["http/1.1", 505])
        upgrade = b"GET /h2c HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
        self.send_raw(upgrade)
        for head in self.seen_requests():
            self.assertNotIn("upgrade:", head.lower())
            self.assertNotIn("http2-settings", head.lower())

    def test_16_no_websocket_that_is_not_granted(self):
        script = f"""
def talk(host):
    with tls(connect(host), host) as c:
        c.sendall(b"GET /upgrade HTTP/1.1\\r\\nHost: " + host.encode() + b"\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n"
                  b"Sec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n")
        first = c.recv(4096)
        if b" 101 " not in first.split(b"\\r\\n")[0]:
            return first[9:12].decode()
        c.sendall(b"through")
        return c.recv(100).decode()
say(attempt(talk, "{API}"))
say(attempt(talk, "{FILES}"))
"""
        self.allow(self.world.rule(API, http=[{"methods": ["GET"], "path": "/upgrade", "upgrade": True}]), self.world.rule(FILES))
        said = self.inside(script)
        self.assertEqual(said[0], "through")
        self.assertIn(said[1], ("403", "426"))
        self.assertEqual([each for each in self.world.log("http") if each["host"] == FILES and "Upgrade" in dict(each["headers"])], [])

    def test_17_nothing_is_smuggled(self):
        self.allow(self.raw_rule())
        good = b"POST /good HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody"
        hidden = b"GET /hidden HTTP/1.1\r\nHost: HOST\r\n\r\n"
        chunks = b"0\r\n\r\n" + hidden
        bad = [b"POST /bad HTTP/1.1\r\nHost: HOST\r\n" + fields + b"\r\n\r\n" + chunks for fields in (
            b"Content-Length: %d\r\nTransfer-Encoding: chunked" % len(chunks), b"Transfer-Encoding: chunked\r\nContent-Length: 4",
            b"Content-Length: 4\r\nContent-Length: 6", b"Content-Length: +4", b"Content-Length: 4, 4", b"Content-Length : 4",
            b"Transfer-Encoding: xchunked", b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: gzip, chunked",
            b"Transfer-Encoding:\x0bchunked", b"X: a\r\n Content-Length: 4", b"X: a\nContent-Length: 4", b"X: a\rTransfer-Encoding: chunked",
            b"X: a\0b", b" Content-Length: 4", b"Content_Length\x00: 4")]
        bad += [b"GET /bad HTTP/1.1\nHost: HOST\n\n", b"GET  /bad HTTP/1.1\r\nHost: HOST\r\n\r\n", b"GET /bad HTTP/1.1\r\n\r\n",
                b"GET /b\x01ad HTTP/1.1\r\nHost: HOST\r\n\r\n", b"GET /bad\r\n\r\n"]
        said = self.send_raw(good, *bad)
        self.assertEqual(said[0], 200)
        self.assertEqual([(status, text) for status, text in zip(said[1:], bad) if not 400 <= status <= 505], [])
        self.assertEqual([head.split("\r\n")[0] for head in self.seen_requests()], ["POST /good HTTP/1.1"])

    def test_17_chunks_are_read_strictly(self):
        self.allow(self.raw_rule())
        start = b"POST /%s HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        bad = [b"4;" + b"x" * 300 + b"\r\nbody\r\n0\r\n\r\n", b"4\nbody\n0\n\n", b"0x4\r\nbody\r\n0\r\n\r\n", b"-4\r\nbody\r\n0\r\n\r\n",
               b"4\r\nbodyXX0\r\n\r\n", b"fffffffffffffffff\r\nbody", b"4 \r\nbody\r\n0\r\n\r\n", b"\r\nbody\r\n0\r\n\r\n"]
        said = self.send_raw(start % b"good" + b"4\r\nbody\r\n0\r\n\r\n", *[start % b"bad" + each for each in bad])
        self.assertEqual(said[0], 200)
        self.assertEqual([(status, text) for status, text in zip(said[1:], bad) if status == 200], [])
        whole = [line for line in self.world.log("raw") if line["event"] == "request" and "/good" in line["head"]]
        self.assertEqual(len(whole), 1)

    def test_18_one_form_of_a_path_is_decided_and_sent(self):
        self.allow(self.raw_rule(http=[{"methods": ["GET"], "path": "/public/**"}]))
        good = {b"/public/a": "/public/a", b"/public/a/../b": "/public/b", b"/public/%61//c": "/public/a/c", b"/public/a?q=/../x": "/public/a?q=/../x"}
        bad = [b"/secret", b"/public/../secret", b"/public/%2e%2e/secret", b"/public/%2E./secret", b"/public/..;/secret", b"/public/..%2fsecret",
               b"/public/..%5csecret", b"/public\\..\\secret", b"//secret", b"/PUBLIC/a", b"/public/%252e%252e/secret", b"/public/%00", b"/public/%zz",
               b"/public/..%c0%af..%c0%afsecret", b"/../public/a", b"/public/a;/../../secret", b"/public", b"public/a", b"/public/a#/../secret"]
        said = self.send_raw(*[b"GET %s HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n" % path for path in (*good, *bad)])
        self.assertEqual(said[:len(good)], [200] * len(good))
        self.assertEqual([(status, path) for status, path in zip(said[len(good):], bad) if status not in (400, 403)], [])
        self.assertEqual([head.split(" ")[1] for head in self.seen_requests()], list(good.values()))

    def test_19_no_header_makes_another_request_of_it(self):
        self.allow(self.raw_rule())
        headers = {"X-HTTP-Method-Override": "DELETE", "X-HTTP-Method": "DELETE", "X-Method-Override": "DELETE", "X-Original-URL": "/admin",
                   "X-Rewrite-URL": "/admin", "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": OTHER, "Forwarded": "host=" + OTHER,
                   "X-Real-IP": "127.0.0.1", "X-Api-Key": "mallory", "Cookie": "a=b", "Authorization": "Bearer mallory",
                   "Proxy-Authorization": "Basic bQ==", "X-Unknown": "y", "Via": "1.1 x", "Te": "trailers"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in {**headers, "Accept": "text/x-kept"}.items()).encode()
        self.assertEqual(self.send_raw(b"GET /x HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n" + lines + b"\r\n"), [200])
        head = self.seen_requests()[0].lower()
        self.assertIn("accept: text/x-kept", head)  # control
        self.assertEqual([name for name in headers if f"\r\n{name.lower()}:" in head], [])
        self.assertEqual(self.told("http.request", path="/x")[0]["data"]["dropped"], len(headers) - 1)  # TE is the connection's own

    def test_20_a_redirect_leads_nowhere_new(self):
        self.allow(self.world.rule(API))
        out = self.sh(f"curl -sS -o /tmp/o -w '%{{http_code}} %{{redirect_url}}\\n' https://{API}/redirect; "
                      f"curl -sSL -o /tmp/o https://{API}/redirect 2>/dev/null; echo $?").out
        self.assertEqual(out.decode().splitlines(), [f"302 https://{OTHER}/echo", "6"])
        self.assertEqual(self.world.requests(OTHER), [])
        self.assertEqual(self.reached(to=self.world.other_address), [])
        self.denied_name(OTHER)

    def test_25_one_repository_of_a_host_and_no_other(self):
        self.allow(self.world.rule("git.example.com", http=[{"preset": "git-fetch", "repository": "/git/acme/widgets"}]))
        odd = ("mallory/loot", "acme/widgets.git/../contrib", "acme/Widgets", "acme/widgets.wiki", "acme/../mallory/loot")
        said = self.inside("""
for path in given["paths"]:
    said = get("/git/" + path + "/info/refs?service=git-upload-pack", "git.example.com")
    say([said["status"], said["body"][:12]])
for query in ("?service=git-receive-pack", "", "?service=git-upload-pack&x=1"):
    say([get("/git/acme/widgets/info/refs" + query, "git.example.com")["status"]])
""", paths=["acme/widgets", "acme/widgets.git", *odd])
        self.assertEqual(said[:2], [[200, "001e# servic"]] * 2)
        self.assertEqual([each for each in said[2:] if each[0] not in (400, 403)], [])
        self.assertEqual({each["path"].split("/info")[0] for each in self.world.log("http")}, {"/git/acme/widgets", "/git/acme/widgets.git"})

    def test_25_no_plain_rule_is_a_way_round_gits_presets(self):
        plain = [{"methods": ["GET", "POST"], "path": "/**", "max_body": "1MiB"}]
        script = """git init -q /tmp/w && cd /tmp/w && git -c user.name=a -c user.email=a@example.org commit -q --allow-empty -m stolen
for at in mallory/loot Mallory/../acme/contrib; do
  GIT_TERMINAL_PROMPT=0 git push -q https://git.example.com/git/$at HEAD:refs/heads/%s 2>/dev/null; echo "$at $?"
done
echo x | curl -sS -o /dev/null -w '%%{http_code}\\n' --data-binary @- https://git.example.com/echo
"""
        refs = lambda: self.world.git("acme/contrib.git", "for-each-ref", "--format=%(refname)").split()
        self.allow(self.world.rule("git.example.com", http=plain))
        self.assertIn("Mallory/../acme/contrib 0\n", self.sh(script % "control", timeout=90).out.decode())
        self.assertIn("refs/heads/control", refs())
        self.allow(self.world.rule("git.example.com", http=[*plain, {"preset": "git-fetch", "repository": "/git/acme/widgets"}]))
        seen = len(self.world.requests("git.example.com"))
        out = self.sh(script % "stolen", timeout=90).out.decode()
        self.assertEqual(out, "mallory/loot 128\nMallory/../acme/contrib 128\n200\n")  # the last: the plain rule holds for the rest
        self.assertNotIn("refs/heads/stolen", refs())
        self.assertEqual([each["path"] for each in self.world.requests("git.example.com")[seen:]], ["/echo"])
        for request in self.told("http.request", host="git.example.com", status=403):
            self.assertEqual((request["verdict"], request["data"]["reason"]), ("denied", "git-request"))


class Addresses(GatewayCase):
    """21 to 30: other protocols, other addresses, the host itself."""

    def test_21_ipv6_is_no_way_round(self):
        embedded = ["::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::1", "fe80::1", "fd00:ec2::254"]
        names = {f"v6-{number}.example.com": {"AAAA": [address]} for number, address in enumerate(embedded)}
        self.world.answer(names)
        self.allow(self.world.rule(API), *[self.world.rule(name, mode="tcp", up="1MiB", down="1MiB") for name in names])
        said = self.inside("for name in given['names']:\n    say(greeted(name, [b'x']))\n"
                           f"say(attempt(ask_dns, '{API}', 28)[:2])\nsay(get('/small.txt', '{API}')['body'])\nsay(connected('2606:4700::1111'))\n", names=list(names))
        self.assertEqual([each for each in said[:6] if each not in ("ECONNRESET", "FIN")], [])
        self.assertEqual(said[6:], [[0, 0], "small\n", "ECONNREFUSED"])
        for name in names:
            self.assertNotEqual(self.told("net.close", name=name)[0]["data"]["by"], "closed")

    def test_22_no_other_protocol(self):
        self.allow(self.world.rule(API))
        script = """
def send(kind, protocol, port):
    with socket.socket(socket.AF_INET, kind, protocol) as s:
        s.connect((given["to"], port))
        s.send(bytes(8))
    return "sent"
for kind, protocol in ((socket.SOCK_RAW, 1), (socket.SOCK_RAW, 255), (socket.SOCK_DGRAM, 1), (socket.SOCK_STREAM, 132), (socket.SOCK_DGRAM, 136)):
    say(attempt(send, kind, protocol, 443))
"""
        said = self.inside(script, to=self.world.address)
        self.assertNotIn("sent", said[:4])
        self.nothing_reached()

    def test_23_no_quic(self):
        self.allow(self.world.rule(API))
        script = """
def datagram(to):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(3)
        s.connect((to, 443))
        started = time.monotonic()
        s.send(b"x" * 1200)
        try:
            s.recv(1)
        finally:
            say(time.monotonic() - started < 1)
for to in given["to"]:
    say(attempt(datagram, socket.gethostbyname(to)))
"""
        self.assertEqual(self.inside(script, to=[API, self.world.address]), [True, "ECONNREFUSED"] * 2)
        self.nothing_reached()
        self.assertTrue([event for event in self.of_type("net.refused", protocol="udp", port=443) if event["verdict"] == "denied"])

    def test_24_shared_clouds_are_graded_as_danger(self):
        self.allow(self.world.rule("bucket.s3.amazonaws.com", mode="passthrough"), self.world.rule(API))
        said = self.carrel("profile", "lint", str(self.profile), code=None).stdout.decode()
        self.assertRegex(said, r"(?m)^.*danger.*bucket\.s3\.amazonaws\.com|^.*bucket\.s3\.amazonaws\.com.*danger")
        self.assertNotRegex(said, r"(?m)^.*danger.*api\.example\.com")

    def listen_on_the_host(self, address, port=0):
        server = socket.create_server((address, port))
        self.addCleanup(server.close)
        with socket.create_connection(server.getsockname()):  # control: it answers
            server.accept()[0].close()
        server.setblocking(False)
        return server

    def nobody_came(self, server):
        with self.assertRaises(BlockingIOError):
            server.accept()

    def test_26_a_name_is_looked_up_once_and_judged_then(self):
        server = self.listen_on_the_host("127.0.0.1")
        port = server.getsockname()[1]
        self.world.answer({TCP: {"turns": [{"A": [self.world.address], "ttl": 0}, {"A": ["127.0.0.1"], "ttl": 0}]}})
        self.allow(self.world.rule(TCP, ports=[self.world.ports["echo"], port], mode="tcp", up="1MiB", down="1MiB"))
        script = f"""
with connect("{TCP}", {self.world.ports['echo']}) as first:
    first.sendall(b"one"); say(first.recv(3).decode())
    with connect("{TCP}", {port}) as second:
        say(attempt(lambda: (second.sendall(b"two"), second.recv(3).decode())[1]))
    first.sendall(b"two"); say(first.recv(3).decode())
"""
        said = self.inside(script)
        self.assertEqual((said[0], said[2]), ("one", "two"))
        self.assertIn(said[1], ("ECONNRESET", "EPIPE", ""))
        self.nobody_came(server)
        self.assertLessEqual(len([each for each in self.world.queries(TCP) if each["type"] == "A"]), 2)

    def test_26_an_answer_holds_as_long_as_it_says(self):
        self.allow(*[self.world.rule(name, ports=[self.world.ports["echo"]], mode="tcp", up="1MiB", down="1MiB") for name in (TCP, OTHER)])
        self.world.answer({TCP: {"A": [self.world.address], "ttl": 0}, OTHER: {"A": [self.world.address], "ttl": 30}})
        script = f"""
for name in given["names"]:
    for _ in range(3):
        with connect(name, {self.world.ports['echo']}) as c:
            c.sendall(b"one"); say(c.recv(3).decode())
"""
        self.assertEqual(self.inside(script, names=[TCP, OTHER]), ["one"] * 6)
        asked = {name: len([each for each in self.world.queries(name) if each["type"] == "A"]) for name in (TCP, OTHER)}
        self.assertEqual(asked, {TCP: 3, OTHER: 1})

    def test_27_no_metadata_service(self):
        addresses = {"meta-a.example.com": "169.254.169.254", "meta-b.example.com": "168.63.129.16", "meta-c.example.com": "100.100.100.200"}
        self.world.answer({name: {"A": [address]} for name, address in addresses.items()})
        self.allow(self.world.rule(API), *[self.world.rule(name, ports=[80], mode="tcp", up="1MiB", down="1MiB") for name in addresses])
        said = self.inside("for name in given['names']:\n    say(greeted(name, [b'GET / HTTP/1.0\\r\\n\\r\\n'], 80))\n"
                           "for to in ('169.254.169.254', 'fd00:ec2::254', '168.63.129.16'):\n    say(connected(to, 80))\n"
                           f"say(get('/small.txt', '{API}')['body'])\n", names=list(addresses))
        self.assertEqual([each for each in said[:3] if each not in ("ECONNRESET", "FIN")], [])
        self.assertEqual(said[3:], ["ECONNREFUSED"] * 3 + ["small\n"])
        self.nothing_reached_but(API)
        self.allow(self.world.rule("meta-a.example.com", addresses=["169.254.0.0/16"]))
        self.assertIn("network.addresses", self.open("/bin/true", code=120).err.decode())

    def nothing_reached_but(self, name):
        self.assertEqual([each for each in self.world.requests() if each["host"] != name], [])

    def test_28_the_host_itself_is_out_of_reach(self):
        servers = [self.listen_on_the_host(address) for address in ("127.0.0.1", self.world.host_address)]
        ports = [server.getsockname()[1] for server in servers]
        self.world.answer({"host-a.example.com": {"A": ["127.0.0.1"]}, "host-b.example.com": {"A": [self.world.host_address]},
                           "host-c.example.com": {"A": ["0.0.0.0"]}})
        names = ["host-a.example.com", "host-b.example.com", "host-c.example.com"]
        self.allow(self.world.rule(API), *[self.world.rule(name, ports=ports, mode="tcp", up="1MiB", down="1MiB") for name in names])
        said = self.inside("for name in given['names']:\n    for port in given['ports']:\n        say(greeted(name, [b'x'], port))\n"
                           "for to in ('192.0.2.1', '2001:db8:6b::1', '127.0.0.1'):\n    say(connected(to, 9))\n"
                           f"say(get('/small.txt', '{API}')['body'])\n", names=names, ports=ports)
        self.assertEqual([each for each in said[:6] if each not in ("ECONNRESET", "FIN")], [])
        self.assertEqual(said[6:], ["ECONNREFUSED"] * 3 + ["small\n"])
        for server in servers:
            self.nobody_came(server)

    def test_29_no_option_leaves_the_way(self):
        self.allow(self.world.rule(API))
        said = self.inside("""
def option(level, name, value):
    with socket.socket() as s:
        s.setsockopt(level, name, value)
    return "set"
for level, name, value in ((1, 36, 1), (1, 33, 1 << 25), (0, 19, 1), (6, 19, 1)):  # MARK, RCVBUFFORCE, IP_TRANSPARENT, TCP_REPAIR
    say(attempt(option, level, name, value))
def from_elsewhere(source):
    with socket.socket() as s:
        s.setsockopt(0, 15, 1)  # IP_FREEBIND: allowed, and of no use
        s.bind((source, 0))
        s.connect((given["to"], 443))
    return "connected"
say(attempt(from_elsewhere, "8.8.8.8"))
""", to=self.world.address)
        self.assertEqual(said[:4], ["EPERM"] * 4)
        self.assertEqual(said[4], "ECONNREFUSED")
        self.nothing_reached()

    def test_30_no_other_kind_of_socket(self):
        self.allow(self.world.rule(API))
        said = self.inside("for family, kind in ((40, 1), (17, 3), (38, 5), (44, 3), (16, 3), (30, 1), (29, 3)):\n"
                           "    say(attempt(lambda: socket.socket(family, kind).close() or 'made'))\n"
                           "say(attempt(lambda: socket.socket(1, 1).close() or 'made'))\n")
        self.assertEqual(said[-1], "made")  # control: unix(7)
        self.assertEqual([each for each in said[:4] if each == "made"], [])  # vsock, packet, alg, xdp


class Traps(GatewayCase):
    """What goes wrong where every address is local: a port of a connection outwards that servers inside want as well."""

    def setUp(self):
        super().setUp()
        self.port = self.world.ports["echo"]
        self.allow(self.world.rule(TCP, ports=[self.port], mode="tcp"))

    def test_a_source_port_like_the_destination_reaches_the_gateway(self):
        """Without a source address on the route the client would be connected to itself, and hear its own words."""
        said = self.inside(f"""
address = socket.gethostbyname("{TCP}")
for port in ({self.port}, 0):
    with socket.socket() as client:
        client.bind(("", port))
        client.connect((address, {self.port}))
        client.sendall(b"there")
        say([client.recv(5).decode(), client.getsockname()[1] == {self.port}, client.getsockname() == client.getpeername()])
""")
        self.assertEqual(said, [["there", True, False], ["there", False, False]])
        self.assertEqual([self.world.ended("echo", number)["bytes"] for number in (1, 2)], [5, 5])
        self.assertEqual({each["data"]["up"] for each in self.told("net.close", name=TCP, by="closed")}, {5})

    def test_b_a_server_inside_may_have_the_port_of_an_open_connection(self):
        """Without SO_REUSEADDR on the gateway's listener its connections would take the port (EADDRINUSE)."""
        said = self.inside(f"""
def served(address):
    with socket.create_server((address, {self.port})) as server:  # sets SO_REUSEADDR, as such servers do
        with connect("127.0.0.1", {self.port}) as client:
            there, _ = server.accept()
            with there:
                client.sendall(b"inside")
                return there.recv(6).decode()
say(attempt(served, "127.0.0.1"))  # control: nothing is open
with connect("{TCP}", {self.port}) as flow:
    for address in ("0.0.0.0", "127.0.0.1"):
        flow.sendall(b"one"); say(flow.recv(3).decode())
        say(attempt(served, address))
    flow.sendall(b"two"); say(flow.recv(3).decode())
""")
        self.assertEqual(said, ["inside", "one", "inside", "one", "inside", "two"])
        self.assertEqual(self.world.ended("echo")["bytes"], 9)  # what was meant for the server inside went there alone


class Bytes(GatewayCase):
    """31, 32 and 35: how much leaves, and as whom."""

    def test_31_a_budget_is_exact_to_the_byte(self):
        for number, budget in enumerate((123456, 123457, 123458), 1):
            self.allow(self.world.rule(TCP, ports=[self.world.ports["sink"]], mode="tcp", up=budget, down="1MiB"))
            self.sh(f"head -c 123457 /dev/zero > /dev/tcp/{TCP}/{self.world.ports['sink']}; true", code=None)
            noted = self.world.ended("sink", number)
            self.assertEqual((noted["bytes"], noted["end"]), (min(budget, 123457), "RST" if budget < 123457 else "FIN"))
            closed = self.told("net.close", name=TCP)[0]["data"]
            self.assertEqual((closed["up"], closed["by"]), (min(budget, 123457), "budget" if budget < 123457 else "closed"))

    def test_31_slow_drops_count_too(self):
        self.allow(self.world.rule(TCP, ports=[self.world.ports["echo"]], mode="tcp", up=50, down="1MiB"))
        said = self.inside(f"""
for _ in range(3):
    with connect("{TCP}", {self.world.ports['echo']}) as c:
        count = 0
        try:
            for _ in range(20):
                c.sendall(b"x"); count += len(c.recv(1))
                time.sleep(0.01)
        except OSError:
            pass
        say(count)
""")
        self.assertEqual(said[0], 20)
        self.assertEqual(sum(said), 50)
        self.assertEqual(sum(line["bytes"] for line in self.world.log("echo") if line["event"] == "ended"), 50)

    def test_31_headers_and_urls_are_bytes_as_well(self):
        self.allow(self.world.rule(API, up="30KiB", down="1MiB", http=[{"methods": ["GET"], "path": "/**"}]))
        said = self.inside(f"say(get('/echo?x=' + 'a' * 1900, '{API}')['status'])\nsay(get('/echo?x=' + 'a' * 2100, '{API}')['status'])\n"
                           f"say(get('/echo', '{API}', body=b'b')['status'])\n"
                           f"say([get('/echo?x=' + 'a' * 1900, '{API}') for _ in range(30)][-1])\n")
        self.assertEqual(said[:2], [200, 414])
        self.assertIn(said[2], (403, 413))
        self.assertFalse(isinstance(said[3], dict) and said[3]["status"] == 200, said[3])
        self.told("net.spent", name=API, way="up")
        self.assertLess(sum(each["up"] for each in self.world.requests(API)), 30 << 10)

    def with_lease(self, **options):
        credential = self.secret()
        self.allow(credential, self.world.rule(API, credential="ci", **options))

    def test_32_a_lease_does_not_come_back_in(self):
        self.with_lease()
        said = self.inside(f"""
say(get("/protected", "{API}")["body"])
for path in ("/authorization?as=raw", "/authorization?as=base64", "/authorization?as=hex", "/authorization?as=url", "/authorization?in=header", "/echo"):
    said = get(path, "{API}")
    say(said["head"] + said["body"] if isinstance(said, dict) else said)
""")
        self.assertIn('"welcome": true', said[0])  # control: it was put in
        forms = [LEASE, LEASE.encode().hex(), LEASE.encode().hex().upper()] + [base64.b64encode(b" " * pad + LEASE.encode()).decode()[4:-4] for pad in range(3)]
        for text in said[1:]:
            self.assertEqual([form for form in forms if form in text], [], text)
        self.assertTrue([event for event in self.of_type("http.request", host=API) if event["verdict"] == "denied" and event["data"]["lease"]])
        self.assertEqual([path for path in self.record("").rglob("*") if path.is_file() and LEASE.encode() in path.read_bytes()], [])

    def test_32_nor_does_it_come_in_parts(self):
        self.allow(self.secret(), self.world.rule(API, credential="ci"), self.world.rule(FILES))
        said = self.inside(f"""
half = {len("Bearer " + LEASE) // 2}
parts = [f"bytes={{first}}-{{last}}" for first, last in ((0, half - 1), (half, 1000))]
say([get("/authorization", "{FILES}", "Range: " + part)["status"] for part in parts])
for part in parts:
    for said in (get("/authorization", "{API}", "Range: " + part, 'If-Range: "x"'), get("/authorization?range=" + part, "{API}")):
        say(said["body"])
""")
        self.assertEqual(said[0], [206, 206])  # control: this server gives parts
        self.assertEqual([text for text in said[1:] if LEASE[:6] in text or LEASE[-6:] in text], [], said)
        asked = [{name.lower(): value for name, value in each["headers"]} for each in self.world.log("http") if each["host"] == API]
        self.assertEqual({(each["authorization"], "range" in each, "if-range" in each) for each in asked}, {(f"Bearer {LEASE}", False, False)})
        self.assertEqual(len(self.told("http.request", host=API, reason="secret-echoed")), 2)
        self.assertEqual(len(self.told("http.request", host=API, reason="partial", status=502)), 2)

    def test_32_nor_is_it_asked_for(self):
        self.with_lease(http=[{"methods": ["GET"], "path": "/protected"}])
        self.secret(value="not the right word")
        out = self.sh(f"curl -sS -o /tmp/o -w '%{{http_code}}\\n' https://{API}/protected; curl -sSi https://{API}/small.txt | head -1; "
                      "env; cat /proc/self/environ; ls -R /run/carrel", code=None).out
        self.assertNotIn(b"not the right word", out)
        self.assertNotIn(b"401", out)

    def test_35_who_asks_is_whom_the_profile_says(self):
        self.with_lease()
        script = f"""
said = get("/protected", "{API}", "Authorization: Basic bWFsbG9yeTpzZWNyZXQ=", "Cookie: session=mallory", "X-Api-Key: mallory", "Private-Token: mallory")
say(said["status"])
say(get("/protected", "{API}", "Authorization: Bearer mallory", "Authorization: Bearer mallory2")["status"])
"""
        self.beside(script)
        self.assertTrue([each for each in self.world.log("http") if "mallory" in str(each["headers"])])  # control
        before = len(self.world.log("http"))
        self.assertEqual(self.inside(script)[0], 200)
        seen = self.world.log("http")[before:]
        self.assertTrue(seen)
        for each in seen:
            self.assertEqual([value for name, value in each["headers"] if name.lower() == "authorization"], [f"Bearer {LEASE}"])
            self.assertNotIn("mallory", str(each["headers"]))


if __name__ == "__main__":
    unittest.main()
