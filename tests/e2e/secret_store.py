"""A stand-in for an HTTP secret store (HashiCorp Vault's API: AppRole, KV version 2, tokens) that takes nothing but the
protocol: every request that is not exactly as documented is kept in `violations` and refused as the real one would."""
import http.server
import json
import secrets
import ssl
import threading
import time


class Refusal(Exception):
    def __init__(self, status, *errors):
        super().__init__(status, *errors)
        self.status, self.errors = status, list(errors)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, status, answer=None, headers=()):
        body = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        chunked = len(body) > 2048  # as Go's server does
        self.send_header(*("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(body))))
        self.end_headers()
        if not chunked:
            self.wfile.write(body)
            return
        for start in range(0, len(body), 1000):
            part = body[start:start + 1000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def do(self):
        store = self.server.store
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.close_connection = True
        try:
            status, answer, headers = store.answer(self, body)
        except Refusal as refusal:
            status, answer, headers = refusal.status, {"errors": refusal.errors}, ()
        with store.lock:
            store.seen.append((self.command, self.path, status))
        try:
            if callable(answer):
                answer(self)
            else:
                self.send(status, answer, headers)
        except OSError:
            pass  # the client has had enough

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def get_request(self):
        connection, address = super().get_request()
        connection.settimeout(30)
        return self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, *_):
        pass  # a client that does not trust us


class SecretStore:
    """Serves on a port of 127.0.0.1 from start() to stop(). Everything may be changed meanwhile."""

    def __init__(self, certificate, key):
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)
        self.role_id, self.secret_id = "role-0b7e", "secret-id-3c1d95"
        self.namespace = None
        self.auth_mount, self.mount = "approle", "secret"
        self.lease, self.renewable, self.longest = 3600, True, None
        self.entries = {}     # path: data of the newest version; None: deleted
        self.denied = set()   # paths that no policy allows
        self.sealed = False
        self.instead = {}     # path of a request: what to do in its place
        self.tokens = {}      # token: when it ends
        self.violations, self.seen = [], []
        self.lock = threading.Lock()
        self.port = 0
        self.server = None

    def start(self):
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.store, self.server.tls = self, self.tls
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self):
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
        self.server = None

    def settings(self, host="localhost", more="", **items):
        """A secrets.toml; `items`: name="path#field"."""
        lines = [f'[store.http]\naddress = "https://{host}:{self.port}"\nrole_id = "{self.role_id}"\n{more}\n[store.http.secrets]']
        for name, where in items.items():
            path, field = where.split("#")
            lines.append(f'{name.replace("_", "-")} = {{ path = "{path}", field = "{field}" }}')
        return "\n".join(lines) + "\n"

    def requests(self, word):
        with self.lock:
            return [each for each in self.seen if word in each[1]]

    def end_tokens(self):
        """As an operator who revokes them all."""
        with self.lock:
            self.tokens.clear()

    # ---- the protocol ------------------------------------------------------------------------

    def violation(self, request, why, status=400):
        with self.lock:
            self.violations.append(f"{request.command} {request.path}: {why}")
        raise Refusal(status, why)

    def answer(self, request, body):
        if request.headers.get("X-Vault-Request") != "true":
            self.violation(request, "missing 'X-Vault-Request' header", 412)
        if request.headers.get("X-Vault-Namespace") != self.namespace:
            self.violation(request, "another namespace", 404)
        if request.headers.get("Host") not in (f"localhost:{self.port}", f"127.0.0.1:{self.port}"):
            self.violation(request, "another host")
        if self.sealed:
            raise Refusal(503, "Vault is sealed")
        if request.path in self.instead:
            return self.instead[request.path]
        if request.path == f"/v1/auth/{self.auth_mount}/login":
            return self.log_in(request, self.object_of(request, body))
        token = self.token_of(request)
        if request.path == "/v1/auth/token/renew-self":
            if self.object_of(request, body) != {}:
                self.violation(request, "a wish how long")
            return self.renew(token)
        if request.path == "/v1/auth/token/revoke-self":
            self.method(request, "POST", "PUT")
            with self.lock:
                self.tokens.pop(token)
            return 204, None, ()
        if request.path.startswith(f"/v1/{self.mount}/data/"):
            self.method(request, "GET")
            if body:
                self.violation(request, "a body with GET")
            return self.read(request.path.removeprefix(f"/v1/{self.mount}/data/"))
        return self.violation(request, "no handler for route", 404)

    def method(self, request, *allowed):
        if request.command not in allowed:
            self.violation(request, "unsupported operation", 405)

    def object_of(self, request, body):
        self.method(request, "POST", "PUT")
        if request.headers.get("Content-Type") != "application/json":
            self.violation(request, "no JSON")
        try:
            value = json.loads(body)
        except ValueError:
            self.violation(request, "error parsing JSON")
        if not isinstance(value, dict):
            self.violation(request, "no object")
        return value

    def token_of(self, request):
        token = request.headers.get("X-Vault-Token")
        if not token:
            self.violation(request, "missing client token", 403)
        with self.lock:
            if self.tokens.get(token, 0) <= time.monotonic():
                self.tokens.pop(token, None)
                raise Refusal(403, "permission denied")
        return token

    def log_in(self, request, body):
        if "X-Vault-Token" in request.headers:
            self.violation(request, "a token with a login")
        if set(body) != {"role_id", "secret_id"}:
            self.violation(request, f"a login with {sorted(body)}")
        if (body["role_id"], body["secret_id"]) != (self.role_id, self.secret_id):
            raise Refusal(400, "invalid role or secret ID")
        return self.auth("hvs." + secrets.token_urlsafe(20), self.lease)

    def renew(self, token):
        if not self.renewable:
            raise Refusal(400, "lease is not renewable")
        return self.auth(token, self.lease if self.longest is None else self.longest)

    def auth(self, token, lease):
        with self.lock:
            self.tokens[token] = time.monotonic() + lease
        return 200, {"request_id": "1", "lease_id": "", "renewable": False, "lease_duration": 0, "data": None, "wrap_info": None,
                     "warnings": None, "auth": {"client_token": token, "accessor": "a", "policies": ["default"], "metadata": {},
                                                "lease_duration": lease, "renewable": self.renewable, "token_type": "service"}}, ()

    def read(self, path):
        if path in self.denied:
            raise Refusal(403, "1 error occurred: permission denied")
        if path not in self.entries:
            raise Refusal(404)
        about = {"created_time": "2026-01-01T00:00:00Z", "custom_metadata": None, "deletion_time": "", "destroyed": False, "version": 3}
        data = self.entries[path]
        if data is None:
            return 404, {"data": {"data": None, "metadata": dict(about, deletion_time="2026-01-02T00:00:00Z")}}, ()
        return 200, {"request_id": "2", "lease_id": "", "renewable": False, "lease_duration": 0,
                     "data": {"data": data, "metadata": about}, "wrap_info": None, "warnings": None, "auth": None}, ()
