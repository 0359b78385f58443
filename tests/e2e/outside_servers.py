"""The servers of the outside world (outside.py starts this, in network, mount and pid namespaces of its own: the first
process of them, so that all ends with it). Orders come as JSON lines on standard input, each is answered by one; its
end is the end of everything. What reached a server is a line of log.jsonl; nginx writes nginx.jsonl by itself."""
import base64
import ctypes
import gzip
import hashlib
import http.server
import json
import os
import pathlib
import re
import select
import socket
import socketserver
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.parse

import outside_odd

FOLDER = pathlib.Path(sys.argv[1])
PORTS = json.loads((FOLDER / "ports.json").read_text())
BLOCK = bytes(range(256)) * 256
# The kernel's numbers (socket(7), packet(7)).
SO_ATTACH_FILTER, ETH_P_ALL, PACKET_OUTGOING = 26, 0x0003, 4

log_file = open(FOLDER / "log.jsonl", "a", buffering=1)
log_lock = threading.Lock()


def log(server, **what):
    with log_lock:
        log_file.write(json.dumps({"server": server, "time": time.time(), **what}) + "\n")


def threaded(work, *arguments):
    threading.Thread(target=work, args=arguments, daemon=True).start()


# ---- whatever comes to this network at all ---------------------------------------------------

# Classic BPF: TCP segments that open a connection, and everything that is neither TCP nor ICMPv6.
OPENINGS = ((0x28, 0, 0, 12), (0x15, 0, 5, 0x0800), (0x30, 0, 0, 23), (0x15, 0, 11, 6), (0xb1, 0, 0, 14),
            (0x50, 0, 0, 27), (0x05, 0, 0, 5), (0x15, 0, 6, 0x86dd), (0x30, 0, 0, 20), (0x15, 4, 0, 58),
            (0x15, 0, 4, 6), (0x50, 0, 0, 67), (0x54, 0, 0, 0x12), (0x15, 1, 0, 0x02), (0x06, 0, 0, 0),
            (0x06, 0, 0, 262144))


def watch_arrivals(device):
    watcher = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *row) for row in OPENINGS))
    watcher.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(OPENINGS), ctypes.addressof(code)))
    watcher.bind((device, ETH_P_ALL))
    threaded(note_arrivals, watcher)


def note_arrivals(watcher):
    while True:
        frame, (_, _, kind, *_) = watcher.recvfrom(2048)
        if kind == PACKET_OUTGOING or len(frame) < 34:
            continue
        if frame[12:14] == b"\x08\x00":
            protocol, source, to, rest = frame[23], frame[26:30], frame[30:34], frame[14 + 4 * (frame[14] & 15):]
            family = socket.AF_INET
        elif frame[12:14] == b"\x86\xdd":
            protocol, source, to, rest = frame[20], frame[22:38], frame[38:54], frame[54:]
            family = socket.AF_INET6
        else:
            continue  # ARP
        if to[0] == 0xff and family == socket.AF_INET6:
            continue  # the link's own talk
        port = int.from_bytes(rest[2:4], "big") if protocol in (6, 17) else None
        log("arrival", protocol={6: "tcp", 17: "udp", 1: "icmp"}.get(protocol, protocol),
            source=socket.inet_ntop(family, source), to=socket.inet_ntop(family, to), port=port)


# ---- DNS -------------------------------------------------------------------------------------

TYPES = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 41: "OPT", 64: "SVCB",
         65: "HTTPS", 252: "AXFR", 255: "ANY"}
NUMBERS = {name: number for number, name in TYPES.items()}
RCODES = {"NOERROR": 0, "SERVFAIL": 2, "NXDOMAIN": 3, "REFUSED": 5}
table = {}  # name: {"A": […], "AAAA": […], "CNAME": …, "HTTPS": hex, "rcode": …, "delay": s, "silent": bool, "turns": […], "ttl": s}
table_lock = threading.Lock()


def encoded(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".") if label) + b"\0"


def record(name, kind, data, ttl=30):
    return encoded(name) + struct.pack("!HHIH", NUMBERS[kind], 1, ttl, len(data)) + data


def entry_of(name):
    """What is to be said of a name now: of `turns`, the next at each query for an address."""
    with table_lock:
        return table.get(name)


def turn(entry, kind):
    if "turns" not in entry or kind != "A":
        return entry
    with table_lock:
        return entry["turns"].pop(0) if len(entry["turns"]) > 1 else entry["turns"][0]


def records_of(name, kind, entry):
    answers = []
    for _ in range(8):
        if "CNAME" not in entry:
            break
        answers.append(record(name, "CNAME", encoded(entry["CNAME"])))
        name, entry = entry["CNAME"], entry_of(entry["CNAME"]) or {}
    for text in entry.get(kind, ()) if kind in ("A", "AAAA") else ():
        data = socket.inet_pton(socket.AF_INET if kind == "A" else socket.AF_INET6, text)
        answers.append(record(name, kind, data, entry.get("ttl", 30)))
    if kind in ("HTTPS", "SVCB", "TXT") and kind in entry:
        answers.append(record(name, kind, bytes.fromhex(entry[kind])))
    return answers


def answer(query, transport, source):
    """The bytes to send back, or None."""
    if len(query) < 17:
        return None
    labels, at = [], 12
    while query[at] != 0:
        labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
        at += 1 + query[at]
    question, kind = query[12:at + 5], struct.unpack("!H", query[at + 1:at + 3])[0]
    asked = ".".join(labels)
    name, kind = asked.lower(), TYPES.get(kind, str(kind))
    log("dns", name=asked, type=kind, transport=transport, source=source)
    entry = entry_of(name)
    known = entry is not None
    entry = turn(entry or {}, kind)
    time.sleep(entry.get("delay", 0))
    if entry.get("silent"):
        return None
    answers = records_of(name, kind, entry) if known else []
    rcode = RCODES[entry.get("rcode", "NOERROR" if known else "NXDOMAIN")]
    return query[:2] + struct.pack("!HHHHH", 0x8580 | rcode, 1, len(answers), 0, 0) + question + b"".join(answers)


def answer_datagram(server, query, source):
    reply = answer(query, "udp", source[0])
    if reply is not None:
        server.sendto(reply, source)


def serve_datagrams(family, address):
    server = socket.socket(family, socket.SOCK_DGRAM)
    server.bind((address, 53))
    while True:
        query, source = server.recvfrom(4096)
        threaded(answer_datagram, server, query, source)


def dns_stream(connection, source):
    while True:
        size = exactly(connection, 2)
        if size is None:
            return
        query = exactly(connection, int.from_bytes(size, "big"))
        reply = answer(query, "tcp", source[0]) if query is not None else None
        if reply is None:
            return
        connection.sendall(len(reply).to_bytes(2, "big") + reply)


# ---- plain TCP -------------------------------------------------------------------------------


def exactly(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            return None
        data += part
    return data


def listen(port, serve, name):
    """Serves every connection to the port, on all addresses of both families, in a thread of its own."""
    def accept(listener):
        while True:
            connection, source = listener.accept()
            threaded(handle, connection, source)

    def handle(connection, source):
        log(name, event="connected", source=source[0], local=connection.getsockname()[0])
        with connection:
            try:
                serve(connection, source)
            except OSError as why:
                log(name, event="failed", why=str(why))

    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(2048)
        threaded(accept, listener)


def received(connection, take):
    """Reads to the end; how it ended."""
    while True:
        try:
            part = connection.recv(1 << 20)
        except ConnectionResetError:
            return "RST"
        if not part:
            return "FIN"
        take(part)


def echo(connection, _):
    count = 0

    def back(part):
        nonlocal count
        count += len(part)
        connection.sendall(part)
    log("echo", event="ended", end=received(connection, back), bytes=count)


def sink(connection, _):
    digest, count = hashlib.sha256(), 0

    def take(part):
        nonlocal count
        count += len(part)
        digest.update(part)
    end = received(connection, take)
    log("sink", event="ended", end=end, bytes=count, sha256=digest.hexdigest())


def number_of(connection):
    """The first line, a decimal number."""
    line = b""
    while not line.endswith(b"\n") and len(line) < 20:
        part = connection.recv(1)
        if not part:
            raise ConnectionError("no number came")
        line += part
    return int(line)


def drain(connection, _):
    """As sink, for measuring, neither hashed nor kept: says `=` when as many bytes as the first line names came."""
    buffer, left = bytearray(1 << 20), number_of(connection)
    while left > 0 and (size := connection.recv_into(buffer)):
        left -= size
    if left == 0:
        connection.sendall(b"=")


def source(connection, _):
    """Sends as many bytes as the first line names, then ends the connection in order."""
    sent, wanted = 0, number_of(connection)
    block = memoryview(BLOCK * 16)
    try:
        while sent < wanted:
            sent += connection.send(block[:min(len(block), wanted - sent)])
        end = "FIN"
    except (ConnectionResetError, BrokenPipeError):
        end = "RST"
    log("source", event="ended", end=end, bytes=sent)


def relay(one, other):
    while True:
        ready, _, _ = select.select([one, other], [], [])
        for each in ready:
            part = each.recv(1 << 18)
            if not part:
                return
            (other if each is one else one).sendall(part)


def head_of(connection):
    head = b""
    while b"\r\n\r\n" not in head and len(head) < 65536:
        part = connection.recv(4096)
        if not part:
            break
        head += part
    return head


def proxy(connection, _):
    """A company's proxy: CONNECT only, to a name of the table or to an address."""
    head, _, early = head_of(connection).partition(b"\r\n\r\n")
    line = head.split(b"\r\n")[0].decode("latin-1")
    log("proxy", event="request", line=line, head=head.decode("latin-1"))
    found = re.fullmatch(r"CONNECT \[?([^ \]]+?)\]?:(\d+) HTTP/1\.[01]", line)
    if not found:
        connection.sendall(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
        return
    host, port = found.group(1), int(found.group(2))
    host = ((entry_of(host.lower()) or {}).get("A") or [host])[0]
    try:
        upstream = socket.create_connection((host, port), 5)
    except OSError:
        connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        return
    upstream.settimeout(None)
    with upstream:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        upstream.sendall(early)
        relay(connection, upstream)


def raw_https(context):
    """Requests byte for byte as they came, each answered; the connection stays until the client ends it."""
    def serve(connection, _):
        try:
            tls = context.wrap_socket(connection, server_side=True)
        except (ssl.SSLError, OSError) as why:
            log("raw", event="handshake failed", why=str(why))
            return
        with tls:
            while True:
                head = head_of(tls)
                if not head:
                    return
                head, _, early = head.partition(b"\r\n\r\n")
                length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
                missing = int(length.group(1)) - len(early) if length else 0
                body = early + (exactly(tls, missing) or b"" if missing > 0 else b"")
                log("raw", event="request", head=head.decode("latin-1"), body_b64=base64.b64encode(body).decode())
                said = json.dumps({"head": head.decode("latin-1")}).encode()
                tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(said) + said)
    return serve


# ---- HTTP behind nginx -----------------------------------------------------------------------


class Backend(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "outside", ""

    def log_message(self, *_):
        pass

    def note(self, **what):
        log("http", method=self.command, host=self.headers.get("Host"), path=self.path,
            headers=[[name, value] for name, value in self.headers.items()], **what)

    def parts(self):
        """The body, part by part, as it comes."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left > 0:
            part = self.rfile.read1(min(left, 1 << 16))
            if not part:
                raise ConnectionResetError("the body is cut")
            left -= len(part)
            yield part

    def say(self, body, status=200, kind="application/json", **more):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_all(self):
        target = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(target.query))
        work = next((getattr(self, name) for prefix, name in PLACES if target.path.startswith(prefix)), None)
        if work is None:
            self.note()
            list(self.parts())
            self.say({"error": "not found"}, 404)
            return
        work(target, query)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = do_PROPFIND = handle_all

    def echo(self, target, query):
        body = b"".join(self.parts())
        self.note(body_b64=base64.b64encode(body).decode())
        self.say({"method": self.command, "path": self.path, "host": self.headers.get("Host"),
                  "headers": [[name, value] for name, value in self.headers.items()],
                  "body_b64": base64.b64encode(body).decode()})

    def authorization(self, target, query):
        """Gives back the Authorization header as it came, or disguised: ?as=raw|base64|hex|url|reversed.
        Of it the part that Range asks for; with ?range= also one that nobody asked for."""
        self.note()
        said = self.headers.get("Authorization", "").encode("latin-1")
        said = {"raw": said, "base64": base64.b64encode(said), "hex": said.hex().encode(), "reversed": said[::-1],
                "url": b"".join(b"%%%02X" % byte for byte in said)}[query.get("as", "raw")]
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", query.get("range", "")))
        if query.get("in") == "header":
            self.say(b"", X_Echo=said.decode("latin-1"))
        elif found:
            first, last = map(int, found.groups())
            self.say(said[first:last + 1], 206, "text/plain", Content_Range=f"bytes {first}-{last}/{len(said)}")
        else:
            self.say(b"you sent <" + said + b">", kind="text/plain")

    def protected(self, target, query):
        self.note()
        if self.headers.get("Authorization", "").startswith("Bearer "):
            self.say({"welcome": True})
        else:
            self.say({"error": "who are you"}, 401, WWW_Authenticate='Basic realm="outside"')

    def upload(self, target, query):
        self.note()
        digest, count, end = hashlib.sha256(), 0, "whole"
        try:
            for part in self.parts():
                count += len(part)
                digest.update(part)
        except (OSError, ValueError):
            end = "cut"
        log("upload", bytes=count, sha256=digest.hexdigest(), end=end)
        if end == "whole":
            self.say({"bytes": count, "sha256": digest.hexdigest()})
        else:
            self.close_connection = True

    def stream(self, size, part, every, encoding=None):
        """A chunked answer of `size` bytes in parts with pauses between."""
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        sent = 0
        while sent < size:
            data = BLOCK[:min(part, size - sent)]
            self.wfile.write(b"%x\r\n" % len(data) + data + b"\r\n")
            self.wfile.flush()
            sent += len(data)
            time.sleep(every)
        self.wfile.write(b"0\r\n\r\n")

    def chunked(self, target, query):
        self.note()
        self.stream(int(query.get("bytes", 100000)), 4096, 0)

    def slow(self, target, query):
        self.note()
        self.stream(int(query.get("bytes", 20)), 1, float(query.get("every", 0.1)))

    def zipped(self, target, query):
        self.note()
        self.say(gzip.compress(BLOCK, mtime=0), kind="application/octet-stream", Content_Encoding="gzip")

    def redirect(self, target, query):
        self.note()
        self.say(b"", int(query.get("status", 302)), Location=query.get("to", "https://other.example.com/echo"))

    def headers_to_drop(self, target, query):
        """What only serves to lead a client elsewhere or to be recognised again."""
        self.note()
        self.say({"here": True}, Set_Cookie="id=1; Path=/", Alt_Svc='h3=":443"', NEL='{"report_to":"x"}',
                 Report_To='{"group":"x"}', Strict_Transport_Security="max-age=1")

    def dns_message(self, target, query):
        """An answer of DNS over HTTPS (RFC 8484)."""
        body = b"".join(self.parts())
        self.note(body_b64=base64.b64encode(body).decode())
        self.say(b"\0\0\x81\x80\0\1\0\0\0\0\0\0\0\0\1\0\1", kind="application/dns-message")

    def upgrade(self, target, query):
        """101 to whom asks for it, then everything comes back."""
        self.note()
        wanted = self.headers.get("Upgrade")
        if not wanted:
            self.say({"error": "upgrade required"}, 426)
            return
        self.send_response(101)
        self.send_header("Upgrade", wanted)
        self.send_header("Connection", "Upgrade")
        self.end_headers()
        while part := self.rfile.read1(65536):
            self.wfile.write(part)
            self.wfile.flush()
        self.close_connection = True

    def git(self, target, query):
        """git-http-backend(1) as CGI (RFC 3875)."""
        self.note()
        body = b"".join(self.parts())
        environment = {
            "PATH": "/usr/bin:/bin", "HOME": str(FOLDER), "GIT_PROJECT_ROOT": str(FOLDER / "git"), "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command, "PATH_INFO": urllib.parse.unquote(target.path[len("/git"):]),
            "QUERY_STRING": target.query, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)), "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""), "REMOTE_USER": "outside", "REMOTE_ADDR": "0.0.0.0"}
        done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=environment)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if ": " in line)
        status = int(fields.pop("Status", "200").split()[0])
        self.say(content, status, fields.pop("Content-Type", "text/plain"), **fields)


PLACES = (("/echo", "echo"), ("/authorization", "authorization"), ("/protected", "protected"), ("/upload", "upload"),
          ("/chunked", "chunked"), ("/slow", "slow"), ("/gzip", "zipped"), ("/redirect", "redirect"),
          ("/headers", "headers_to_drop"), ("/dns-query", "dns_message"), ("/upgrade", "upgrade"), ("/git/", "git"))


class BackendServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 2048

    def get_request(self):
        connection, _ = super().get_request()
        return connection, ("nginx", 0)

    def handle_error(self, request, client_address):
        log("http broken off", why=str(sys.exc_info()[1]))  # no request: those of "http" are


# ---- all of it ---------------------------------------------------------------------------------


def address_of(orders):
    """Waits until the test made the link; names this side's end and its addresses."""
    link = json.loads(orders.readline())
    lines = ["link set lo up", f"link set {link['device']} up"]
    lines += [f"addr add {address}/{link['bits']} dev {link['device']}" for address in link["addresses"]]
    lines += [f"route add default via {link['host']}"]
    lines6 = [f"addr add {link['address6']}/64 dev {link['device']} nodad"] if link["address6"] else []
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines + lines6).encode(), check=True)
    return link


def serve_all(link):
    watch_arrivals(link["device"])
    for address in (*link["addresses"], *([link["address6"]] if link["address6"] else [])):
        threaded(serve_datagrams, socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FOLDER / "pki/good.pem", FOLDER / "pki/key.pem")
    for name, serve in (("dns", dns_stream), ("echo", echo), ("sink", sink), ("drain", drain), ("source", source),
                        ("proxy", proxy), ("raw", raw_https(context)), ("odd", outside_odd.serve), ("odd_tls", outside_odd.serve_tls(context))):
        listen(PORTS[name], serve, "dns-tcp" if name == "dns" else name)
    backend = BackendServer(str(FOLDER / "backend.sock"), Backend)
    threaded(backend.serve_forever)
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    subprocess.Popen(["nginx", "-c", str(FOLDER / "nginx.conf"), "-p", str(FOLDER)], **quiet)
    subprocess.Popen(["openssl", "s_server", "-accept", str(PORTS["s_server"]), "-www", "-quiet", "-cert",
                      str(FOLDER / "pki/good.pem"), "-key", str(FOLDER / "pki/key.pem")], stderr=subprocess.DEVNULL, **quiet)


def listens(port):
    return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
               for name in ("tcp", "tcp6") for line in open(f"/proc/net/{name}").readlines()[1:])


def reap_and_obey(orders):
    for line in orders:
        order = json.loads(line)
        with table_lock:
            table.update(order.get("table", {}))
            for name in order.get("forget", ()):
                table.pop(name, None)
        print(json.dumps({"done": True}), flush=True)


def main():
    subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
    print(json.dumps({"entered": True}), flush=True)
    link = address_of(sys.stdin)
    serve_all(link)
    deadline = time.monotonic() + 20
    while not all(map(listens, (80, 443, PORTS["s_server"]))):
        if time.monotonic() > deadline:
            sys.exit("a server did not come up")
        time.sleep(0.005)
    print(json.dumps({"ready": True}), flush=True)
    reap_and_obey(sys.stdin)
    os._exit(0)


if __name__ == "__main__":
    main()
