"""A relying party of its own making: believes a token by the issuer's published documents and nothing else. It shares
no code with Carrel; signatures are checked by the openssl command."""
import base64
import json
import pathlib
import subprocess
import tempfile
import time


class Refused(Exception):
    pass


def decode(text):
    if "=" in text or len(text) % 4 == 1:
        raise Refused("base64")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def der(tag, content):
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def integer(data):
    data = data.lstrip(b"\0") or b"\0"
    return der(2, (b"\0" if data[0] & 0x80 else b"") + data)


def public_key(jwk):
    """SubjectPublicKeyInfo of RFC 8410, RFC 5480 and RFC 3279 in PEM."""
    kind = jwk["kty"], jwk.get("crv")
    if kind == ("OKP", "Ed25519"):
        x = decode(jwk["x"])
        spki = bytes.fromhex("302a300506032b6570032100") + x
        fits = len(x) == 32
    elif kind == ("EC", "P-256"):
        x, y = decode(jwk["x"]), decode(jwk["y"])
        spki = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200") + b"\x04" + x + y
        fits = len(x) == len(y) == 32
    elif kind == ("RSA", None):
        n = decode(jwk["n"])
        numbers = der(0x30, integer(n) + integer(decode(jwk["e"])))
        spki = der(0x30, bytes.fromhex("300d06092a864886f70d0101010500") + der(3, b"\0" + numbers))
        fits = len(n) >= 256 and n[0] != 0 and jwk["e"] == "AQAB"
    else:
        fits = False
    if not fits:
        raise Refused(f"a key that is none: {jwk}")
    return "-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(spki).decode() + "-----END PUBLIC KEY-----\n"


KIND_OF = {"EdDSA": "OKP", "ES256": "EC", "RS256": "RSA"}


def is_signed(jwk, text, signature):
    with tempfile.TemporaryDirectory(prefix="carrel-verifier-") as folder:
        folder = pathlib.Path(folder)
        (folder / "key").write_text(public_key(jwk))
        (folder / "text").write_bytes(text)
        if jwk["alg"] == "ES256":
            if len(signature) != 64:
                raise Refused("R and S are not 64 bytes")
            signature = der(0x30, integer(signature[:32]) + integer(signature[32:]))
        (folder / "signature").write_bytes(signature)
        if jwk["alg"] == "EdDSA":
            words = ["pkeyutl", "-verify", "-pubin", "-inkey", "key", "-rawin", "-in", "text", "-sigfile", "signature"]
        else:
            words = ["dgst", "-sha256", "-verify", "key", "-signature", "signature", "text"]
        done = subprocess.run(["openssl", *words], cwd=folder, capture_output=True)
        return done.returncode == 0


class RelyingParty:
    def __init__(self, issuer, audience, fetch):
        """`fetch` answers the body behind a URL; nothing is fetched that the discovery document does not name."""
        self.issuer, self.audience, self.fetch = issuer, audience, fetch
        self.read_keys()

    def read_keys(self):
        document = json.loads(self.fetch(self.issuer + "/.well-known/openid-configuration"))
        if document["issuer"] != self.issuer:
            raise Refused("another issuer")
        self.document = document
        keys = json.loads(self.fetch(document["jwks_uri"]))["keys"]
        self.keys = {key["kid"]: key for key in keys}
        if len(self.keys) != len(keys):
            raise Refused("a kid twice")
        for key in keys:
            if key["use"] != "sig" or KIND_OF.get(key["alg"]) != key["kty"]:
                raise Refused(f"a key of no use: {key}")

    def claims(self, token, now=None):
        now = time.time() if now is None else now
        parts = token.split(".")
        if len(parts) != 3:
            raise Refused("not three parts")
        header = json.loads(decode(parts[0]))
        key = self.keys.get(header.get("kid"))
        if key is None:
            raise Refused("no such kid")
        if header.get("alg") != key["alg"]:  # the key says which, never the token
            raise Refused("alg is not the key's")
        if header.get("typ") != "JWT" or set(header) != {"alg", "kid", "typ"}:
            raise Refused("header")
        if not is_signed(key, f"{parts[0]}.{parts[1]}".encode(), decode(parts[2])):
            raise Refused("signature")
        claims = json.loads(decode(parts[1]))
        if claims["iss"] != self.issuer:
            raise Refused("iss")
        if claims["aud"] != self.audience:
            raise Refused("aud")
        if not claims["nbf"] <= now < claims["exp"] or claims["exp"] - claims["iat"] > 600:
            raise Refused("time")
        return claims
