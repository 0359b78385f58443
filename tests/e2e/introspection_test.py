"""Whether a token still lives: asked of the broker by hand and, as a web server asks, over HTTP. What its `exp` says is
not enough: it is over the moment its session's end begins."""
import base64
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import unittest
import urllib.error
import urllib.request

from carrel_case import AS_USER, CARREL, PATIENCE, PROFILE, SOURCE, UID, Case, alive
from token_verifier import decode, encode

ISSUER = "https://id.example.org/carrel"
ENDPOINT = "https://id.example.org/introspect"
ALGS = ("EdDSA", "ES256", "RS256")
INACTIVE = {"active": False}


def credential(name, *lines):
    return "\n".join(["[[credential]]", f'name = "{name}"', 'kind = "jwt"', 'audience = "https://cloud.example.org"', *lines, ""])


TOKENS = PROFILE.split("[[credential]]")[0] + "".join(
    credential(alg.lower(), *([] if alg == "EdDSA" else [f'alg = "{alg}"'])) for alg in ALGS) + credential("asked", 'issue = "request"')

# A session that does what it is told, one line of shell after the other.
WORKER = "cd /run/carrel/credentials; while read -r line; do eval \"$line\"; echo .; done"


def claims_of(token):
    return json.loads(decode(token.split(".")[1]))


class Running:
    """A session that runs until it is told to end."""

    def __init__(self, case, *options, before=""):
        self.case = case
        self.process = case.popen(CARREL, "open", "--profile", str(case.profile), *options, "--", "/bin/bash", "-c", before + WORKER,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        case.addCleanup(self.reap)
        self.do("true")
        self.session = next(row["session"] for row in case.sessions() if row["state"] == "running")

    def do(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        said = ""
        while True:
            one = self.process.stdout.readline()
            if one in ("", ".\n"):
                self.case.assertEqual(one, ".\n", f"the session ended: {self.process.poll()}\n{self.case.logs()}")
                return said
            said += one

    def token(self, name):
        return self.do(f"cat {name}/token; echo").strip()

    def tokens(self):
        return {alg: self.token(alg.lower()) for alg in ALGS}

    def finish(self):
        self.process.stdin.close()
        return self.process.wait(60 * PATIENCE)

    def reap(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for end in (self.process.stdin, self.process.stdout, self.process.stderr):
            end.close()


class IntrospectionCase(Case):
    def setUp(self):
        super().setUp()
        self.profile.write_text(TOKENS)
        self.configure(self.state)

    def configure(self, state):
        state.mkdir()
        (state / "issuer.toml").write_text(f'issuer = "{ISSUER}"\nintrospection = "{ENDPOINT}"\n')
        os.chown(state, UID, UID)
        os.chown(state / "issuer.toml", UID, UID)

    def ask(self, token):
        """The answer to a token, with the exit code that belongs to it."""
        done = self.carrel("token", "introspect", input=(token + "\n").encode(), code=None)
        self.assertIn(done.returncode, (0, 2), done.stderr)
        self.assertTrue(done.stdout.endswith(b"}\n"), done.stdout)
        answer = json.loads(done.stdout)
        self.assertEqual(answer["active"], done.returncode == 0)
        if done.returncode == 2:
            self.assertEqual(done.stdout, b'{"active":false}\n')
        return answer

    def assert_active(self, token):
        self.assertEqual(self.ask(token), {"active": True, **claims_of(token), "token_type": "JWT"})

    def assert_inactive(self, token, why=None):
        """Though its own end has not come."""
        self.assertEqual(self.ask(token), INACTIVE)
        if why is not None:
            lines = re.findall(r"token\.introspected .*", (self.state / "run/broker.log").read_text())
            self.assertRegex(lines[-1], rf" state={why} ")

    def assert_early(self, token):
        self.assertLess(time.time(), claims_of(token)["exp"] - 5, "the test was too slow to show anything")


class Introspection(IntrospectionCase):
    def test_a_token_lives_until_its_session_is_closed(self):
        running = Running(self)
        tokens = running.tokens()
        for alg, token in tokens.items():
            self.assertEqual(json.loads(decode(token.split(".")[0]))["alg"], alg)
            self.assert_active(token)
        self.carrel("close", running.session, "--reason", "over", "--now")
        for token in tokens.values():
            self.assert_inactive(token, "session")
            self.assert_early(token)
        log = (self.state / "run/broker.log").read_text()
        for token in tokens.values():
            self.assertIn(f"state=active jti={claims_of(token)['jti']}\n", log)
            self.assertNotIn(token.split(".")[2][:20], log)
            self.assertNotIn(token.split(".")[1][:40], log)
        document = json.loads((self.state / "issuer/.well-known/openid-configuration").read_text())
        self.assertEqual((document["issuer"], document["introspection_endpoint"]), (ISSUER, ENDPOINT))
        self.assertEqual(self.verify()["lost"], 0)

    def test_it_is_over_with_the_order_and_not_when_the_last_program_is_gone(self):
        running = Running(self, before="trap '' HUP; ")
        token = running.token("eddsa")
        self.assert_active(token)
        closing = self.popen(CARREL, "close", running.session, "--reason", "over", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(closing.wait)
        self.wait_until(lambda: self.ask(token) == INACTIVE, 5, "it is over")
        # Ten seconds are given to programs that do not listen, this one among them.
        self.assertIsNone(closing.poll())
        self.assertIsNone(running.process.poll())
        self.assertEqual([row["state"] for row in self.sessions()], ["running"])
        self.assert_inactive(token, "session")
        self.assert_early(token)

    def test_it_is_over_with_the_command(self):
        running = Running(self)
        tokens = running.tokens()
        self.assert_active(tokens["EdDSA"])
        self.assertEqual(running.finish(), 0)
        for token in tokens.values():
            self.assert_inactive(token, "session")
            self.assert_early(token)

    def test_nothing_else_is_active(self):
        running = Running(self)
        tokens = running.tokens()
        for alg, token in tokens.items():
            head, payload, signature = token.split(".")
            header = json.loads(decode(head))

            def with_header(**changes):
                return encode(json.dumps(header | changes, separators=(",", ":")).encode())

            self.assertEqual(with_header(), head)
            for at in (0, 5, -1):
                broken = bytearray(decode(signature))
                broken[at] ^= 1
                self.assert_inactive(f"{head}.{payload}.{encode(bytes(broken))}", "signature")
            changed = encode(json.dumps(claims_of(token) | {"contractor": "local:1"}).encode())
            self.assert_inactive(f"{head}.{changed}.{signature}", "signature")
            self.assert_inactive(f"{with_header(alg='none')}.{payload}.", "key")
            self.assert_inactive(f"{with_header(alg='HS256')}.{payload}.{signature}", "key")
            self.assert_inactive(f"{with_header(kid='x')}.{payload}.{signature}", "key")
            self.assert_inactive(f"{head}.{payload}", "form")
            self.assert_inactive(token + "=", "form")
            self.assert_active(token)  # positive control
        self.assert_inactive("nonsense", "form")
        self.assert_inactive(self.forged(tokens["EdDSA"]), "signature")

    def forged(self, token):
        """The token by a stranger's key with the name of ours."""
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(self.folder / "stranger.pem")], check=True)
        text = self.folder / "text"
        text.write_text(token.rpartition(".")[0])
        signature = subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", str(self.folder / "stranger.pem"), "-in", str(text)],
                                   check=True, capture_output=True).stdout
        return f"{text.read_text()}.{encode(signature)}"

    def test_another_broker_knows_nothing_of_it(self):
        running = Running(self)
        token = running.token("eddsa")
        self.assert_active(token)
        mine, self.state = self.state, self.folder / "other"
        self.configure(self.state)
        self.addCleanup(self.back_to, mine)
        self.sh("true")
        self.assert_inactive(token, "key")
        self.assertEqual(json.loads((self.state / "issuer/.well-known/openid-configuration").read_text())["issuer"], ISSUER)
        self.state, other = mine, self.state
        self.assert_active(token)
        # Nor where it has the very key: it has no such session.
        self.state = other
        self.stop()
        [key] = (mine / "keys").glob("tokens.ed25519*")
        [its] = (other / "keys").glob("tokens.ed25519*")
        owner = its.stat()
        its.unlink()
        its = its.with_name(key.name)
        its.write_bytes(key.read_bytes())
        its.chmod(0o600)
        os.chown(its, owner.st_uid, owner.st_gid)
        self.assert_inactive(token, "session")
        self.assert_early(token)

    def back_to(self, state):
        self.stop()
        self.state = state

    def test_a_broker_that_was_started_anew_knows_no_token_of_before(self):
        running = Running(self)
        token = running.token("eddsa")
        self.assert_active(token)
        first = self.broker_pid()
        self.stop()
        self.assertFalse(alive(first))
        self.assert_inactive(token, "session")
        self.assertNotEqual(self.broker_pid(), first)
        self.assert_early(token)

    def test_one_that_was_granted_ends_with_its_grant(self):
        running = Running(self)
        self.assertEqual(running.do("cat asked/token 2>/dev/null"), "")
        self.assertIn("asked: request 1", running.do("carrel request credential asked --for test --until 1h 2>&1"))
        self.carrel("approvals", "approve", "last/1", "--until", "6s")
        until = time.time() + 6
        self.wait_until(lambda: running.do("cat asked/token 2>/dev/null; echo").count(".") == 2, 4, "it is there")
        token = running.token("asked")
        self.assert_active(token)
        self.assertLessEqual(claims_of(token)["exp"], until)
        self.assert_active(running.token("eddsa"))
        time.sleep(max(0, until - time.time()))
        self.assert_inactive(token, "over")
        self.assert_active(running.token("eddsa"))

    def test_a_renewed_one_is_good_until_its_own_end(self):
        self.profile.write_text(TOKENS.replace('name = "eddsa"', 'name = "eddsa"\nttl = "8s"'))
        running = Running(self)
        first = running.token("eddsa")
        self.wait_until(lambda: running.token("eddsa") != first, 7, "it is renewed")
        second = running.token("eddsa")
        self.assertLess(time.time(), claims_of(first)["exp"] - 1)
        self.assert_active(first)
        self.assert_active(second)
        time.sleep(max(0, claims_of(first)["exp"] - time.time()))
        self.assert_inactive(first, "over")

    def test_a_token_stands_in_no_list_of_processes(self):
        for words in (["introspect", "ey.x.y"], [], ["introspect", "--nonsense"], ["revoke"]):
            done = self.carrel("token", *words, code=1)
            self.assertNotIn(b"ey.x.y", done.stderr)
            self.assertIn(b"carrel token --help", done.stderr)
            self.assertEqual(done.stdout, b"")
        self.carrel("token", "introspect", input=b"", code=1)
        self.assertIn(b"at most 16 KiB", self.carrel("token", "introspect", input=b"x" * 16385, code=1).stderr)
        done = self.carrel("token", "introspect", "--state", str(self.folder / "none"), input=b"x", code=1)
        self.assertIn(b"there is no state folder", done.stderr)
        self.assertFalse((self.folder / "none").exists())
        self.assertIn(b"usage: carrel token introspect", self.carrel("token", "--help").stdout)

    def test_a_mistake_in_the_issuers_file_ends_the_start(self):
        (self.state / "issuer.toml").write_text(f'issuer = "{ISSUER}"\nintrospection = "http://id.example.org"\n')
        opened = self.sh("true", code=None)
        self.assertNotEqual(opened.code, 0)
        said = " ".join((opened.err.decode() + self.logs()).split())
        self.assertIn("introspection http://id.example.org is not one; write https://HOST", said)
        (self.state / "issuer.toml").write_text(f'introspection = "{ENDPOINT}"\n')
        self.assertIn('write issuer = "https://HOST"', self.sh("true", code=None).err.decode() + self.logs())


FORM = "application/x-www-form-urlencoded"


def form(token, more=""):
    return f"token={token}{more}".encode()


def request(body, method="POST", headers=(("Content-Type", FORM),), length=None):
    lines = [f"{method} /introspect HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers)]
    if body or length is not None:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class Http(IntrospectionCase):
    """Behind systemd's socket activation, as carrel-introspect.socket has it."""

    def setUp(self):
        super().setUp()
        self.socket = self.folder / "introspect.sock"
        self.errors = open(self.folder / "errors", "wb")
        self.addCleanup(self.errors.close)
        self.folder.chmod(0o755)
        self.activator = subprocess.Popen(
            ["systemd-socket-activate", "--accept", "--inetd", "-l", str(self.socket), "-E", f"CARREL_STATE={self.state}",
             CARREL, "token", "introspect", "--http"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.errors, env=self.environment(), **AS_USER)
        self.addCleanup(self.end_activator)
        self.wait_until(self.socket.exists, what="it listens")
        self.socket.chmod(0o666)

    def end_activator(self):
        self.activator.terminate()
        self.activator.wait()

    def talk(self, data, pieces=1, pause=0.0):
        """(status, headers, body) of what comes back until the end."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30 * PATIENCE)
            s.connect(str(self.socket))
            size = max(1, (len(data) + pieces - 1) // pieces)
            for i in range(0, len(data), size):
                try:
                    s.sendall(data[i:i + size])
                except BrokenPipeError:
                    break  # it was refused before it was whole
                time.sleep(pause)
            answer = b""
            while part := s.recv(4096):
                answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ") for line in lines)}
        self.assertEqual(headers["connection"], "close")
        self.assertEqual(headers["cache-control"], "no-store")
        self.assertEqual(headers["content-type"], "application/json")
        return int(first.split()[1]), headers, body

    def query(self, token):
        status, headers, body = self.talk(request(form(token)))
        self.assertEqual((status, headers["content-length"]), (200, str(len(body))))
        return json.loads(body)

    def test_it_answers_what_the_command_does(self):
        running = Running(self)
        token = running.token("es256")
        self.assertEqual(self.query(token), {"active": True, **claims_of(token), "token_type": "JWT"})
        whole = request(form(token, "&token_type_hint=access_token"))
        for pieces in (2, 40, len(whole)):
            self.assertEqual(json.loads(self.talk(whole, pieces)[2])["active"], True)
        chunked = request(b"", headers=(("Content-Type", FORM), ("Transfer-Encoding", "chunked")))
        body = form(token)
        chunked += f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
        self.assertEqual(json.loads(self.talk(chunked)[2])["active"], True)
        self.assertEqual(self.query(token[:-2] + "AA"), INACTIVE)
        self.carrel("close", running.session, "--reason", "over", "--now")
        self.assertEqual(self.query(token), INACTIVE)
        self.assert_early(token)

    def test_it_refuses_what_is_no_question(self):
        self.sh("true")
        for expected, data in (
                (405, request(b"", "GET")), (405, request(form("x"), "PUT")), (405, request(b"", "DELETE")),
                (415, request(form("x"), headers=())), (415, request(b'{"token":"x"}', headers=(("Content-Type", "application/json"),))),
                (400, request(b"x=y")), (400, request(b"token=")), (400, request(b"token=x&token=x")), (400, request(b"token=%zz")),
                (400, request(b"")), (400, b"nonsense\r\n\r\n"),
                (413, request(form("x" * 16385))), (413, request(b"token=x&y=" + b"z" * 25000)), (413, request(b"", length=10**12)),
                (431, request(form("x"), headers=(("Content-Type", FORM), ("X", "y" * 20000))))):
            status, headers, body = self.talk(data)
            self.assertEqual(status, expected, data[:200])
            self.assertEqual(headers.get("allow"), "POST" if expected == 405 else None)
            self.assertEqual(json.loads(body)["error"], "invalid_request")
        self.assertEqual(self.talk(request(b"", "HEAD"))[0], 405)
        self.assertEqual(self.query("x"), INACTIVE)  # positive control
        asked = re.findall(r"token\.introspected", (self.state / "run/broker.log").read_text())
        self.assertEqual(len(asked), 1, "nothing else reached the broker")

    def test_a_slow_client_is_answered_and_keeps_nobody_waiting(self):
        self.sh("true")
        began = time.monotonic()
        with socket.socket(socket.AF_UNIX) as slow:
            slow.settimeout(30 * PATIENCE)
            slow.connect(str(self.socket))
            slow.sendall(request(form("x"))[:-1])
            self.assertEqual(self.query("x"), INACTIVE)
            self.assertLess(time.monotonic() - began, 5 * PATIENCE)
            answer = b""
            while part := slow.recv(4096):
                answer += part
        self.assertTrue(answer.startswith(b"HTTP/1.1 408 "), answer)
        self.assertGreater(time.monotonic() - began, 9)
        self.assertLess(time.monotonic() - began, 14 * PATIENCE)

    def test_without_a_broker_nobody_is_told_that_a_token_is_over(self):
        def refused():
            status, _, body = self.talk(request(form("x")))
            self.assertEqual((status, json.loads(body)["error"]), (503, "temporarily_unavailable"))
            return pathlib.Path(self.errors.name).read_text()
        self.assertIn("carrel token: ", refused())
        self.assertFalse((self.state / "run").exists(), "nothing was started")
        self.sh("true")
        self.assertEqual(self.query("x"), INACTIVE)
        self.stop()
        self.assertRegex(refused(), r"carrel token: connect broker\.sock: \w+")
        self.assertFalse(alive(self.service_pid()), "nothing was started")

    def test_a_broker_that_hangs_is_waited_for_no_longer_than_the_request(self):
        self.sh("true")
        broker = self.broker_pid()
        os.kill(broker, signal.SIGSTOP)
        try:
            began = time.monotonic()
            self.assertEqual(self.talk(request(form("x")))[0], 503)
            self.assertLess(time.monotonic() - began, 14 * PATIENCE)
        finally:
            os.kill(broker, signal.SIGCONT)
        self.assertEqual(self.query("x"), INACTIVE)

    def nginx_lines(self):
        """What docs/operating.md says, with this test's places."""
        text = (SOURCE / "docs/operating.md").read_text()
        [block] = [one for one in re.findall(r"```\n(.*?)```", text, re.S) if "carrel-introspect.sock;" in one]
        block = block.replace("/run/carrel-introspect.sock", str(self.socket))
        users = self.folder / "users"
        users.write_text("ci:" + subprocess.run(["openssl", "passwd", "-apr1", "word"], check=True, capture_output=True, text=True).stdout)
        return block.replace("/etc/nginx/carrel-relying-parties", str(users))

    def start_nginx(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        (self.folder / "temp").mkdir()
        temp = "".join(f"{kind}_temp_path {self.folder}/temp/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = self.folder / "nginx.conf"
        config.write_text(f"user root; daemon off; worker_processes 1; pid {self.folder}/nginx.pid; error_log stderr;\nevents {{}}\n"
                          f"http {{ access_log off; {temp}\nserver {{ listen 127.0.0.1:{port};\n{self.nginx_lines()}\n}} }}\n")
        nginx = subprocess.Popen(["nginx", "-e", "stderr", "-c", str(config)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=self.errors)
        self.addCleanup(nginx.wait)
        self.addCleanup(nginx.terminate)

        def answers():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0
        self.wait_until(answers, what="nginx listens")
        return f"http://127.0.0.1:{port}/introspect"

    def test_behind_nginx_as_the_docs_have_it(self):
        running = Running(self)
        token = running.token("rs256")
        url = self.start_nginx()

        def post(data, user="ci:word", **headers):
            question = urllib.request.Request(url, data, {"Authorization": "Basic " + base64.b64encode(user.encode()).decode(), **headers})
            try:
                with urllib.request.urlopen(question, timeout=30 * PATIENCE) as answer:
                    return answer.status, json.loads(answer.read())
            except urllib.error.HTTPError as refused:
                with refused:
                    return refused.code, None
        self.assertEqual(post(form(token)), (200, {"active": True, **claims_of(token), "token_type": "JWT"}))
        self.assertEqual(post(form(token), "ci:other"), (401, None))
        self.assertEqual(post(None)[0], 405)  # GET
        self.assertEqual(post(b"{}", **{"Content-Type": "application/json"}), (415, None))
        self.assertEqual(post(b"token=x&y=" + b"z" * 30000), (413, None))
        self.carrel("close", running.session, "--reason", "over", "--now")
        self.assertEqual(post(form(token)), (200, INACTIVE))
        self.assert_early(token)
        self.stop()
        self.assertEqual(post(form(token)), (503, None))


if __name__ == "__main__":
    unittest.main()
