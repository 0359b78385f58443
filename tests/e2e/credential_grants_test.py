"""A credential that the profile issues on request: asked for inside, decided outside, there while it is granted and no longer; each step
in the record."""
import hashlib
import json
import time
import unittest

from gateway_case import LEASE
from grants_case import GrantsCase

HOST = "api.example.com"
LINE = "carrel request credential ci --for REASON --until TIME"

# What a session of these tests does beside those of grants_test.py.
MORE = """
def hold_tls(host):
    held.append(tls(connect(host), host))
    held[-1].sendall(f"GET /protected HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n".encode())
    answer = b""
    while b"\\r\\n\\r\\n" not in answer or not answer.endswith(b"}"):
        answer += held[-1].recv(4096)
    return int(answer.split()[1])
def token(name, file):
    try:
        return open(f"/run/carrel/credentials/{name}/{file}").read()
    except OSError as why:
        return word(why)
"""


class CredentialGrants(GrantsCase):
    more = MORE

    def setUp(self):
        super().setUp()
        self.allow(self.world.rule(HOST, credential="ci"), self.secret() + 'issue = "request"\nttl = "20s"\n',
                   '[[credential]]\nname = "token"\naudience = "https://ci.example.org"\nissue = "request"\n'
                   '[[credential]]\nname = "always"\naudience = "https://ci.example.org"\n')

    def kinds(self, kind):
        return [(event["type"], event["data"]) for event in self.events("last", "--kind", kind)]

    def ask_for(self, name="ci", until="1h", code=0):
        return self.ask("credential", name, "--for", "one test", "--until", until, code=code)

    def status(self):
        answer = self.do("get", "/protected", HOST)
        return answer["status"] if isinstance(answer, dict) else answer

    def test_it_is_there_while_it_is_granted(self):
        self.start()
        denied = self.do("get", "/protected", HOST)
        self.assertEqual(denied["status"], 403)
        denial = json.loads(denied["body"])
        self.assertEqual((denial["error"], denial["reason"], denial["rule"], denial["request"]),
                         ("denied", "no-lease", f"network.{HOST}", LINE))
        self.wait_until(lambda: LINE in self.screen(), what="the contractor is told what to type")
        code, said = self.do("carrel", "why", f"https://{HOST}/protected")
        self.assertEqual(code, 2, said)
        self.assertIn(LINE, said)
        self.assertIn(LINE, self.do("carrel", "why")[1])
        self.assertEqual(self.world.log("http"), [], "nothing went out")

        self.assertIn("asked: request 1: credential ci (header)", self.ask_for())
        self.assertIn("asked already: request 1", self.ask_for())
        row, = self.pending()
        self.assertEqual((row["credential"], row["credential_kind"], row["from"], row["used_by"], row["reason"]),
                         ("ci", "header", "secret:ci", [HOST], "one test"))
        self.assertNotIn("host", row)
        for line in ("credential: ci", "kind: header (the gateway puts it into requests; it is never inside)", "from: secret:ci",
                     f"used by: {HOST}", "reason: one test"):
            self.assertIn(f"\n{line}\n", row["text"])
        self.assertEqual(row["text_sha256"], hashlib.sha256(row["text"].encode()).hexdigest())
        self.assertIn("credential ci", self.carrel("approvals").stdout.decode())
        self.assertEqual(self.status(), 403, "asking alone grants nothing")

        name = f"{self.session[:12]}/1"
        self.assertIn("never more", self.decide("approve", name, "--until", "2h", code=1))
        self.assertIn("not what was shown", self.decide("approve", name, "--sha256", "0" * 64, code=1))
        self.assertEqual(self.status(), 403)
        said = self.decide("approve", name, "--until", "8s", "--sha256", row["text_sha256"])
        self.assertTrue(said.startswith(row["text"]), said)
        until = time.time() + 8
        self.wait_until(lambda: self.status() == 200, what="it is granted")
        seen = {name.lower(): value for name, value in self.world.log("http")[-1]["headers"]}
        self.assertEqual(seen["authorization"], f"Bearer {LEASE}")
        self.assertEqual(self.do("carrel", "why", f"https://{HOST}/protected")[0], 0)
        self.assertIn("granted already", self.ask_for())
        self.assertEqual(self.pending(), [])
        self.assertEqual(self.do("hold_tls", HOST), 200)
        _, when = self.do("how_held_ends")
        self.assertGreater(when, until - 2)
        self.assertLess(when, until + 1.5)
        self.assertEqual(self.status(), 403)
        self.wait_until(lambda: "what was granted has ended" in self.screen(), 30, "the contractor is told")
        served = len(self.world.log("http"))
        self.finish()
        self.assertEqual(len(self.world.log("http")), served)
        self.check_record(row)

    def check_record(self, row):
        grants = self.kinds("grant")
        self.assertEqual([kind for kind, _ in grants], ["grant.requested", "grant.approved", "grant.ended"])
        for _, data in grants:
            self.assertEqual((data["id"], data["what"], data["text_sha256"]), ("1", row["text"], row["text_sha256"]))
        leases = [(kind.split(".")[1], data) for kind, data in self.kinds("credential") if data["name"] == "ci"]
        self.assertEqual([leases[0][0], leases[-1][0]], ["issued", "ended"])
        self.assertLessEqual(leases[-1][1]["not_after"], grants[2][1]["until"], "no lease outlasts its grant")
        self.assertTrue(self.told("net.close", name=HOST, by="lease"))
        denied = [event for event in self.told("http.request", host=HOST) if event["data"]["reason"] == "no-lease"]
        self.assertGreaterEqual(len(denied), 3)
        self.assertEqual({(event["verdict"], event["data"]["status"]) for event in denied}, {("denied", 403)})
        passed = [event for event in self.told("http.request", host=HOST) if event["verdict"] == "allowed"]
        self.assertEqual({event["data"]["lease"] for event in passed}, {data["lease"] for kind, data in leases if kind == "issued"})
        self.assertNotIn(LEASE, json.dumps(self.events()))

    def test_a_token_comes_and_goes_as_a_file(self):
        self.start()
        self.assertEqual(self.do("token", "token", "token"), "ENOENT")
        self.assertNotEqual(self.do("token", "always", "token"), "ENOENT", "the control")
        self.ask_for("token")
        self.assertEqual(self.do("token", "token", "token"), "ENOENT")
        self.decide("approve", "last/1", "--until", "5s")
        until = time.time() + 5
        self.wait_until(lambda: self.do("token", "token", "token").count(".") == 2, what="it is there")
        self.wait_until(lambda: self.do("token", "token", "token") == "ENOENT", what="it is gone")
        self.assertLess(time.time(), until + 2)
        self.finish()

    def test_who_refuses_says_why(self):
        self.start()
        self.ask_for()
        self.decide("refuse", "last/1", "--reason", "not on a Friday")
        self.wait_until(lambda: "not on a Friday" in self.screen(), what="the contractor is told")
        self.assertEqual(self.status(), 403)
        self.finish()
        self.assertEqual([kind for kind, _ in self.kinds("grant")], ["grant.requested", "grant.refused"])
        self.assertEqual([kind for kind, data in self.kinds("credential") if data["name"] == "ci"], [])

    def test_what_cannot_be_asked_for_says_what_to_do(self):
        self.start()
        said = self.ask_for("other", code=1)
        self.assertIn('no credential "other"; what can be asked for: ci, token', said)
        self.assertIn("is there from the start: a file below /run/carrel/credentials/always", self.ask_for("always"))
        for words in (("credential", "ci", "--for", "x"), ("credential", "ci", "--for", "x", "--until", "soon"),
                      ("credential", "ci", "--for", "x", "--until", "1h", "--tcp")):
            self.ask(*words, code=1)
        self.assertEqual(self.pending(), [])
        self.finish()
        self.assertEqual(self.kinds("grant"), [])

    def test_the_end_of_the_session_is_the_end_of_it(self):
        self.start()
        self.ask_for()
        self.decide("approve", "last/1")
        self.wait_until(lambda: self.status() == 200, what="it is granted")
        self.finish()
        grants = self.kinds("grant")
        self.assertEqual([kind for kind, _ in grants], ["grant.requested", "grant.approved", "grant.ended"])
        self.assertEqual(grants[2][1]["reason"], "the session has ended")
        self.assertEqual([kind for kind, data in self.kinds("credential") if data["name"] == "ci"][-1], "credential.ended")

    def test_a_secret_that_is_not_there_ends_the_grant_and_not_the_session(self):
        self.start()
        (self.state / "secrets/ci").unlink()
        self.ask_for()
        self.decide("approve", "last/1")
        self.wait_until(lambda: "there is no file ci" in self.screen(), what="the contractor is told")
        self.assertEqual(self.status(), 403)
        self.secret()
        self.assertIn("asked: request 2", self.ask_for())
        self.decide("approve", "last/2")
        self.wait_until(lambda: self.status() == 200, what="it is granted")
        self.finish()
        self.assertEqual([(kind, data["id"]) for kind, data in self.kinds("grant")],
                         [("grant.requested", "1"), ("grant.approved", "1"), ("grant.ended", "1"),
                          ("grant.requested", "2"), ("grant.approved", "2"), ("grant.ended", "2")])

    def test_a_secret_that_fits_into_no_header_is_not_issued(self):
        why = "what secret:ci gives fits into no header: it has less than 8 bytes"
        self.secret(value="short-1")
        self.start()
        self.ask_for()
        self.decide("approve", "last/1")
        self.wait_until(lambda: why in self.screen(), what="the contractor is told")
        self.finish()
        self.assertEqual([data for _, data in self.kinds("credential") if data["name"] == "ci"], [])
        self.allow(self.world.rule(HOST, credential="ci"), self.secret(value="short-1"))
        refused = self.open("/bin/true", code=123).err.decode()
        self.assertIn(f"credential ci: {why}; it has to be 8 bytes to 8 KiB", refused)
        self.assertNotIn("short-1", refused + self.screen() + self.logs())
        self.secret(value="longer-1")
        self.open("/bin/true")


if __name__ == "__main__":
    unittest.main()
