"""The socket at which a workspace asks: floods, packets of any size and shape, descriptors, and users
who are none of the workspace's."""
import errno
import os
import pathlib
import subprocess
import unittest

from attack_case import AttackCase

CONNECT = """
import errno, os, socket, struct, sys, time
PATH = "/run/carrel/inside/socket"
def visitor(block=True):
    one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    one.setblocking(block)
    one.connect(PATH)
    return one
def packet(kind, body=b"", version=1, length=None):
    return struct.pack("<HHI", version, kind, len(body) if length is None else length) + body
def ask(data):
    one = visitor()
    try:
        one.send(data)
        return one.recv(65536)
    except OSError as why:
        return errno.errorcode[why.errno].encode()
"""


class Inside(AttackCase):
    def python(self, script, **options):
        return self.open("/usr/bin/python3", "-c", CONNECT + script, **options)

    def recorder(self):
        self.wait_until(lambda: self.processes("carrel-session"), 20, "carrel-session runs")
        return self.processes("carrel-session")[0]

    def test_connections_that_say_nothing_hold_nothing(self):
        out = self.python("""
good = ask(packet(1))
print(good[:2] == b"\\1\\0" and b"carrel: session" in good, flush=True)
held = []
try:
    while len(held) < 1000: held.append(visitor(block=False))
except BlockingIOError:
    print("full", len(held) < 100)
open("web/src/made", "w").write("work goes on")
print(os.system("carrel status > /dev/null") >> 8 in (0, 1))
for one in held: one.close()
time.sleep(0.5)
print(b"carrel: session" in ask(packet(1)))
""").out
        self.assertEqual(out, b"True\nfull True\nTrue\nTrue\n")
        self.assertIn("/workspaces/app/web/src/made", self.changes())
        self.verify()

    def test_packets_of_any_shape_are_refused_and_nothing_ends(self):
        out = self.python("""
good = packet(3, b"/etc/shadow")
print(b"default:host-files" in ask(good))
odd = [b"x", good[:7], good[:-1], good + b"x", packet(3, b"/a", version=2), packet(3, b"/a", length=1 << 31),
       packet(0), packet(9, b"/"), packet(1, b"x"), packet(3, b"relative"), packet(3, b"/a\\0b"), packet(5, b"/no nul"),
       packet(3, b"/" + b"x" * 8192), os.urandom(8000)]
answers = {ask(one)[8:] for one in odd}
print(answers)
print(ask(b"x" * 60000), ask(b"x" * 150000))
import random
random.seed(7)
for _ in range(300):
    data = bytearray(good)
    for _ in range(3): data[random.randrange(len(data))] = random.randrange(256)
    ask(bytes(data))
print(b"default:host-files" in ask(good))
""").out.splitlines()
        self.assertEqual(out[0], b"True")
        self.assertEqual(out[1], b"{b'carrel: this question is not understood\\n'}")
        self.assertEqual(out[2], b"b'' b''")
        self.assertEqual(out[3], b"True")
        self.assertEqual(self.sessions()[0]["state"], "closed")
        self.verify()

    def test_descriptors_that_come_along_are_not_kept(self):
        process = self.start("/usr/bin/python3", "-c", CONNECT + """
print("runs", flush=True); input()
for _ in range(50):
    one = visitor()
    try: one.sendmsg([packet(1)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("4i", 0, 1, 2, 1))]); one.recv(65536)
    except OSError: pass
held = [visitor() for _ in range(4)]
for one in held: one.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("4i", 0, 1, 2, 1))])
print("sent", flush=True); input()""")
        self.assertEqual(self.line(process), "runs")
        folder = pathlib.Path(f"/proc/{self.recorder()}/fd")
        before = len(list(folder.iterdir()))
        process.stdin.write(b"\n")
        process.stdin.flush()
        self.assertEqual(self.line(process), "sent")
        self.wait_until(lambda: len(list(folder.iterdir())) <= before, 10, "nothing is kept")
        self.finish(process, b"\n")

    def test_many_questions_lose_no_event(self):
        self.python("""
for i in range(400):
    ask(packet(3, b"/workspaces/app/hidden%d" % i))
""")
        events = self.events()
        self.assertEqual(sum(1 for event in events if event["type"] == "net.connect"), 400)
        self.assertEqual(self.sessions()[0]["lost"], 0)
        self.assertEqual(self.sessions()[0]["denied"], 0)
        self.verify()

    def test_the_socket_and_the_program_cannot_be_taken_away(self):
        out = self.python("""
for what in ("os.unlink(PATH)", "os.rename(PATH, PATH + 'x')", "os.chmod(PATH, 0)", "open('/run/carrel/inside/x', 'w')",
             "open('/run/carrel/bin/carrel', 'r+b')", "os.unlink('/run/carrel/bin/carrel')", "os.mkdir('/run/carrel/bin/x')"):
    try:
        exec(what)
        print("done", what)
    except OSError as why:
        print(errno.errorcode[why.errno])
print(b"carrel: session" in ask(packet(1)))
""").out.split()
        self.assertEqual(out[-1], b"True")
        self.assertLessEqual(set(out[:-1]), {b"EROFS", b"EACCES", b"EPERM", b"EBUSY"})

    def test_another_user_of_the_host_reaches_it_by_no_way(self):
        process = self.start("/usr/bin/python3", "-c", "print('runs', flush=True); input()")
        self.assertEqual(self.line(process), "runs")
        pid = self.processes("python3")[0]
        script = """
import os, socket, sys
places = [f"/proc/{pid}/root/run/carrel/inside/socket" for pid in sys.argv[1:]]
for place in places:
    one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        one.connect(place); one.send(b"\\1\\0\\1\\0\\0\\0\\0\\0"); print(one.recv(65536))
    except OSError as why:
        print(why.errno)
"""
        words = ["/usr/bin/python3", "-c", script, str(pid)]
        root = subprocess.run(words, capture_output=True)  # the control: it is there, and hears its own alone
        self.assertIn(root.stdout, [b"b''\n", f"{errno.EPIPE}\n".encode(), f"{errno.ECONNRESET}\n".encode()])
        other = subprocess.run(words, capture_output=True, user=54321, group=54321, extra_groups=[])
        self.assertEqual(other.stdout, f"{errno.EACCES}\n".encode(), other.stderr)
        self.finish(process, b"\n")


if __name__ == "__main__":
    unittest.main()
