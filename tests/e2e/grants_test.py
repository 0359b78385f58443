"""More network than the profile has, for a while: asked for inside, decided outside, ended by time; each step in the record."""
import hashlib
import json
import time
import unittest

from gateway_case import LEASE
from grants_case import GrantsCase

NAMED, NEW = "tcp.example.com", "registry.npmjs.org"


class Grants(GrantsCase):
    def setUp(self):
        super().setUp()
        self.allow(self.world.rule(NAMED, mode="passthrough"))
        self.echo_port = self.world.ports["echo"]

    # ---- what happens ------------------------------------------------------------------------

    def test_what_is_granted_works_for_its_time_and_no_longer(self):
        self.start()
        self.assertEqual(self.do("echo", NAMED, self.echo_port), "ECONNRESET")
        place = f"{NAMED}:{self.echo_port}"
        said = self.ask("network", place, "--tcp", "--for", "one test of the echo", "--until", "1h")
        self.assertIn("asked: request 1", said)
        self.assertIn("whoever grants task local/fix decides: carrel approvals", said)
        self.assertIn("asked already: request 1", self.ask("network", place, "--tcp", "--for", "again", "--until", "1h"))
        row, = self.pending()
        self.assertEqual((row["session"], row["id"], row["task"], row["host"], row["port"], row["mode"], row["reason"]),
                         (self.session, "1", "local/fix", NAMED, self.echo_port, "tcp", "one test of the echo"))
        self.assertEqual(row["text_sha256"], hashlib.sha256(row["text"].encode()).hexdigest())
        self.assertIn(f"{self.session[:12]}/1", self.carrel("approvals").stdout.decode())
        self.assertEqual(self.do("echo", NAMED, self.echo_port), "ECONNRESET", "asking alone grants nothing")
        name = f"{self.session[:12]}/1"
        self.assertIn("never more", self.decide("approve", name, "--until", "2h", code=1))
        self.assertIn("not what was shown", self.decide("approve", name, "--sha256", "0" * 64, code=1))
        said = self.decide("approve", name, "--until", "8s", "--reason", "for the test", "--sha256", row["text_sha256"])
        self.assertTrue(said.startswith(row["text"]), said)
        self.assertIn("approved until", said)
        self.assertEqual(self.pending(), [])
        until = time.time() + 8
        self.wait_until(lambda: "request 1, " in self.screen() and "is approved by" in self.screen(), what="the contractor is told")
        self.assertEqual(self.do("echo", NAMED, self.echo_port), "over there")
        self.assertEqual(self.do("hold", NAMED, self.echo_port), "held")
        self.assertEqual(self.do("carrel", "why", f"tcp://{place}")[0], 0)
        how, when = self.do("how_held_ends")
        self.assertEqual(how, "ECONNRESET")
        self.assertLess(when, until + 1.5)
        self.assertEqual(self.do("echo", NAMED, self.echo_port), "ECONNRESET")
        self.assertIn("what was granted has ended", self.screen())
        self.finish()
        self.check_record(row)

    def check_record(self, row):
        grants = self.grants()
        self.assertEqual([kind for kind, _ in grants], ["grant.requested", "grant.approved", "grant.ended"])
        for _, data in grants:
            self.assertEqual((data["id"], data["what"], data["text_sha256"]), ("1", row["text"], row["text_sha256"]))
        self.assertEqual(grants[0][1]["reason"], "one test of the echo")
        self.assertEqual(grants[1][1]["person"], row["person"])
        self.assertEqual(grants[1][1]["reason"], "for the test (own request: not an independent approval)")
        self.assertTrue(self.told("net.close", name=NAMED, by="grant"))
        opened = [event["verdict"] for event in self.told("net.open", name=NAMED, port=self.echo_port)]
        self.assertEqual(opened, ["denied", "denied", "allowed", "allowed", "denied"])
        verdicts = [event["verdict"] for event in self.events("last", "--kind", "net")
                    if event["type"] == "net.connect" and event["data"]["port"] == self.echo_port]
        self.assertEqual(verdicts, ["denied", "denied", "allowed", "allowed", "denied"])

    def test_a_name_that_the_profile_does_not_know(self):
        self.settings(proxy=True)  # whose own business the address is: the world's are private
        self.start()
        why, said = self.do("carrel", "why", f"https://{NEW}/widget")
        self.assertEqual(why, 2)
        self.assertIn(f"carrel request network {NEW}:443 --for REASON --until TIME", said)
        self.assertEqual(self.do("connected", NEW), "no such name")
        self.assertIn(f"carrel request network {NEW} --for REASON --until TIME", self.screen())
        self.assertIn("(passthrough)", self.ask("network", NEW, "--for", "a package", "--until", "10m"))
        self.decide("approve", "last/1")
        self.wait_until(lambda: self.do("connected", NEW) == "connected", what="it is granted")
        self.assertEqual(self.do("carrel", "why", f"https://{NEW}/widget")[0], 0)
        self.finish()
        self.assertEqual([kind for kind, _ in self.grants()], ["grant.requested", "grant.approved", "grant.ended"])
        self.assertEqual(self.grants()[2][1]["reason"], "the session has ended")

    def test_a_refusal_is_told_with_its_reason(self):
        self.start()
        self.ask("network", NEW, "--for", "a package", "--until", "10m")
        self.assertIn("--reason", self.decide("refuse", "last/1", code=1))
        self.assertIn("refused", self.decide("refuse", "last/1", "--reason", "use the mirror"))
        self.wait_until(lambda: "is refused by" in self.screen(), what="the contractor is told")
        self.assertIn("use the mirror", self.screen())
        self.assertEqual(self.do("connected", NEW), "no such name")
        self.assertIn("no open request 1", self.decide("approve", "last/1", code=2))
        self.finish()
        self.assertEqual([kind for kind, _ in self.grants()], ["grant.requested", "grant.refused"])
        self.assertIn("runs", self.decide("approve", "last/1", code=2))

    def test_what_cannot_be_asked_for_says_why(self):
        self.start()
        for words in (("network", "10.0.0.1", "--for", "x", "--until", "1h"), ("network", NEW + ":0", "--for", "x", "--until", "1h"),
                      ("network", NEW, "--for", "x", "--until", "soon"), ("network", NEW, "--for", "a\nb", "--until", "1h"),
                      ("network", NEW, "--for", "x"), ("network", NEW, "--for", "x", "--until", "2020-01-01T00:00:00Z")):
            self.ask(*words, code=1)
        self.assertIn("none of its can be asked for", self.ask("credential", "ci", "--for", "x", "--until", "1h", code=1))
        self.assertIn("may be reached already", self.ask("network", NAMED, "--for", "x", "--until", "1h"))
        self.assertEqual(self.pending(), [])
        self.finish()
        self.assertEqual(self.grants(), [])


# What a session of the next tests does beside.
MORE = """
import os
def status(method, path, size):
    answer = get(path, "api.example.com", method=method, body=b"x" * size)
    return answer["status"] if isinstance(answer, dict) else answer
def ask_held(path):
    held[-1].sendall(f"GET {path} HTTP/1.1\\r\\nHost: api.example.com\\r\\n\\r\\n".encode())
    answer = b""
    while b"\\r\\n\\r\\n" not in answer or not answer.endswith(b"}"):
        answer += held[-1].recv(4096)
    return int(answer.split()[1])
def begin_upload(size):
    held.append(tls(connect("api.example.com"), "api.example.com"))
    held[-1].sendall(f"PUT /upload/x HTTP/1.1\\r\\nHost: api.example.com\\r\\nContent-Length: {2 * size}\\r\\n\\r\\n".encode() + b"x" * size)
    return "begun"
def hold_tls():
    held.append(tls(connect("api.example.com"), "api.example.com"))
    return ask_held("/protected")
def git(*words):
    done = subprocess.run(["git", "-C", "/tmp/w", "-c", "user.name=a", "-c", "user.email=a@example.org", *words], capture_output=True,
                          text=True, env={**os.environ, "GIT_TERMINAL_PROMPT": "0"})
    return [done.returncode, done.stderr]
def clone(url):
    subprocess.run(["git", "clone", "-q", url, "/tmp/w"], check=True)
    return "cloned"
def push(url, ref, size=200_000):
    with open("/tmp/w/large", "wb") as large:
        large.write(os.urandom(size))
    git("add", "large")
    git("commit", "-q", "-m", "more")
    return git("push", "-q", url, f"HEAD:refs/heads/{ref}")
"""
API, GIT = "api.example.com", "git.example.com"
LARGE = 100_000  # more than passes without max_body


class Wider(GrantsCase):
    """A grant takes nothing away of what the profile allows the same port."""
    more = MORE

    def setUp(self):
        super().setUp()
        presets = [{"preset": "git-fetch", "repository": "/git/acme/widgets"},
                   {"preset": "git-push", "repository": "/git/acme/contrib", "refs": ["refs/heads/contractor/*"]}]
        self.allow(self.world.rule(API, credential="ci", http=[{"methods": ["GET"], "path": "/protected"},
                                                               {"methods": ["POST"], "path": "/upload/**", "max_body": "1MiB"}]),
                   self.world.rule(GIT, credential="ci", http=presets), self.secret())

    def grant(self, host, number, until):
        self.assertIn("(inspect)", self.ask("network", host, "--for", "one test", "--until", "10m"))
        self.decide("approve", f"last/{number}", "--until", until)
        self.wait_until(lambda: f"request {number}, " in self.screen() and "is approved by" in self.screen(), what="it is granted")

    def credentials_sent(self):
        return {dict((name.lower(), value) for name, value in line["headers"]).get("authorization") for line in self.world.log("http")}

    def test_rules_and_credential_of_the_profile_stay(self):
        self.start()
        self.assertEqual(self.do("hold_tls"), 200)
        self.assertEqual(self.do("status", "POST", "/upload/x", LARGE), 200, "the control")
        self.assertEqual(self.do("status", "PUT", "/upload/x", LARGE), 403)
        self.wait_until(lambda: f"carrel request network {API}:443 --for" in self.screen(), what="the line to ask with has the port")
        denial = json.loads(self.do("get", "/a;b", API)["body"])
        self.assertEqual((denial["reason"], denial["request"]), ("path-parameters", ""))
        self.assertIn(f"ask whoever grants this task to change network.{API}, ", denial["ask"])
        said = self.ask("network", API, "--tcp", "--for", "any bytes", "--until", "10m", code=1)
        self.assertIn("is inspected", said)
        self.assertIn("Ask without --tcp", said)
        self.grant(API, 1, "10s")
        until = time.time() + 10
        self.assertEqual(self.do("status", "PUT", "/upload/x", LARGE), 200)
        self.assertEqual(self.do("status", "POST", "/upload/x", LARGE), 200)
        self.assertEqual(self.do("status", "GET", "/protected", 0), 200)
        self.assertEqual(self.do("ask_held", "/protected/@scope%2fname"), 200, "by a connection that was there before")
        self.assertEqual(self.do("carrel", "why", f"https://{API}/else")[0], 0)
        self.assertIn("may be reached already", self.ask("network", API, "--for", "again", "--until", "1h"))
        self.assertLess(time.time(), until, "in its time")
        self.wait_until(lambda: "what was granted has ended" in self.screen(), 30, "the contractor is told")
        self.assertEqual(self.do("ask_held", "/protected"), 200, "what the profile allows goes on")
        self.assertEqual(self.do("status", "PUT", "/upload/x", LARGE), 403)
        self.assertEqual(self.do("status", "POST", "/upload/x", LARGE), 200)
        self.finish()
        self.assertEqual(self.credentials_sent(), {f"Bearer {LEASE}"})
        self.assertEqual(self.of_type("net.close", name=API, by="grant"), [])
        reasons = {}
        for event in self.told("http.request", host=API):
            if event["verdict"] == "allowed":
                reasons.setdefault((event["data"]["method"], event["data"]["path"]), []).append(event["data"]["reason"])
        self.assertEqual(reasons[("PUT", "/upload/x")], ["by-grant"])
        self.assertEqual({*reasons[("POST", "/upload/x")], *reasons[("GET", "/protected")]}, {""})

    def test_git_pushes_what_its_rules_let_and_what_is_granted(self):
        site = f"https://{GIT}/git"
        self.start()
        self.assertEqual(self.do("clone", f"{site}/acme/widgets"), "cloned")
        self.assertEqual(self.do("push", f"{site}/acme/contrib", "contractor/one")[0], 0, "the control")
        self.assertNotEqual(self.do("push", f"{site}/acme/contrib", "more")[0], 0)
        self.grant(GIT, 1, "9m")
        for place, ref in (("acme/contrib", "contractor/two"), ("acme/contrib", "more"), ("mallory/loot", "more")):
            self.assertEqual(self.do("push", f"{site}/{place}", ref)[0], 0, self.do("push", f"{site}/{place}", ref))
        self.assertEqual(self.do("push", f"{site}/acme/contrib", "large", 2_000_000)[0], 0, "one of a length that is not said")
        self.assertEqual(self.do("git", "fetch", "-q", f"{site}/acme/widgets", "main")[0], 0)
        self.finish()
        refs = self.world.git("acme/contrib.git", "for-each-ref", "--format=%(refname:short)").split()
        self.assertEqual(refs, ["contractor/one", "contractor/two", "large", "main", "more"])
        self.assertEqual(self.credentials_sent(), {f"Bearer {LEASE}"})

    def test_what_is_asked_by_the_grant_ends_with_it(self):
        self.start()
        self.grant(API, 1, "5s")
        self.do("begin_upload", LARGE)
        how, _ = self.do("how_held_ends")
        self.finish()
        self.assertIn(how, ("ECONNRESET", "TLS", 0), "no byte of an answer")
        self.assertTrue(self.told("net.close", name=API, by="grant"))
        self.assertNotEqual(self.world.log("upload")[0]["end"], "whole")


if __name__ == "__main__":
    unittest.main()
