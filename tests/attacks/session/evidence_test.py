"""Catalogue 3.J: blinding the sensor, forging, flooding; what changed is told in any case."""
import datetime
import hashlib
import unittest

from attack_case import AT_FDCWD, AttackCase, INSIDE
from carrel_case import ROOTLESS


class Evidence(AttackCase):
    def execs(self):
        return [(event["data"]["path"], event["data"]["argv"]) for event in self.events() if event["type"] == "process.exec"]

    def test_raw_calls_of_a_static_program_are_seen(self):
        found = self.inside([("open", "open", "web/src/main.c", 0), ("openat", "openat", AT_FDCWD, "docs/guide.md", 0),
                             ("openat2", 437, AT_FDCWD, "web/src/old.txt", bytes(24), 24), ("mkdir", "mkdir", "web/src/dir", 0o755),
                             ("truncate", "truncate", "web/src/util/data.bin", 3), ("unlink", "unlink", "web/src/old.txt")])
        self.assertEqual([type(result) for result in found.values()], [int] * 6, found)
        seen = {(event["type"], event["data"].get("path", "")) for event in self.events() if event["kind"] == "file"}
        root = "/workspaces/app/"
        self.assertLessEqual({("file.open", root + "web/src/main.c"), ("file.open", root + "docs/guide.md"),
                              ("file.open", root + "web/src/old.txt"), ("file.make", root + "web/src/dir"),
                              ("file.open", root + "web/src/util/data.bin"), ("file.unlink", root + "web/src/old.txt")}, seen)
        self.attack("exec", "/usr/bin/true", "raw")
        self.assertIn(("/usr/bin/true", ["/usr/bin/true", "raw"]), self.execs())

    def test_an_exec_by_a_thread_or_from_vfork_is_seen(self):
        self.sh(f"{INSIDE} thread-exec /usr/bin/true; {INSIDE} vfork-exec /usr/bin/true")
        arguments = [argv[1] for path, argv in self.execs() if path == "/usr/bin/true"]
        self.assertEqual(arguments, ["from-thread", "from-vfork"])
        events = self.events()
        forks = [event for event in events if event["type"] == "process.fork"]
        self.assertGreaterEqual(len(forks), 2)
        exits = [event for event in events if event["type"] == "process.exit"]
        self.assertGreaterEqual(len(exits), 0 if ROOTLESS else len(forks))

    def test_a_program_without_a_name_is_seen(self):
        opened = self.open("/usr/bin/python3", "-c", """
import os
program = open("/usr/bin/true", "rb").read()
fd = os.memfd_create("no-such-program")
os.write(fd, program)
if os.fork() == 0:
    os.execve(fd, ["from-memory"], {})
print(os.wait()[1])
with open("web/src/gone", "wb") as file:
    file.write(program)
os.chmod("web/src/gone", 0o755)
fd = os.open("web/src/gone", os.O_RDONLY)
os.unlink("web/src/gone")
if os.fork() == 0:
    os.execve(fd, ["from-deleted"], {})
print(os.wait()[1])""")
        self.assertEqual(opened.out, b"0\n0\n")
        events = {event["data"]["argv"][0]: event["data"]["path"] for event in self.events() if event["type"] == "process.exec"}
        self.assertIn("no-such-program", events["from-memory"])
        self.assertIn("gone", events["from-deleted"])

    def test_a_flood_of_events_is_counted_to_the_last(self):
        opened = self.attack("flood", "100000")
        self.assertEqual(opened.out, b"opened\t100000\n")
        end = self.events()[-1]["data"]
        self.assertEqual(end["produced"], end["recorded"] + end["lost"])
        self.assertGreaterEqual(end["produced"], 100000)
        self.verify(code=3 if end["lost"] else 0)

    def test_changes_past_the_sensor_are_in_the_difference(self):
        self.open("/usr/bin/python3", "-c", """
import mmap, os
root = "web/src/"
data = b"payload " * 512
def make(name):
    with open(root + name, "wb") as file: file.write(data)
    return os.open(root + name, os.O_RDWR)
source = make("source")
with mmap.mmap(os.open(root + "util/data.bin", os.O_RDWR), 0) as memory: memory[:6] = b"MAPPED"
copied = os.open(root + "copied", os.O_RDWR | os.O_CREAT); os.copy_file_range(source, copied, 64)
sent = os.open(root + "sent", os.O_RDWR | os.O_CREAT); os.sendfile(sent, source, 0, 64)
a, b = os.pipe(); os.splice(source, b, 64, offset_src=0)
spliced = os.open(root + "spliced", os.O_RDWR | os.O_CREAT); os.splice(a, spliced, 64)
hidden = os.open("web/src", os.O_TMPFILE | os.O_RDWR, 0o644); os.write(hidden, b"hidden")
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
assert libc.linkat(-100, b"/proc/self/fd/%d" % hidden, -100, b"web/src/from-nowhere", 0x400) == 0
assert libc.renameat2(-100, b"web/src/main.c", -100, b"web/src/old.txt", 2) == 0
again = os.open(f"/proc/self/fd/{source}", os.O_WRONLY); os.write(again, b"REOPENED")
os.utime(root + "main.c", (0, 0))""")
        changes = {path.removeprefix("/workspaces/app/web/src/"): data["change"] for path, data in self.changes().items()}
        self.assertEqual(changes, {"util/data.bin": "modified", "source": "added", "copied": "added", "sent": "added",
                                   "spliced": "added", "from-nowhere": "added", "main.c": "modified", "old.txt": "modified"})
        types = [(event["type"], event["data"].get("path", event["data"].get("from", ""))) for event in self.events()]
        self.assertIn(("file.make", "/workspaces/app/web/src/from-nowhere"), types)
        self.assertIn(("file.rename", "/workspaces/app/web/src/main.c"), types)

    def test_a_forged_result_changes_nothing_in_the_difference(self):
        opened = self.attack("forge", "web/src/old.txt")
        self.assertEqual(opened.out, b"filter\t0\nunlink\t0\n")
        self.assertNotIn("/workspaces/app/web/src/old.txt", self.changes())
        self.assertEqual(self.sh("cat web/src/old.txt").out, b"to be deleted\n")

    def test_nothing_is_done_after_the_record_closes(self):
        opened = self.sh("""(trap '' HUP TERM; exec setsid bash -c 'while :; do echo x >> web/src/log; done') &
until [ -s web/src/log ]; do :; done""")
        change = self.changes()["/workspaces/app/web/src/log"]
        content = self.sh("cat web/src/log").out
        self.assertEqual(change["after_sha256"], hashlib.sha256(content).hexdigest())
        self.assertEqual(change["after_bytes"], len(content))
        self.assertEqual(opened.end["by"], "command")

    def test_a_clock_of_its_own_does_not_date_the_record(self):
        def now():
            return datetime.datetime.now(datetime.timezone.utc).isoformat()
        begin = now()
        self.sh("export TZ=Pacific/Kiritimati; date -s 2001-01-01 2>&1; faketime 2001-01-01 true 2>/dev/null; true")
        end = now()
        for event in self.events():
            self.assertTrue(begin[:19] <= event["time"][:19] <= end[:19], event)

    def test_no_session_is_named_that_is_none(self):
        opened = self.open("/bin/true")
        for name in ("../" + opened.session, opened.session + "/..", "-x" * 100, "a" * 300, "%2e%2e", "", opened.session.upper() + "x", ".."):
            done = self.carrel("show", "--json", "--", name, code=None)
            self.assertIn(done.returncode, (1, 2), name)
            self.assertEqual(done.stdout, b"", name)

    def test_long_paths_do_not_break_the_record(self):
        self.open("/usr/bin/python3", "-c", """
import os
os.chdir("web/src")
for _ in range(12):
    os.mkdir("n" * 200); os.chdir("n" * 200)
os.close(os.open("e" * 255, os.O_CREAT | os.O_WRONLY))
for name in ("x" * 4095, "x/" * 2047 + "y", "../" * 1300 + "secret"):
    try:
        os.open(name, os.O_RDONLY)
    except OSError as why:
        print(why.errno)""")
        self.assertTrue([path for path in self.changes() if path.endswith("e" * 255)])
        self.verify()


if __name__ == "__main__":
    unittest.main()
