"""What bench_gateway.py runs at the inner end of each way out; prints one JSON object. It is handed over as text
(python3 -c), since a workspace has no file of this checkout.
  client.py WHAT HOST PORT NUMBER [PROXY_HOST PROXY_PORT [tls]]
up, down: NUMBER of streams, together SIZE bytes; latency: NUMBER of connections one after the other; flows: NUMBER at once."""
import json
import resource
import socket
import ssl
import sys
import threading
import time

what, host, port, number = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
proxy = (sys.argv[5], int(sys.argv[6])) if len(sys.argv) > 6 and sys.argv[5] != "-" else None
tls = len(sys.argv) > 7
SIZE = 512 << 20
BLOCK = bytearray(1 << 20)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # no store is read: what is timed is the relay
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE


def connected():
    connection = socket.create_connection(proxy or (host, port), 30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if proxy:
        connection.sendall(b"CONNECT %s:%d HTTP/1.1\r\nHost: %s:%d\r\n\r\n" % (host.encode(), port, host.encode(), port))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            part = connection.recv(1)
            if not part:
                raise ConnectionError("the proxy ended it")
            head += part
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise ConnectionError(head.split(b"\r\n")[0].decode())
    if tls:
        connection = context.wrap_socket(connection, server_hostname=host)
    return connection


def send_part(size):
    with connected() as connection:
        connection.sendall(b"%d\n" % size)
        for _ in range(size // len(BLOCK)):
            connection.sendall(BLOCK)
        if connection.recv(1) != b"=":  # it has all of them
            raise ConnectionError("the server did not get all")


def take_part(size):
    with connected() as connection:
        if tls:
            connection.sendall(b"GET /big.bin HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % host.encode())
        else:
            connection.sendall(b"%d\n" % size)
        count, buffer = 0, bytearray(1 << 20)
        while part := connection.recv_into(buffer):
            count += part
        if count < size:
            raise ConnectionError(f"{count} of {size} bytes came")


def together(work, sizes):
    failures = []

    def guarded(size):
        try:
            work(size)
        except OSError as why:
            failures.append(str(why))
    threads = [threading.Thread(target=guarded, args=(size,)) for size in sizes]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        sys.exit(failures[0])
    return time.perf_counter() - started


def ask(connection):
    """A little: some ways wait for more than one byte to see what is spoken."""
    connection.sendall(b"HEAD /small.txt HTTP/1.1\r\nHost: %s\r\n\r\n" % host.encode() if tls else b"x" * 16)


def first_byte(connection):
    if not connection.recv(1):
        raise ConnectionError("ended before the first byte")


def latency():
    connects, firsts = [], []
    for _ in range(number):
        started = time.perf_counter()
        with connected() as connection:
            connects.append(time.perf_counter() - started)
            ask(connection)
            first_byte(connection)
            firsts.append(time.perf_counter() - started)
    return {"connects": connects, "firsts": firsts}


def flows():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    started = time.perf_counter()
    open_ones = [connected() for _ in range(number)]
    for connection in open_ones:
        ask(connection)
    for connection in open_ones:
        first_byte(connection)
    took = time.perf_counter() - started
    for connection in open_ones:
        connection.close()
    return {"seconds": took}


if what in ("up", "down"):
    whole = SIZE if not tls else number * (64 << 20)
    took = together(send_part if what == "up" else take_part, [whole // number] * number)
    said = {"seconds": took, "bytes": whole}
else:
    said = latency() if what == "latency" else flows()
print(json.dumps(said))
