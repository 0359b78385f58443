"""More network than the profile has, for a while: asked for inside, decided outside, ended by time; each step in the record."""
import hashlib
import time
import unittest

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


if __name__ == "__main__":
    unittest.main()
