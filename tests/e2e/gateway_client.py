# What scripts of the gateway's tests find ready inside a workspace; the test hands this text to python3 -c with the script
# behind it, for which some of these are imported. `given` holds what the test gave; say() is heard by it.
import base64
import errno
import json
import socket
import ssl
import struct
import sys
import time

given = json.loads(sys.argv[1])
socket.setdefaulttimeout(15)


def say(what):
    print(json.dumps(what), flush=True)


def word(why):
    """An error in one word."""
    if isinstance(why, socket.gaierror):
        return "no such name"
    if isinstance(why, ssl.SSLError):
        return "ended" if isinstance(why, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) else "TLS"
    if isinstance(why, TimeoutError) and why.errno is None:
        return "silence"
    return errno.errorcode.get(why.errno, str(why))


def attempt(work, *arguments):
    """What it answers, or the word of its error."""
    try:
        return work(*arguments)
    except OSError as why:
        return word(why)


def connect(host, port=443):
    return socket.create_connection((host, port))


def connected(host, port=443):
    """"connected", or why not."""
    def work():
        connect(host, port).close()
        return "connected"
    return attempt(work)


def tls(connection, name, alpn=None):
    context = ssl.create_default_context()
    if alpn:
        context.set_alpn_protocols(alpn)
    return context.wrap_socket(connection, server_hostname=name)


def everything(connection):
    """All bytes to the end; how it ended behind them."""
    parts = []
    while True:
        try:
            part = connection.recv(65536)
        except OSError as why:
            return b"".join(parts), word(why)
        if not part:
            return b"".join(parts), "FIN"
        parts.append(part)


def answer_to(request, host, port=443, sni=None, wait=None):
    """Sends bytes over TLS; status, head and body of what comes (status 0: nothing), and how it ended."""
    with tls(connect(host, port), sni or host) as connection:
        connection.sendall(request)
        if wait:
            connection.settimeout(wait)
        came, end = everything(connection)
    head, _, body = came.partition(b"\r\n\r\n")
    words = head.split(b"\r\n")[0].split(b" ")
    return {"status": int(words[1]) if len(words) > 1 and words[1].isdigit() else 0, "head": head.decode("latin-1"),
            "body": body.decode("latin-1"), "end": end}


def get(path, host, *headers, method="GET", body=b"", port=443, more=b""):
    """One request as a client sends it, closed after its answer."""
    authority = host if port == 443 else f"{host}:{port}"
    lines = [f"{method} {path} HTTP/1.1", f"Host: {authority}", "Connection: close", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    request = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
    return attempt(answer_to, request + more, host, port)


def ask_dns(name, kind=1, to="127.0.0.53", stream=False, raw=None):
    """(response code, number of answers, address) of one question, over UDP or TCP."""
    labels = raw if raw is not None else b"".join(bytes([len(part)]) + part.encode("latin-1") for part in name.split(".")) + b"\0"
    query = b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + labels + struct.pack("!HH", kind, 1)
    with socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM) as server:
        server.settimeout(5)
        server.connect((to, 53))
        server.sendall(struct.pack("!H", len(query)) + query if stream else query)
        reply = server.recv(4096)
        if stream:
            while len(reply) < 2 or len(reply) < 2 + struct.unpack("!H", reply[:2])[0]:
                part = server.recv(4096)
                if not part:
                    raise ConnectionError(errno.EPIPE, "no answer")
                reply += part
            reply = reply[2:]
    answers = struct.unpack("!H", reply[6:8])[0]
    at = len(query)  # where the first answer begins, by its name: whole, or a pointer (RFC 1035 4.1.4)
    while answers and reply[at] not in (0, 0xc0):
        at += 1 + reply[at]
    at += 12 if answers and reply[at] == 0xc0 else 11
    return [reply[3] & 15, answers, socket.inet_ntoa(reply[at:at + 4]) if answers and kind == 1 else None]


def client_hello(name):
    """The bytes with which a TLS client begins."""
    context, incoming, outgoing = ssl.create_default_context(), ssl.MemoryBIO(), ssl.MemoryBIO()
    if name is None:
        context.check_hostname = False
    pipe = context.wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        pipe.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def with_extension(hello, number, data):
    """The hello with one extension more, lengths mended (RFC 8446 4.1.2)."""
    body = hello[9:]
    at = 2 + 32
    at += 1 + body[at]
    at += 2 + struct.unpack("!H", body[at:at + 2])[0]
    at += 1 + body[at]
    extensions = body[at + 2:] + struct.pack("!HH", number, len(data)) + data
    body = body[:at] + struct.pack("!H", len(extensions)) + extensions
    return records(b"\1" + struct.pack("!I", len(body))[1:] + body, 1 << 14)


def records(handshake, size):
    """A handshake message in TLS records of so many bytes."""
    parts = [handshake[at:at + size] for at in range(0, len(handshake), size)]
    return b"".join(b"\x16\3\1" + struct.pack("!H", len(part)) + part for part in parts)


def greeted(host, pieces, port=443, pause=0):
    """What a server says to the pieces of a hello: "hello", "alert", or how it ended."""
    def work():
        with connect(host, port) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
            first = connection.recv(1)
        return {b"\x16": "hello", b"\x15": "alert", b"": "FIN"}.get(first, repr(first))
    return attempt(work)
