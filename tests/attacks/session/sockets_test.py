"""Catalogue 3.F, as far as there is no network, and System V objects: nothing is shared with the host."""
import ctypes
import os
import pathlib
import socket
import unittest

from attack_case import AttackCase

CONNECT = """
import socket, sys
for address in sys.argv[1:]:
    if address[0] == "@":
        s, to = socket.socket(socket.AF_UNIX), "\\0" + address[1:]
    else:
        host, port = address.rsplit(" ", 1)
        s, to = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET), (host, int(port))
    s.settimeout(3)
    print(s.connect_ex(to))
"""


class Sockets(AttackCase):
    def listen(self, family, address):
        server = socket.socket(family)
        self.addCleanup(server.close)
        server.bind(address)
        server.listen()
        with socket.socket(family) as control:
            control.connect(server.getsockname())  # positive control: it answers on the host
        server.accept()[0].close()
        return server

    def nobody_came(self, server):
        server.setblocking(False)
        with self.assertRaises(BlockingIOError):
            server.accept()

    def test_no_abstract_socket_of_the_host(self):
        name = f"carrel-attack-{os.getpid()}"
        server = self.listen(socket.AF_UNIX, "\0" + name)
        self.assertEqual(self.open("/usr/bin/python3", "-c", CONNECT, "@" + name).out, b"111\n")
        self.nobody_came(server)

    def test_no_loopback_of_the_host(self):
        server = self.listen(socket.AF_INET, ("127.0.0.1", 0))
        port = server.getsockname()[1]
        hosts = ("127.0.0.1", "0.0.0.0", "127.1.2.3", "::1", "::ffff:127.0.0.1")
        out = self.open("/usr/bin/python3", "-c", CONNECT, *[f"{host} {port}" for host in hosts]).out
        self.assertEqual(set(out.split()), {b"111"}, out)
        self.nobody_came(server)

    def test_no_way_out(self):
        hosts = ("192.0.2.10", "169.254.169.254", "10.0.0.1", "2001:db8::1", "::ffff:192.0.2.10", "64:ff9b::c000:20a")
        out = self.open("/usr/bin/python3", "-c", CONNECT, *[host + " 443" for host in hosts]).out
        self.assertEqual(set(out.split()), {b"101"}, out)
        denied = [event for event in self.events("last", "--verdict", "denied") if event["type"] == "net.connect"]
        self.assertEqual([event["errno"] for event in denied], ["ENETUNREACH"] * len(hosts))
        self.assertEqual({event["rule"]["id"] for event in denied}, {"default:network"})

    def test_no_datagram_out(self):
        out = self.open("/usr/bin/python3", "-c", """
import socket
for host in ("192.0.2.10", "255.255.255.255", "224.0.0.1"):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    try:
        print(s.sendto(b"x", (host, 53)))
    except OSError as why:
        print(why.errno)
for option in (36, 25):
    try:
        s.setsockopt(socket.SOL_SOCKET, option, b"lo\\0\\0")
        print("set")
    except OSError as why:
        print(why.errno)""").out.split()
        self.assertEqual(out[:3], [b"101"] * 3)
        self.assertEqual(out[3], b"1")

    def test_no_listener_that_the_host_reaches(self):
        process = self.start("/usr/bin/python3", "-c", """
import socket
a = socket.create_server(("0.0.0.0", 0))
b = socket.socket(socket.AF_UNIX); b.bind("\\0carrel-attack-inner"); b.listen()
print(a.getsockname()[1], flush=True)
socket.create_connection(("127.0.0.1", a.getsockname()[1]))
print("inside", flush=True)
input()""")
        port = int(self.line(process))
        self.assertEqual(self.line(process), "inside")  # positive control
        self.assertEqual(socket.socket().connect_ex(("127.0.0.1", port)), 111)
        self.assertEqual(socket.socket(socket.AF_UNIX).connect_ex("\0carrel-attack-inner"), 111)
        self.finish(process, b"\n")

    def test_no_shared_memory_of_the_host(self):
        libc = ctypes.CDLL(None, use_errno=True)
        key, size = 0x43415252, 4096
        number = libc.shmget(key, size, 0o1666)
        self.assertGreaterEqual(number, 0)
        self.addCleanup(libc.shmctl, number, 0, None)
        self.assertEqual(libc.shmget(key, size, 0), number)  # positive control
        rows = [("there", "shmget", key, size, 0), ("own", "shmget", key + 1, size, 0o1666)]
        found = self.inside(rows)
        self.assertEqual(found["there"], "ENOENT")
        self.assertIsInstance(found["own"], int)
        self.assertEqual(libc.shmget(key + 1, size, 0), -1)

    def test_no_queue_and_no_shm_folder_of_the_host(self):
        mark = pathlib.Path(f"/dev/shm/carrel-attack-{os.getpid()}")
        mark.write_text("host\n")
        self.addCleanup(mark.unlink)
        out = self.sh(f"ls -A /dev/shm; cat {mark} 2>&1 | grep -c 'No such'; echo mine > /dev/shm/carrel-inner; cat /dev/shm/carrel-inner").out
        self.assertEqual(out, b"1\nmine\n")
        self.assertFalse(pathlib.Path("/dev/shm/carrel-inner").exists())
        queue = f"carrel-attack-{os.getpid()}"
        self.works_outside([("make", "mq_open", queue, 0o102, 0o666, 0), ("open", "mq_open", queue, 0, 0, 0)])
        self.addCleanup(self.outside, [("away", 241, queue)])
        self.assertIn(self.inside([("open", "mq_open", queue, 0, 0, 0)])["open"], ("ENOENT", "EACCES"))


if __name__ == "__main__":
    unittest.main()
