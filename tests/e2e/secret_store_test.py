"""carrel-secrets and an HTTP secret store: what it asks, what it believes, and what it says where it cannot have it; then a
session whose gateway puts such a secret into a request."""
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import unittest

from carrel_case import ROOTLESS, give
from gateway_case import GatewayCase
from outside import Authority
from secret_store import SecretStore

PROGRAM = pathlib.Path(os.environ["CARREL_BINARY_DIR"]) / "libexec/carrel/carrel-secrets"
SECRET = "hunter2-of-the-store-61be"
API = "api.example.com"
REQUEST, REPLY = 170, 171


def pki(folder):
    authority = Authority(folder / "pki")
    authority.leaf("store", ["localhost"])
    authority.leaf("elsewhere", ["store.example.com"])
    return authority


def varint(number):
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def fields(body):
    """Numbers and byte strings of a protobuf message, by field."""
    at, found = 0, {}

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = body[at]
            at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value
    while at < len(body):
        key = number()
        if key & 7 == 0:
            found[key >> 3] = number()
        else:
            size = number()
            found[key >> 3], at = body[at:at + size], at + size
    return found


class Program(unittest.TestCase):
    """The program alone, as the launcher starts it; this test is its broker."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="carrel-store-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.authority = pki(cls.folder)

    def setUp(self):
        self.secrets = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        self.log = self.secrets.with_suffix(".log")
        self.store = self.new_store("store")
        self.store.entries["ci/deploy"] = {"token": SECRET, "number": 7, "empty": "", "big": "x" * 65537, "most": "y" * 65536}
        self.process = None
        self.put("store.secret-id", self.store.secret_id + "\n")
        self.put("store.ca", (self.authority.folder / "ca.pem").read_text())
        self.settings()

    def new_store(self, certificate):
        store = SecretStore(self.authority.folder / f"{certificate}.pem", self.authority.folder / "key.pem").start()
        self.addCleanup(store.stop)
        self.addCleanup(lambda: self.assertEqual(store.violations, []))
        return store

    def put(self, name, text, mode=0o600):
        new = self.secrets / ".new"
        new.write_text(text)
        new.chmod(mode)
        new.rename(self.secrets / name)

    def settings(self, **options):
        names = {"token": "ci/deploy#token", "number": "ci/deploy#number", "empty": "ci/deploy#empty", "big": "ci/deploy#big",
                 "most": "ci/deploy#most", "lacks": "ci/deploy#other", "nowhere": "ci/none#token", "gone": "ci/gone#token"}
        self.put("secrets.toml", self.store.settings(**{**names, **options}))

    def start(self, *more):
        ours, theirs = socket.socketpair()
        folder = os.open(self.secrets, os.O_RDONLY | os.O_DIRECTORY)
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        words = [str(PROGRAM), "--broker-fd", str(theirs.fileno()), "--folder-fd", str(folder), "--log-fd", str(log), *(more or ("--network", "1"))]
        self.process = subprocess.Popen(words, pass_fds=(theirs.fileno(), folder, log), cwd="/")
        theirs.close()
        os.close(folder)
        os.close(log)
        self.broker, self.number, self.buffer, self.early = ours, 0, b"", {}
        self.broker.settimeout(30)
        self.addCleanup(self.end)

    def end(self):
        """As a broker that ends: the program's own status."""
        self.broker.close()
        try:
            return self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait()

    def said(self):
        return self.log.read_text()

    def ask(self, name):
        self.number += 1
        what = f"secret:{name}".encode()
        body = b"\x08" + varint(self.number) + b"\x12" + varint(len(what)) + what
        self.broker.sendall(struct.pack("<IHH", len(body), REQUEST, 0) + body)
        return self.number

    def answer(self, number):
        """(value, error) of a question, whatever comes before it."""
        while number not in self.early:
            while len(self.buffer) < 8 or len(self.buffer) < 8 + struct.unpack_from("<I", self.buffer)[0]:
                more = self.broker.recv(1 << 16)
                self.assertTrue(more, self.said())
                self.buffer += more
            size, kind, _ = struct.unpack_from("<IHH", self.buffer)
            found, self.buffer = fields(self.buffer[8:8 + size]), self.buffer[8 + size:]
            self.assertEqual(kind, REPLY)
            self.early[found[1]] = (found.get(2, b"").decode(), found.get(3, b"").decode())
        return self.early.pop(number)

    def value(self, name="token"):
        value, error = self.answer(self.ask(name))
        self.assertEqual(error, "", self.said())
        return value

    def refused(self, words, name="token"):
        value, error = self.answer(self.ask(name))
        self.assertEqual(value, "")
        self.assertIn(words, error)
        self.assertTrue(error.startswith(f"secret:{name}: "), error)
        self.assertNotIn(SECRET, error + self.said())
        return error

    # ---- what it asks ------------------------------------------------------------------------

    def test_a_secret_of_the_store_and_the_token_given_back(self):
        self.start()
        self.assertEqual(self.value(), SECRET)
        self.store.entries["ci/deploy"]["token"] = "second"
        self.assertEqual(self.value(), "second")  # asked for each time, with one login
        self.assertEqual(self.value("most"), "y" * 65536)
        self.assertEqual([path for _, path, _ in self.store.requests("login")], ["/v1/auth/approle/login"])
        [token] = self.store.tokens
        self.assertEqual(self.end(), 0)
        self.assertEqual(self.store.tokens, {})
        log = self.said()
        self.assertRegex(log, r"secrets\.given from=secret:token version=3\n")
        self.assertRegex(log, r"secrets\.store\.login lease_s=3600 renewable=1\n(.*\n)*.* secrets\.store\.revoked\n")
        for hidden in (token, SECRET, self.store.secret_id):
            self.assertNotIn(hidden, log)

    def test_mounts_and_namespace_are_the_admins(self):
        self.store.namespace, self.store.auth_mount, self.store.mount = "team/a", "machines/carrel", "kv"
        self.settings(more='namespace = "team/a"\nauth_mount = "machines/carrel"\nmount = "kv"\ntimeout = "5s"')
        self.start()
        self.assertEqual(self.value(), SECRET)

    def test_files_are_asked_first_and_other_names_are_not_asked_for(self):
        self.put("token", "of the file")
        self.start()
        self.assertEqual(self.value(), "of the file")
        self.refused("there is no file stranger in secrets/ of the state folder, and [store.http.secrets] does not list it", "stranger")
        self.assertEqual(self.store.seen, [])
        value, error = self.answer(self.ask("store.secret-id"))
        self.assertEqual((value, error), ("", "secret:store.secret-id names no secret"))

    # ---- tokens ------------------------------------------------------------------------------

    def test_a_token_is_renewed_and_one_that_has_ended_is_replaced(self):
        self.store.lease = 3
        self.start()
        self.assertEqual(self.value(), SECRET)
        time.sleep(2.2)
        self.assertEqual(self.value(), SECRET)
        self.assertEqual((len(self.store.requests("login")), len(self.store.requests("renew-self"))), (1, 1))
        time.sleep(3.2)
        self.assertEqual(self.value(), SECRET)
        self.assertEqual((len(self.store.requests("login")), len(self.store.requests("renew-self"))), (2, 1))

    def test_a_token_that_the_store_has_forgotten_is_replaced(self):
        self.start()
        self.value()
        self.store.end_tokens()
        self.assertEqual(self.value(), SECRET)
        self.assertEqual(len(self.store.requests("login")), 2)

    def test_a_policys_no_is_told_from_a_token_that_has_ended(self):
        self.store.denied.add("ci/deploy")
        self.start()
        self.refused("the store denies reading secret/ci/deploy (403): its policy for this role has to allow \"read\" of secret/data/ci/deploy")
        self.assertEqual(len(self.store.requests("login")), 2)  # once more, to be sure
        self.store.denied.clear()
        self.assertEqual(self.value(), SECRET)
        self.assertEqual(len(self.store.requests("login")), 2)
        self.end()
        self.assertEqual(self.store.tokens, {})  # the one that was replaced, too

    def test_a_wrong_secret_id_is_said_and_read_anew(self):
        self.put("store.secret-id", "not-this-one")
        self.start()
        self.refused("the store refuses to log in (400): role_id in secrets.toml or the file store.secret-id is wrong")
        self.put("store.secret-id", self.store.secret_id)
        self.assertEqual(self.value(), SECRET)
        self.assertNotIn("not-this-one", self.said())

    def test_files_of_the_store_are_the_admins_alone(self):
        self.put("store.secret-id", self.store.secret_id, mode=0o644)
        self.start()
        self.refused("the file store.secret-id in secrets/ of the state folder has mode 0644, not 0400 or 0600")
        (self.secrets / "store.secret-id").unlink()
        self.refused("[store.http] needs the file store.secret-id, which is not in secrets/ of the state folder: the admin has to put it there")
        self.put("store.secret-id", self.store.secret_id)
        (self.secrets / "store.ca").unlink()
        self.refused("[store.http] needs the file store.ca")
        self.assertEqual(self.store.seen, [])

    # ---- what it does not believe ------------------------------------------------------------

    def test_what_the_entry_lacks_is_named(self):
        self.store.entries["ci/gone"] = None
        self.start()
        self.assertEqual(self.value(), SECRET)
        self.refused("the field number of secret/ci/deploy in the store is no text", "number")
        self.refused("the field empty of secret/ci/deploy in the store is empty", "empty")
        self.refused("the field big of secret/ci/deploy in the store is larger than 64 KiB", "big")
        self.refused("the field other of secret/ci/deploy in the store is not there", "lacks")
        self.refused("the store has no secret/ci/none (404)", "nowhere")
        self.refused("the store has no secret/ci/gone (404): it was never written, or was deleted", "gone")

    def test_each_no_of_a_store_is_told(self):
        self.start()
        self.store.sealed = True
        self.refused("the store is sealed or down for maintenance (503)")
        self.store.sealed = False
        self.assertEqual(self.value(), SECRET)
        path = "/v1/secret/data/ci/deploy"
        for status, words in ((429, "takes no more questions"), (400, "is 400"), (500, "the store failed (500)")):
            self.store.instead[path] = (status, {"errors": []}, ())
            self.refused(words)
        self.store.instead[path] = (200, {"lease_id": "database/creds/x/1", "lease_duration": 60, "data": {"password": SECRET}}, ())
        self.refused("gives secrets with a lease of the store's, which is not supported yet")
        self.store.instead[path] = (200, [], ())
        self.refused("is no JSON object")
        self.store.instead.clear()
        self.assertEqual(self.value(), SECRET)

    def test_a_redirect_is_not_followed(self):
        other = self.new_store("store")
        self.start()
        self.value()
        for status in (301, 302, 307, 308):
            self.store.instead["/v1/secret/data/ci/deploy"] = (
                status, None, [("Location", f"https://localhost:{other.port}/v1/secret/data/ci/deploy")])
            self.refused(f"the store points elsewhere ({status}), which is not followed")
        self.assertEqual(other.seen, [])

    def test_only_the_admins_ca_is_trusted_and_only_for_this_name(self):
        self.put("store.ca", (self.authority.folder / "unknown-ca.pem").read_text())
        self.start()
        self.refused("is not to be trusted")
        self.put("store.ca", "not a certificate")
        self.refused("the file store.ca holds no certificate")
        self.put("store.ca", (self.authority.folder / "ca.pem").read_text())
        self.assertEqual(self.value(), SECRET)
        self.assertEqual(len(self.store.seen), 2)  # a login and the question: nothing came before
        self.end()
        self.store.stop()
        self.store = self.new_store("elsewhere")
        self.settings()
        self.start()
        self.refused("is not to be trusted")
        self.assertEqual(self.store.seen, [])

    def test_a_huge_answer_is_cut_off(self):
        self.start()
        self.value()
        self.store.instead["/v1/secret/data/ci/deploy"] = (200, {"data": {"data": {"token": "x" * (2 << 20)}, "metadata": {"version": 1}}}, ())
        self.refused("is larger than 1 MiB")

    def test_a_slow_store_keeps_nobody_else_waiting(self):
        def drip(request):
            request.send_response(200)
            request.send_header("Content-Length", "1000")
            request.end_headers()
            for _ in range(40):
                request.wfile.write(b" ")
                request.wfile.flush()
                time.sleep(0.2)
        self.store.entries["other"] = {"token": "quick"}
        self.settings(quick="other#token", more='timeout = "2s"')
        self.put("file", "of a file")
        self.start()
        self.assertEqual(self.value("quick"), "quick")
        self.store.instead["/v1/secret/data/ci/deploy"] = (200, drip, ())
        began = time.monotonic()
        slow = [self.ask("token") for _ in range(3)]
        self.assertEqual(self.value("quick"), "quick")
        self.assertEqual(self.value("file"), "of a file")
        self.assertLess(time.monotonic() - began, 1.5)
        for each in slow:
            value, error = self.answer(each)
            self.assertEqual(value, "")
            self.assertRegex(error, r"did not answer (within 2 s|in time)")
        self.assertLess(time.monotonic() - began, 4)

    def test_a_store_that_is_down_is_found_again(self):
        self.start()
        self.assertEqual(self.value(), SECRET)
        self.store.stop()
        self.refused(f"the store at localhost:{self.store.port} cannot be reached")
        self.store.start()
        self.assertEqual(self.value(), SECRET)

    def test_a_name_without_an_address_is_said(self):
        self.put("secrets.toml", self.store.settings(host="no-such-host.invalid", token="ci/deploy#token"))
        self.start()
        self.refused("the store's name no-such-host.invalid has no address")

    def test_many_questions_at_once_are_all_answered(self):
        self.start()
        asked = [self.ask("token") for _ in range(60)]
        self.assertEqual({self.answer(each) for each in asked}, {(SECRET, "")})
        self.assertEqual(len(self.store.requests("login")), 1)

    # ---- what the program is -----------------------------------------------------------------

    def test_another_store_is_another_process(self):
        self.put("secrets.toml", "# nothing yet\n")
        self.put("file", "of a file")
        self.start()
        self.assertEqual(self.value("file"), "of a file")
        self.settings()
        self.refused("[store.http] was not there when carrel-secrets began: it starts anew, ask again")
        self.assertEqual(self.process.wait(10), 1)
        self.start()
        self.assertEqual(self.value(), SECRET)
        self.settings(host="127.0.0.1")
        self.refused("secrets.toml names another store than when carrel-secrets began: it starts anew, ask again")
        self.assertEqual(self.process.wait(10), 1)

    def test_without_a_network_a_store_is_refused(self):
        self.put("file", "of a file")
        self.start("--network", "0")
        self.assertEqual(self.value("file"), "of a file")
        self.refused("[store.http] is not supported yet for an ordinary user's sessions")

    def test_it_holds_nothing_else(self):
        self.start()
        self.value()
        status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines() if ":\t" in line)
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(status[name], 16), 0, name)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"], status["Threads"]), ("1", "2", "1"))


class Session(GatewayCase):
    def setUp(self):
        super().setUp()
        authority = pki(self.folder)
        self.store = SecretStore(authority.folder / "store.pem", authority.folder / "key.pem").start()
        self.addCleanup(self.store.stop)
        self.store.entries["ci/deploy"] = {"token": SECRET}
        folder = self.state / "secrets"
        folder.mkdir(mode=0o700)
        for name, text in (("secrets.toml", self.store.settings(ci="ci/deploy#token")), ("store.secret-id", self.store.secret_id),
                           ("store.ca", (authority.folder / "ca.pem").read_text())):
            (folder / name).touch(0o600)
            (folder / name).write_text(text)
        give(folder)
        self.allow(self.world.rule(API, credential="ci"), '[[credential]]\nname = "ci"\nkind = "header"\nfrom = "secret:ci"\n')

    def test_the_gateway_puts_in_what_the_store_has(self):
        if ROOTLESS:  # whose carrel-secrets has no network yet: refused, never left out
            opened = self.open("/bin/true", code=123)
            self.assertIn("[store.http] is not supported yet for an ordinary user's sessions", opened.end["error"])
            self.assertEqual(self.store.seen, [])
            return
        said = self.inside(f"""say(get("/protected", "{API}")["status"])
import os, subprocess
say(subprocess.run("env; cat /proc/self/environ; ls -R /run/carrel", shell=True, capture_output=True).stdout.decode())""")
        self.assertEqual(said[0], 200)
        self.assertNotIn(SECRET, said[1])
        [seen] = [each for each in self.world.log("http") if each["path"] == "/protected"]
        self.assertEqual([value for name, value in seen["headers"] if name.lower() == "authorization"], [f"Bearer {SECRET}"])
        self.assertEqual(len(self.store.requests("/v1/secret/data/ci/deploy")), 1)
        self.assertEqual(self.store.violations, [])
        log = (self.state / "run/broker.log").read_text()
        self.assertRegex(log, r"secrets\.given from=secret:ci version=3\n")
        kept = [path for path in [*(self.state / "run").iterdir(), *self.record("").rglob("*")] if path.is_file()]
        self.assertEqual([str(path) for path in kept if SECRET.encode() in path.read_bytes()], [])
        self.stop()
        self.assertEqual(self.store.tokens, {})  # given back with the end of the pair

    def test_a_session_does_not_begin_while_the_store_is_sealed(self):
        self.store.sealed = True
        opened = self.open("/bin/true", code=123)
        self.assertIn("not supported yet" if ROOTLESS else "the store is sealed or down for maintenance (503)", opened.end["error"])


if __name__ == "__main__":
    unittest.main()
