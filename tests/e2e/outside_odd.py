"""An HTTP server of the outside world that does what no good one does, by the first part of the path. Plain, so that nothing but
the gateway is slow."""
import contextlib
import re
import ssl
import time


def head_of(connection):
    """The request's head, and what came behind it."""
    head = b""
    while b"\r\n\r\n" not in head and (part := connection.recv(65536)):
        head += part
    head, _, rest = head.partition(b"\r\n\r\n")
    return head.decode("latin-1"), rest


def told(connection, status, body):
    connection.sendall(b"HTTP/1.1 %d \r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)


def whole(connection, length, rest):
    """Reads the body, then says how long it was."""
    count = len(rest)
    while count < length and (part := connection.recv(1 << 20)):
        count += len(part)
    told(connection, 200, b"%d" % count)


def early(connection, status, _):
    """Answers before it has read the body, and closes."""
    told(connection, status, b"early")
    time.sleep(0.2)


def stays(connection, status, _):
    """Answers, reads no more, and does not close."""
    told(connection, status, b"early")
    time.sleep(60)


def duplex(connection, length, rest):
    """Gives back what comes, as it comes."""
    connection.sendall(b"HTTP/1.1 200 \r\nContent-Length: %d\r\n\r\n" % length + rest)
    count = len(rest)
    while count < length and (part := connection.recv(1 << 20)):
        connection.sendall(part)
        count += len(part)


def interim(connection, number, _):
    """So many heads that are no answer, then one; none: they never end."""
    if number is None:
        while True:
            connection.sendall(b"HTTP/1.1 103 \r\n\r\n" * 4000)
    connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" * number + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nafter")


def crumbs(connection, _, __):
    """Chunks of one byte, for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"1\r\nx\r\n" * 10000)


def hears(connection, _, __):
    """Reads for ever, and says nothing."""
    while connection.recv(1 << 20):
        pass


PLACES = {"interim": interim, "crumbs": crumbs, "hears": hears, "whole": whole, "early": early, "stays": stays, "duplex": duplex}


def serve_tls(context):
    def serve_in(connection, source):
        with contextlib.suppress(ssl.SSLError), context.wrap_socket(connection, server_side=True) as tls:
            serve(tls, source)
    return serve_in


def serve(connection, _):
    head, rest = head_of(connection)
    found = re.match(r"\w+ /(\w+)(?:/(\d+))?", head)
    with contextlib.suppress(OSError):  # whoever asked has heard enough
        PLACES[found.group(1)](connection, int(found.group(2)) if found.group(2) else None, rest)
