"""An HTTP server of the outside world that does what no good one does, by the first part of the path. Plain, so that nothing but
the gateway is slow."""
import contextlib
import re
import socket
import ssl
import struct
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


def breaks(connection, _, __):
    """Begins an answer that only its end would bound, reads nothing more, and breaks off while somebody still writes to it."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nhalf")
    time.sleep(3)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def counts(connection, status, _):
    """Answers with so many bytes as came of the body after its answer's head."""
    connection.sendall(b"HTTP/1.1 %d \r\nContent-Length: 8\r\n\r\n" % status)
    time.sleep(1)
    connection.settimeout(0.1)
    counted = [0, 0]  # what was on its way; what was sent later
    for at, seconds in enumerate((0.2, 2)):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with contextlib.suppress(TimeoutError):
                counted[at] += len(connection.recv(1 << 20))
    connection.sendall(b"%08d" % counted[1])


def twice(connection, at_once, _):
    """Two answers to two requests, or to the first."""
    first, second = (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body) for body in (b"first", b"second"))
    connection.sendall(first + second if at_once else first)
    head_of(connection)
    if not at_once:
        connection.sendall(second)


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


PLACES = {"interim": interim, "crumbs": crumbs, "hears": hears, "whole": whole, "early": early, "stays": stays, "duplex": duplex,
          "breaks": breaks, "counts": counts, "twice": twice}


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
