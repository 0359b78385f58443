"""Catalogue 3.E: the kernel's surface. Every refusal with its exact errno, from the table."""
import os
import signal
import subprocess
import unittest

from attack_case import AT_FDCWD, AttackCase, INSIDE, NUMBERS, PAYLOAD
from carrel_case import ROOTLESS

ATTRIBUTES = (1).to_bytes(4, "little") + (128).to_bytes(4, "little") + bytes(120)  # perf: software, clock


class Kernel(AttackCase):
    def refused(self, rows, errno="EPERM", event=True):
        """Each row answers `errno` inside and, where it is an event, is one."""
        self.assertEqual(self.inside(rows), {name: errno for name, *_ in rows})
        names = [call for _, call, *_ in rows] if event else []
        self.assertEqual(self.refused_calls(), names)

    def test_no_io_uring(self):
        setup = ("io_uring_setup", "io_uring_setup", 1, bytes(120))
        self.works_outside([setup])
        rows = [("enter", "io_uring_enter", 0, 1, 0, 0, 0), ("register", "io_uring_register", 0, 0, 0, 0), setup]
        self.assertEqual(set(self.inside(rows).values()), {"ENOSYS"})
        self.assertEqual(self.refused_calls(), ["io_uring_enter", "io_uring_register"])  # trying is no event

    def test_no_program_in_the_kernel(self):
        array = b"".join(number.to_bytes(4, "little") for number in (2, 4, 8, 1)) + bytes(112)
        self.works_outside([("map", "bpf", 0, array, 128)])
        self.refused([("map", "bpf", 0, array, 128), ("load", "bpf", 5, bytes(128), 128)])

    def test_no_performance_events(self):
        self.works_outside([("self", "perf_event_open", ATTRIBUTES, 0, -1, -1, 0)])
        self.refused([("self", "perf_event_open", ATTRIBUTES, 0, -1, -1, 0), ("all", "perf_event_open", ATTRIBUTES, -1, 0, -1, 0)])

    def test_no_user_fault_descriptor(self):
        outside = self.outside([("fd", "userfaultfd", 1)])["fd"]
        self.assertTrue(isinstance(outside, int) or outside == "ENOSYS", outside)
        self.refused([("fd", "userfaultfd", 1), ("kernel", "userfaultfd", 0)])

    def test_no_keys(self):
        self.works_outside([("id", "keyctl", 0, -3, 0)])
        self.refused([("id", "keyctl", 0, -3, 0), ("join", "keyctl", 1, 0), ("add", "add_key", "user", "x", b"y", 1, -3),
                      ("request", "request_key", "user", "x", "y", -3)])

    def test_no_loading_stopping_or_swapping_of_the_kernel(self):
        self.refused([("kexec", "kexec_load", 0, 0, 0, 0), ("kexec-file", "kexec_file_load", 0, 0, 0, 0, 0),
                      ("module", "init_module", 0, 0, ""), ("module-file", "finit_module", 0, "", 0),
                      ("module-away", "delete_module", "x", 0), ("reboot", "reboot", 0, 0, 0, 0), ("swap", "swapon", "/tmp/x", 0),
                      ("swapoff", "swapoff", "/tmp/x")])

    def test_no_change_of_the_machine(self):
        self.works_outside([("host", "sethostname", "inner", 5)], ("unshare", "--uts"))
        self.refused([("host", "sethostname", "inner", 5), ("domain", "setdomainname", "inner", 5), ("iopl", "iopl", 3),
                      ("ioperm", "ioperm", 0x80, 1, 1), ("ldt", "modify_ldt", 0, bytes(16), 16), ("quota", "quotactl", 0, 0, 0, 0),
                      ("quota-fd", "quotactl_fd", 0, 0, 0, 0), ("acct", "acct", "/tmp/x"), ("syslog", "syslog", 10, 0, 0),
                      ("hangup", "vhangup"), ("fanotify", "fanotify_init", 0, 0), ("mark", "fanotify_mark", 0, 0, 0, 0, 0)])

    def test_no_setting_of_a_clock(self):
        now = bytes(16)
        self.refused([("day", "settimeofday", now, 0), ("clock", "clock_settime", 0, now), ("adjust", "adjtimex", bytes(208)),
                      ("clock-adjust", "clock_adjtime", 0, bytes(208))])

    def test_no_odd_personality(self):
        self.works_outside([("layout", "personality", 0x40000), ("exec", "personality", 0x400000)])
        self.refused([("layout", "personality", 0x40000), ("exec", "personality", 0x400000)])
        self.assertEqual(self.inside([("ask", "personality", 0xFFFFFFFF)]), {"ask": 0})

    def test_no_pages_of_others(self):
        self.refused([("move", "move_pages", 0, 0, 0, 0, 0, 0), ("migrate", "migrate_pages", 0, 0, 0, 0),
                      ("splice", "vmsplice", 0, 0, 0, 0), ("remap", "remap_file_pages", 0, 0, 0, 0, 0)])

    def test_no_memory_out_of_a_reviewers_sight(self):
        self.refused([("secret", "memfd_secret", 0)])

    def test_what_libraries_try_is_absent_and_no_event(self):
        self.refused([("mbind", "mbind", 0, 0, 0, 0, 0, 0), ("policy", "set_mempolicy", 0, 0, 0), ("uselib", "uselib", "x"),
                      ("ustat", "ustat", 0, 0), ("sysfs", "sysfs", 3), ("sysctl", "_sysctl", 0), ("nfs", "nfsservctl", 0, 0, 0),
                      ("getpmsg", "getpmsg"), ("cookie", "lookup_dcookie", 0, 0, 0), ("listmount", "listmount", 0, 0, 0, 0),
                      ("statmount", "statmount", 0, 0, 0, 0)], "ENOSYS", event=False)

    def test_no_call_that_the_table_does_not_know(self):
        # 335 and 336 are the kernel's own way back from probes: every filter lets them pass, SIGILL answers.
        rows = [(f"n{number}", number) for number in [337, 400, 423, *range(470, 520), 1000, 0x7FFFFFFF]]
        self.refused(rows, "ENOSYS", event=False)

    def test_no_call_of_the_x32_numbering(self):
        numbers = [0x40000000 | number for number in (NUMBERS["getpid"], NUMBERS["openat"], NUMBERS["mount"], 512, 520, 547)]
        self.refused([(f"x{number:x}", number) for number in numbers], "ENOSYS", event=False)

    def test_a_call_by_int80_kills_the_process(self):
        control = subprocess.run([PAYLOAD, "int80"], capture_output=True)
        if control.returncode == -signal.SIGSEGV:
            print("SKIP kernel-feature=ia32-emulation")
            return
        self.assertRegex(control.stdout, rb"int80\t[0-9]+\n")
        opened = self.attack("int80", code=128 + signal.SIGSYS)
        self.assertEqual((opened.out, opened.end["signal"]), (b"", "SIGSYS"))
        if not ROOTLESS:  # where no exit is seen, init's word of the command's end has to do
            exits = [event for event in self.events() if event["type"] == "process.exit"]
            self.assertIn("SIGSYS", [event["data"]["signal"] for event in exits])

    def test_no_socket_of_an_odd_family(self):
        rows = [(f"family-{family}", "socket", family, kind, 0) for family in range(0, 48) for kind in (1,)]
        found = self.inside(rows)
        allowed = {name for name, result in found.items() if isinstance(result, int)}
        self.assertEqual(allowed, {"family-1", "family-2", "family-10"})
        self.assertEqual({result for name, result in found.items() if name not in allowed | {"family-16"}}, {"EPERM"})
        self.assertEqual(found["family-16"], "ESOCKTNOSUPPORT")  # netlink knows no streams

    def test_no_machine_wide_socket(self):
        vsock, packet = ("vsock", "socket", 40, 1, 0), ("packet", "socket", 17, 3, 0)
        outside = self.outside([vsock, packet, ("raw", "socket", 2, 3, 1), ("netfilter", "socket", 16, 3, 12)])
        self.assertGreaterEqual(len([result for result in outside.values() if isinstance(result, int)]), 2, outside)
        netlink = [(f"netlink-{protocol}", "socket", 16, 3, protocol) for protocol in range(1, 23) if protocol != 9]
        rows = [vsock, ("vsock-datagram", "socket", 40, 2, 0), packet, ("raw", "socket", 2, 3, 1), ("raw6", "socket", 10, 3, 58),
                ("ping", "socket", 2, 2, 1), ("sctp", "socket", 2, 1, 132), ("high-half", "socket", 40 | 1 << 32, 1, 0), *netlink]
        self.refused(rows)
        self.assertEqual(self.inside([("audit", "socket", 16, 3, 9), ("mptcp", "socket", 2, 1, 262)]),
                         {"audit": "EAFNOSUPPORT", "mptcp": "EPROTONOSUPPORT"})

    def test_the_network_is_not_reconfigured(self):
        # RTM_NEWLINK through a socket that may be had: the kernel asks for a capability.
        probe = """
import socket, struct
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
s.bind((0, 0))
body = struct.pack("=BxHiII", 0, 0, 1, 0, 1)
s.send(struct.pack("=IHHII", 16 + len(body), 16, 5, 1, 0) + body)
print(struct.unpack("=i", s.recv(4096)[16:20])[0])
s.send(struct.pack("=IHHII", 17 + 3, 18, 0x301, 2, 0) + b"\\0" * 4)
print(struct.unpack("=H", s.recv(65536)[4:6])[0])"""
        self.assertEqual(self.open("/usr/bin/python3", "-c", probe).out, b"-1\n16\n")

    def test_landlock_of_its_own_blinds_nobody(self):
        out = self.open("/usr/bin/python3", "-c", """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
fd = libc.syscall(444, (ctypes.c_uint64 * 1)(1 << 2), 8, 0)
print(fd >= 0, libc.syscall(446, fd, 0))
try:
    open("web/src/main.c")
except OSError as why:
    print(why.errno)""").out
        self.assertEqual(out, b"True 0\n13\n")
        opens = [event for event in self.events() if event["data"].get("path", "").endswith("web/src/main.c")]
        # Seen in either case; what a program's own Landlock answers is not known before the call.
        self.assertEqual([event["errno"] for event in opens], [None if ROOTLESS else "EACCES"])


if __name__ == "__main__":
    unittest.main()
