"""Tokens for relying parties outside: what is published of the issuer is enough to believe them, in every algorithm,
through a change of keys, and not one byte of another's making."""
import hashlib
import hmac
import http.server
import json
import os
import ssl
import subprocess
import threading
import time
import unittest
import urllib.request

from carrel_case import PROFILE, UID, Case, alive
from token_verifier import Refused, RelyingParty, decode, encode

AUDIENCE = "https://cloud.example.org"
ALGS = ("EdDSA", "ES256", "RS256")


def credential(alg):
    said = "" if alg == "EdDSA" else f'alg = "{alg}"\n'
    return f'[[credential]]\nname = "{alg.lower()}"\nkind = "jwt"\naudience = "{AUDIENCE}"\n{said}'


TOKENS = PROFILE.split("[[credential]]")[0] + "".join(map(credential, ALGS))


class Published:
    """A web server that publishes a folder below /carrel as it is, over TLS, like the company's own would."""

    def __init__(self, case, folder):
        self.asked = []
        work = case.folder / "web"
        work.mkdir()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", str(work / "key"), "-out", str(work / "cert"), "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        published = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                published.asked.append(self.path)
                path = folder / self.path.removeprefix("/carrel/")
                try:
                    body = path.read_bytes()
                except OSError:
                    return self.send_error(404)
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(work / "cert", work / "key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        case.addCleanup(server.server_close)
        case.addCleanup(server.shutdown)
        self.issuer = f"https://localhost:{server.server_address[1]}/carrel"
        self.trust = ssl.create_default_context(cafile=str(work / "cert"))

    def fetch(self, url):
        with urllib.request.urlopen(url, context=self.trust, timeout=10) as answer:
            return answer.read()


class Tokens(Case):
    def setUp(self):
        super().setUp()
        self.profile.write_text(TOKENS)
        self.state.mkdir()
        os.chown(self.state, UID, UID)
        self.published = Published(self, self.state / "issuer")
        self.configure(f'issuer = "{self.published.issuer}"\n')

    def configure(self, text, mode=0o644):
        path = self.state / "issuer.toml"
        path.write_text(text)
        path.chmod(mode)
        os.chown(path, UID, UID)

    def restart(self):
        """Ends the services; what is opened next starts them anew."""
        self.stop()
        self.assertFalse(alive(self.service_pid()))

    def tokens(self):
        out = self.sh("cd /run/carrel/credentials; for a in eddsa es256 rs256; do cat $a/token; echo; done").out
        return dict(zip(ALGS, out.decode().split(), strict=True))

    def party(self):
        return RelyingParty(self.published.issuer, AUDIENCE, self.published.fetch)

    def keys(self, alg):
        return sorted((self.state / "keys").glob(f"tokens.{alg}*"))

    def test_each_algorithm_is_believed_by_what_is_published(self):
        tokens = self.tokens()
        party = self.party()
        self.assertEqual(self.published.asked, ["/carrel/.well-known/openid-configuration", "/carrel/jwks.json"])
        self.assertEqual(party.document["id_token_signing_alg_values_supported"], ["RS256", "ES256", "EdDSA"])
        self.assertEqual(party.document["response_types_supported"], ["id_token"])
        self.assertEqual(party.document["subject_types_supported"], ["public"])
        self.assertEqual(sorted(key["alg"] for key in party.keys.values()), ["ES256", "EdDSA", "RS256"])
        for alg, token in tokens.items():
            claims = party.claims(token)
            self.assertEqual(json.loads(decode(token.split(".")[0]))["alg"], alg)
            self.assertEqual(sorted(claims), sorted(party.document["claims_supported"]))
            self.assertEqual(claims["exp"] - claims["iat"], 120)
            self.assertEqual(claims["iat"] - claims["nbf"], 30)
            self.assertEqual(claims["sub"], "carrel:task:local/fix:profile:fix")
            self.assertEqual((claims["profile"], claims["profile_rev"], claims["repo"]), ("fix", 1, ["app"]))
        self.assertEqual(len({party.claims(token)["jti"] for token in tokens.values()}), 3)
        for name in ("jwks.json", ".well-known/openid-configuration"):
            path = self.state / "issuer" / name
            self.assertEqual(path.stat().st_mode & 0o7777, 0o644)
        self.assertEqual([path.stat().st_mode & 0o7777 for path in self.keys("")], [0o600] * 3)
        self.assertIn(f"broker.issuer name={self.published.issuer}\n", (self.state / "run/broker.log").read_text())
        self.verify()

    def test_nothing_else_is_believed(self):
        tokens = self.tokens()
        party = self.party()

        def refused(why, token, by=None, **options):
            with self.assertRaises(Refused) as raised:
                (by or party).claims(token, **options)
            self.assertEqual(str(raised.exception), why)

        kids = {json.loads(decode(token.split(".")[0]))["kid"] for token in tokens.values()}
        self.assertEqual(kids, set(party.keys))
        for alg, token in tokens.items():
            party.claims(token)  # positive control
            head, payload, signature = token.split(".")
            header = json.loads(decode(head))

            def with_header(**changes):
                return encode(json.dumps(header | changes).encode())

            refused("alg is not the key's", f"{with_header(alg='none')}.{payload}.")
            jwk = party.keys[header["kid"]]
            forged = f"{with_header(alg='HS256')}.{payload}"
            secret = json.dumps(jwk).encode()
            mac = hmac.new(secret, forged.encode(), hashlib.sha256).digest()
            refused("alg is not the key's", f"{forged}.{encode(mac)}")
            for kid in kids - {header["kid"]}:
                refused("alg is not the key's", f"{with_header(kid=kid)}.{payload}.{signature}")
                other = with_header(kid=kid, alg=party.keys[kid]["alg"])
                with self.assertRaises(Refused):
                    party.claims(f"{other}.{payload}.{signature}")
            refused("no such kid", f"{with_header(kid='x')}.{payload}.{signature}")
            claims = json.loads(decode(payload))
            changed = encode(json.dumps(claims | {"contractor": "local:1"}).encode())
            refused("signature", f"{head}.{changed}.{signature}")
            broken = bytearray(decode(signature))
            broken[5] ^= 1
            refused("signature", f"{head}.{payload}.{encode(bytes(broken))}")
            refused("time", token, now=claims["exp"])
            refused("time", token, now=claims["nbf"] - 1)
            refused("aud", token, by=RelyingParty(self.published.issuer, "https://other", self.published.fetch))

    def test_keys_change_under_tokens_that_stay_good(self):
        party = self.party_after_first()
        first = self.tokens()
        self.restart()
        # As if the first keys had been made 40 days ago.
        old = int(time.time()) - 40 * 86400
        for alg in ("es256", "rs256", "ed25519"):
            [path] = self.keys(alg)
            path.rename(path.with_name(f"tokens.{alg}.{old}"))
        second = self.tokens()
        self.assertEqual([len(self.keys(alg)) for alg in ("es256", "rs256", "ed25519")], [2, 2, 2])
        for token in (*first.values(), *second.values()):
            party.claims(token)  # by the keys of before: who has them cached for 300 s knows every signer
        party.read_keys()
        self.assertEqual(len(party.keys), 6)
        self.restart()
        # As if that had been ten minutes ago.
        for alg in ("es256", "rs256", "ed25519"):
            path = self.keys(alg)[-1]
            path.rename(path.with_name(f"tokens.{alg}.{int(path.name.split('.')[-1]) - 600}"))
        before = (self.state / "issuer/jwks.json").stat()
        third = self.tokens()
        after = (self.state / "issuer/jwks.json").stat()
        self.assertEqual((before.st_ino, before.st_mtime_ns), (after.st_ino, after.st_mtime_ns), "the same bytes, not written")
        for alg in ALGS:
            party.claims(third[alg])
            party.claims(first[alg])
            kid = [json.loads(decode(token[alg].split(".")[0]))["kid"] for token in (first, second, third)]
            self.assertEqual(kid[0], kid[1])
            self.assertNotEqual(kid[1], kid[2])
        self.restart()
        # As if no token of the old ones could be valid any more.
        for alg in ("es256", "rs256", "ed25519"):
            path = self.keys(alg)[-1]
            path.rename(path.with_name(f"tokens.{alg}.{int(path.name.split('.')[-1]) - 700}"))
        fourth = self.tokens()
        party.read_keys()
        self.assertEqual(len(party.keys), 3)
        for alg in ALGS:
            party.claims(fourth[alg])
            with self.assertRaisesRegex(Refused, "no such kid"):
                party.claims(first[alg])

    def party_after_first(self):
        self.sh("true")
        return self.party()

    def test_without_an_issuer_there_is_nothing_to_find_and_no_such_token(self):
        self.sh("true")
        self.assertTrue((self.state / "issuer/jwks.json").exists())  # positive control
        self.restart()
        (self.state / "issuer.toml").unlink()
        opened = self.sh("true", code=120)
        said = " ".join(opened.err.decode().split())
        self.assertIn('credential es256: alg ES256 is for relying parties that find the issuer\'s keys by its name, and this '
                      'one has none: the admin has to write issuer = "https://HOST" into issuer.toml of the state folder', said)
        self.assertFalse((self.state / "issuer/jwks.json").exists())
        self.assertFalse((self.state / "issuer/.well-known/openid-configuration").exists())
        self.profile.write_text(PROFILE)
        self.sh("true")
        keys = json.loads((self.state / "jwks.json").read_text())["keys"]
        self.assertEqual([key["alg"] for key in keys], ["EdDSA"])

    def test_an_issuer_that_is_none_and_a_key_that_is_none_are_refused(self):
        def refused(words):
            opened = self.sh("true", code=None)
            self.assertNotEqual(opened.code, 0)
            said = " ".join((opened.err.decode() + self.logs()).split())
            self.assertIn(words, said)

        self.configure('issuer = "https://id.example.org/"\n')
        refused("issuer https://id.example.org/ is not one")
        self.configure('isuer = "https://id.example.org"\n')
        refused("unknown key")
        self.configure(f'issuer = "{self.published.issuer}"\n', mode=0o666)
        refused("has to be a file of the folder's owner that nobody else may write")
        self.configure(f'issuer = "{self.published.issuer}"\n')
        self.sh("true")
        self.restart()
        [rsa] = self.keys("rs256")
        [curve] = self.keys("es256")
        rsa.write_bytes(curve.read_bytes())
        refused(f"keys/{rsa.name}: is no RSA key")


if __name__ == "__main__":
    unittest.main()
