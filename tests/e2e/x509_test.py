"""Client certificates: made for the session by an authority of the admin's, shown by the gateway to the one server that a rule names
them for, and nowhere inside."""
import json
import time
import unittest

from gateway_case import GatewayCase
from grants_case import GrantsCase
from outside import MTLS

# What looks for a private key wherever a workspace can: its files, what it was started with, what others were.
SEARCH = """
import os
def holds(path):
    try:
        with open(path, "rb") as file:
            return b"PRIVATE" + b" KEY" in file.read(1 << 20)
    except OSError:
        return False
open("/tmp/control", "w").write("-----BEGIN PRIVATE" + " KEY-----")
seen, found = 0, []
for top in ("/run", "/tmp", "/home", "/etc", "/workspaces", "/var", "/dev/shm"):
    for folder, _, files in os.walk(top):
        for name in files:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                seen += 1
                if holds(path):
                    found.append(path)
for pid in filter(str.isdigit, os.listdir("/proc")):
    found += [each for each in (f"/proc/{pid}/environ", f"/proc/{pid}/cmdline") if holds(each)]
say([seen > 20, found])
"""


class Authorities:
    def certificates(self, authority="ca", more="", ttl="6s"):
        """The table of a credential that is a certificate by that authority of the world's."""
        folder = self.state / "secrets"
        self.secret()
        (folder / "ca.corp").touch(0o600)
        (folder / "ca.corp").write_text(self.world.authority_file(authority))
        self.secret()  # which gives the folder to its owner
        return f'[[credential]]\nname = "corp"\nkind = "x509"\nfrom = "ca:corp"\nttl = "{ttl}"\n' + more

    def shown(self):
        """What the server noted of requests that came with or without a certificate."""
        return [(line["status"], line["certificate"], line["serial"], line["verified"]) for line in self.world.requests(MTLS)]


class Certificates(Authorities, GatewayCase):
    def test_the_server_sees_who_comes_and_a_new_one_after_the_renewal(self):
        self.allow(self.world.rule(MTLS))
        self.assertEqual(self.inside(f"say(get('/small.txt', '{MTLS}')['status'])"), [400])  # control: it wants one
        self.assertEqual(self.shown(), [(400, "", "", "NONE")])
        self.allow(self.world.rule(MTLS, credential="corp"), self.certificates())
        said = self.inside(f"""
first = get("/small.txt", "{MTLS}")
say([first["status"], first["body"]])
time.sleep(4)
say(get("/small.txt", "{MTLS}")["status"])
""")
        self.assertEqual(said, [[200, "small\n"], 200])
        first, second = self.shown()[1:]
        session = self.sessions()[0]["session"]
        leases = [(event["type"], event["data"]["lease"]) for event in self.events("last", "--kind", "credential")]
        self.assertEqual([kind for kind, _ in leases][:2], ["credential.issued", "credential.renewed"])
        for seen, (_, lease) in zip((first, second), leases):
            self.assertEqual((seen[0], seen[1], seen[3]), (200, f"CN=carrel:{session}:{lease}", "SUCCESS"))
        self.assertNotEqual(first[2], second[2])
        used = [event["data"]["lease"] for event in self.told("http.request", host=MTLS)]
        self.assertEqual(used, [leases[0][1], leases[1][1]])
        self.assertEqual(leases[-1][0], "credential.ended")

    def test_one_by_another_authority_is_worth_nothing(self):
        self.allow(self.world.rule(MTLS, credential="corp"), self.certificates("unknown-ca"))
        self.assertEqual(self.inside(f"say(get('/small.txt', '{MTLS}')['status'])"), [400])
        self.assertRegex(self.shown()[0][3], "^FAILED")

    def test_its_key_is_nowhere_inside(self):
        self.allow(self.world.rule(MTLS, credential="corp"), self.certificates())
        said = self.inside(f"say(get('/small.txt', '{MTLS}')['status'])" + SEARCH)
        self.assertEqual(said, [200, [True, ["/tmp/control"]]])
        self.assertNotIn("PRIVATE KEY", json.dumps(self.events()))


class OnRequest(Authorities, GrantsCase):
    more = """
def hold_tls(host):
    held.append(tls(connect(host), host))
    held[-1].sendall(f"GET /small.txt HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n".encode())
    answer = b""
    while b"\\r\\n\\r\\n" not in answer or not answer.endswith(b"small\\n"):
        answer += held[-1].recv(4096)
    return int(answer.split()[1])
"""

    def status(self):
        answer = self.do("get", "/small.txt", MTLS)
        return answer["status"] if isinstance(answer, dict) else answer

    def test_without_a_lease_there_is_no_certificate_and_after_it_none(self):
        self.allow(self.world.rule(MTLS, credential="corp"), self.certificates(more='issue = "request"\n', ttl="1m"))
        self.start()
        self.assertEqual(self.status(), 403)
        self.assertEqual(self.reached(), [], "nothing went out")
        self.ask("credential", "corp", "--for", "one test", "--until", "1h")
        self.assertIn("kind: x509 (the gateway shows it to servers; it is never inside)", self.decide("approve", "last/1", "--until", "8s"))
        until = time.time() + 8
        self.wait_until(lambda: self.status() == 200, what="it is granted")
        self.assertEqual(self.do("hold_tls", MTLS), 200)
        _, when = self.do("how_held_ends")
        self.assertGreater(when, until - 2)
        self.assertLess(when, until + 1.5)
        served = len(self.shown())
        self.assertEqual(self.status(), 403)
        self.finish()
        self.assertEqual({seen[0] for seen in self.shown()}, {200})
        self.assertEqual(len(self.shown()), served, "what came after its end did not reach the server")
        self.assertTrue(self.told("net.close", name=MTLS, by="lease"))
        kinds = [event["type"] for event in self.events("last", "--kind", "credential")]
        self.assertEqual(kinds, ["credential.issued", "credential.ended"])


if __name__ == "__main__":
    unittest.main()
