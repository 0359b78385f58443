"""The outside world of scripts/demo: a tracker (HTTPS) and a name server that knows it, in the network namespace that the
demonstration made for it. Lives as long as its standard input.

    unshare --net /usr/bin/python3 demo_world.py FOLDER NAME ADDRESS BITS

FOLDER has server.pem (certificate and key) and token (what the tracker lets in). What comes is noted in it: requests.log,
names.log.
It says "entered", waits for a line (the link is there), and says "ready".
"""
import http.server
import json
import pathlib
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading

FOLDER, NAME, ADDRESS, BITS = pathlib.Path(sys.argv[1]), *sys.argv[2:5]
TICKET = {"ticket": 7, "title": "The greeting should be polite", "comments": []}


def note(file, line):
    with open(FOLDER / file, "a") as log:
        print(line, file=log)


class Tracker(http.server.BaseHTTPRequestHandler):
    protocol_version, server_version, sys_version = "HTTP/1.1", "tracker", ""
    token = f"Bearer {(FOLDER / 'token').read_text().strip()}"

    def do_GET(self):
        self.answer(200, TICKET)

    def do_POST(self):
        text = self.rfile.read(int(self.headers.get("content-length", 0))).decode("utf-8", "replace")
        if self.known():
            TICKET["comments"].append(text)
        self.answer(201, {"comment": len(TICKET["comments"]), "text": text})

    def known(self):
        return self.headers.get("authorization") == self.token

    def answer(self, status, what):
        if not self.known():
            status, what = 401, {"error": "who are you? a request without the tracker's token"}
        elif not self.path.startswith("/tickets/7"):
            status, what = 404, {"error": "no such ticket"}
        note("requests.log", f"{self.command} {self.path}, {'with' if self.known() else 'without'} the token: {status}")
        body = (json.dumps(what) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def name_of(query):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
        at += 1 + query[at]
    return ".".join(labels).lower(), query[12:at + 5], struct.unpack("!H", query[at + 1:at + 3])[0]


def answer_names(server):
    """An A record of NAME; of it nothing else, and no other name."""
    while True:
        query, asker = server.recvfrom(4096)
        try:
            name, question, kind = name_of(query)
        except (IndexError, struct.error):
            continue
        note("names.log", name)
        found = name == NAME and kind == 1
        record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 30, 4) + socket.inet_aton(ADDRESS) if found else b""
        flags = 0x8580 if name == NAME else 0x8583
        server.sendto(query[:2] + struct.pack("!HHHHH", flags, 1, int(found), 0, 0) + question + record, asker)


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is the demonstration's; it closes our input
    print("entered", flush=True)
    if not sys.stdin.readline():
        return
    lines = f"link set lo up\naddr add {ADDRESS}/{BITS} dev world\nlink set world up\n"
    subprocess.run(["ip", "-batch", "-"], input=lines, text=True, check=True)
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind((ADDRESS, 53))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FOLDER / "server.pem")
    tracker = http.server.ThreadingHTTPServer((ADDRESS, 443), Tracker)
    tracker.socket = context.wrap_socket(tracker.socket, server_side=True)
    for work in (lambda: answer_names(names), tracker.serve_forever):
        threading.Thread(target=work, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


main()
