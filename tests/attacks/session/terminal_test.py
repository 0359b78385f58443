"""Catalogue 3.H: the terminal of a session."""
import fcntl
import os
import pty
import re
import unittest

from attack_case import AttackCase

TIOCSTI, TIOCLINUX, TIOCCONS, TIOCSETD, TIOCVHANGUP = 0x5412, 0x541C, 0x541D, 0x5423, 0x5437

ON_TERMINAL = """
import fcntl, os, sys
for request in [int(word, 0) for word in sys.argv[1:]]:
    for fd in (0, os.open("/dev/tty", os.O_RDWR), os.open("/dev/pts/0", os.O_RDWR)):
        try:
            fcntl.ioctl(fd, request, b"X" + bytes(7))
            print("done")
        except OSError as why:
            print("errno", why.errno)
"""


class Terminals(AttackCase):
    def on_terminal(self, *requests):
        terminal = self.open_on_terminal("/usr/bin/python3", "-c", ON_TERMINAL, *[hex(request) for request in requests])
        self.assertEqual(terminal.wait(), 0)
        return re.findall(r"^(done|errno \d+)", terminal.seen.decode(errors="replace"), re.M)

    def test_nothing_is_typed_in_the_persons_name(self):
        pid, fd = pty.fork()
        if pid == 0:  # positive control: on the host a program types on its own terminal, where the kernel still lets it
            try:
                fcntl.ioctl(0, TIOCSTI, b"X")
                os._exit(0)
            except OSError:
                os._exit(1)
        allowed = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        os.close(fd)
        legacy = open("/proc/sys/dev/tty/legacy_tiocsti").read().strip() if os.path.exists("/proc/sys/dev/tty/legacy_tiocsti") else "1"
        self.assertTrue(allowed or legacy == "0")
        self.assertEqual(self.on_terminal(TIOCSTI), ["errno 1"] * 3)
        self.assertEqual(self.refused_calls(), ["ioctl"] * 3)

    def test_no_console_is_pasted_from_or_taken_over(self):
        self.assertEqual(self.on_terminal(TIOCLINUX, TIOCCONS, TIOCVHANGUP), ["errno 1"] * 9)

    def test_no_line_discipline_is_loaded(self):
        self.assertEqual(self.on_terminal(TIOCSETD), ["errno 1"] * 3)
        number = TIOCSETD | 1 << 32  # the kernel looks at the lower half only
        rows = [(f"n{n}", "ioctl", 0, TIOCSETD, n.to_bytes(4, "little")) for n in range(0, 31)] + [("high", "ioctl", 0, number, bytes(4))]
        self.assertEqual(set(self.inside(rows).values()), {"EPERM"})

    def test_the_terminal_is_not_stolen_from_its_session(self):
        terminal = self.open_on_terminal("/usr/bin/python3", "-c", """
import fcntl, os
pid = os.fork()
if pid == 0:
    os.setsid()
    try:
        fcntl.ioctl(0, 0x540E, 1)
        print("stolen")
    except OSError as why:
        print("errno", why.errno)
    os._exit(0)
os.waitpid(pid, 0)""")
        self.assertEqual(terminal.wait(), 0)
        self.assertIn(b"errno 1\r\n", terminal.seen)

    def test_no_terminal_but_its_own(self):
        terminal = self.open_on_terminal("/bin/bash", "-c", """tty; echo $(ls /dev/pts)
(echo x > /dev/console) 2>&1 | grep -c 'Permission denied\\|Read-only'
exec 7<>/dev/ptmx && echo $(ls /dev/pts); for n in 0 1 2; do readlink /proc/self/fd/$n; done; echo /dev/tty* /dev/vcs*""")
        self.assertEqual(terminal.wait(), 0)
        text = terminal.seen.decode(errors="replace").replace("\r", "")
        self.assertIn("/dev/pts/0\n0 ptmx\n1\n0 1 ptmx\n/dev/pts/0\n/dev/pts/0\n/dev/pts/0\n/dev/tty /dev/vcs*\n", text)

    def test_garbage_on_the_terminal_is_recorded_and_never_shown_raw(self):
        script = ("printf 'BEGIN\\033]52;c;ZXZpbA==\\007\\033[21t\\033P$qm\\033\\\\\\033[6n\\033]0;title\\007\\033[2J\\233\\377END'; "
                  "for i in $(seq 2000); do printf '\\033[%dm\\033]8;;x\\007\\r' $i; done")
        opened = self.sh(script)
        self.assertIn(b"\x1b]52;c;ZXZpbA==\x07", opened.out)
        self.assertEqual(self.output(stream="stdout"), opened.out)
        for words in (("show", "last"), ("events", "last"), ("replay", "last", "--text"), ("diff", "last")):
            done = self.carrel(*words, code=None)
            self.assertNotIn(b"\x1b]", done.stdout + done.stderr, words)
            self.assertNotIn(b"\x07", done.stdout + done.stderr, words)
        self.verify()

    def test_a_names_escapes_do_not_reach_the_callers_terminal(self):
        """Carrel's own lines quote what the contractor named."""
        process = self.start_running("/usr/bin/python3", "-c", """
import os
for name in (b"billing/\\x1b]0;pwned\\x07", b"billing/a\\ncarrel: session closed", b"billing/\\xff\\xfe\\xc2\\x9b31m"):
    try:
        os.open(name, os.O_RDONLY)
    except OSError:
        pass
os.close(os.open(b"web/src/\\x1b[2J\\n\\xff", os.O_CREAT | os.O_WRONLY))
os.symlink(b"\\x1b[31m\\n", b"web/src/link\\x07")""")
        out, err = self.finish(process)
        self.assertEqual(out, b"")
        self.assertIn(b"pwned", err)
        for words in (None, ("show", "last"), ("events", "last"), ("diff", "last"), ("sessions",)):
            text = err if words is None else self.carrel(*words).stdout
            for raw in (b"\x1b", b"\x07", b"\xc2\x9b", b"\xff", b"\na\ncarrel: session closed"):
                self.assertNotIn(raw, text, words)
        self.assertFalse([line for line in err.splitlines() if line == b"carrel: session closed"])
        names = [event["data"] for event in self.events() if event["type"] == "file.changed"]
        self.assertIn("path_b64", {key for data in names for key in data})


if __name__ == "__main__":
    unittest.main()
