"""Catalogue 3.I: what a workspace takes, and that its session always closes."""
import ctypes
import os
import pathlib
import subprocess
import time
import unittest

from attack_case import AttackCase, INSIDE
from carrel_case import needs_groups


def group_of(pid, controller):
    """A process's folder in the tree that holds a controller, or None where the kernel has none."""
    paths = {}
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        number, names, path = line.split(":", 2)
        for name in names.split(",") if names else ["unified"]:
            paths[name] = path
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup" and controller in options.split(",") and controller in paths:
            return pathlib.Path(place + paths[controller])
        folder = pathlib.Path(place + paths.get("unified", "/"))
        if kind == "cgroup2" and (folder / f"{controller}.max").exists():
            return folder
    return None


class Resources(AttackCase):
    def payload_pid(self, name="attack"):
        self.wait_until(lambda: self.processes(name), 20, name)
        return self.processes(name)[0]

    def test_a_fork_bomb_stops_at_its_ceiling_and_disturbs_nobody(self):
        other = self.start("/bin/bash", "-c", "echo there; while read x; do (echo $x); done",
                           profile=self.another_profile())
        self.assertEqual(self.line(other), "there")
        bomb = self.start(INSIDE, "forks")
        self.assertEqual(self.line(bomb), "forks\tEAGAIN")
        count = int(self.line(bomb).split("\t")[1])
        self.assertLessEqual(count, 512)
        self.assertGreater(count, 400)
        other.stdin.write(b"word\n")  # another session still forks while this one cannot
        other.stdin.flush()
        self.assertEqual(self.line(other), "word")
        self.assertEqual(subprocess.run(["/bin/true"]).returncode, 0)
        begin = time.monotonic()
        self.finish(bomb, b"")
        self.assertLess(time.monotonic() - begin, 15)
        self.finish(other, b"")
        self.verify()

    @needs_groups("memory has no ceiling without a control group")
    def test_memory_is_taken_from_no_other(self):
        process = self.start(INSIDE, "memory")
        self.assertEqual(self.line(process), "eating")
        folder = group_of(self.payload_pid(), "memory")
        if folder is None:
            print("SKIP kernel-feature=memory-cgroup")
            return
        limit = folder / ("memory.max" if (folder / "memory.max").exists() else "memory.limit_in_bytes")
        self.assertEqual(int(limit.read_text()), 4 << 30)
        limit.write_text(str(128 << 20))  # the same wall, nearer
        out, err = self.finish(process, b"x", code=137)
        self.assertEqual(self.sessions()[0]["end"]["by"], "command")
        self.assertEqual(self.sh("echo next").out, b"next\n")

    def test_memory_of_files_is_counted_too(self):
        out = self.sh("head -c 300M /dev/zero 2>&1 > /dev/shm/f; stat -c %s /dev/shm/f; rm /dev/shm/f; df -B1 --output=size /tmp | tail -1; "
                      "i=0; while mkdir /dev/shm/$i 2>/dev/null; do i=$((i+1)); [ $i = 20 ] && break; done; echo $i; ulimit -l").out.split(b"\n")
        text = b"\n".join(out)
        self.assertIn(b"No space left", text)
        self.assertIn(str(256 << 20).encode(), text)
        self.assertIn(str(1 << 30).encode(), text)
        self.assertTrue(text.rstrip().endswith(b"8192"))

    def test_open_files_are_bounded(self):
        out = self.open("/usr/bin/python3", "-c", """
import os, resource
held = []
try:
    while True: held.append(os.open("/dev/null", os.O_RDONLY))
except OSError as why:
    print(why.errno, len(held) + 3)
try:
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
except (OSError, ValueError) as why:
    print("fixed")""").out
        self.assertEqual(out, b"24 4096\nfixed\n")

    def test_folders_within_folders_do_not_hold_up_the_end(self):
        opened = self.sh(f"cd web/src && /workspaces/app/{INSIDE} dig 5000; date +%s.%N")
        self.assertLess(time.time() - float(opened.out), 15)  # digging itself takes a loaded machine seconds
        notes = {data["note"] for path, data in self.changes().items() if "/d/d/" in path}
        self.assertEqual(notes, {"not looked at: too deep"})
        self.verify()

    def test_a_hole_of_a_tebibyte_does_not_hold_up_the_end(self):
        begin = time.monotonic()
        self.sh("truncate -s 1T web/src/hole; truncate -s 1T web/src/main.c")
        self.assertLess(time.monotonic() - begin, 20)
        changes = self.changes()
        for name in ("hole", "main.c"):
            change = changes["/workspaces/app/web/src/" + name]
            self.assertEqual((change["after_bytes"], change["note"]), (1 << 40, "larger than 64 MiB"))
        self.assertIn(b"larger than 64 MiB", self.carrel("diff", "last").stdout)

    def test_many_holes_do_not_hold_up_the_end(self):
        """Each small enough to be kept: 64 GiB in all, made in no time. What is read of them is bounded."""
        self.sh("for i in $(seq 1024); do truncate -s 64M web/src/hole$i; done")
        notes = [data["note"] for data in self.changes().values()]
        self.assertEqual((notes.count(""), notes.count("not looked at: too much to read")), (32, 992))
        self.assertEqual(self.sessions()[0]["state"], "closed")

    def test_special_files_are_named_and_never_opened(self):
        begin = time.monotonic()
        self.open("/usr/bin/python3", "-c", """
import os, socket
os.mkfifo("web/src/fifo")
socket.socket(socket.AF_UNIX).bind("web/src/socket")
os.symlink("loop", "web/src/loop")
os.remove("web/src/main.c"); os.mkfifo("web/src/main.c")""")
        self.assertLess(time.monotonic() - begin, 20)
        changes = self.changes()
        for name in ("fifo", "socket", "main.c"):
            self.assertIn("not a regular file", changes["/workspaces/app/web/src/" + name]["note"])
        self.assertEqual(changes["/workspaces/app/web/src/loop"]["change"], "added")

    def test_many_files_do_not_hold_up_the_end(self):
        begin = time.monotonic()
        self.open("/usr/bin/python3", "-c", """
import os
os.mkdir("web/src/many")
for i in range(4000):
    os.close(os.open(f"web/src/many/{i}", os.O_CREAT | os.O_WRONLY))""")
        self.assertLess(time.monotonic() - begin, 40)
        self.assertEqual(len([path for path in self.changes() if "/many/" in path]), 4000)

    def test_watches_and_threads_are_bounded(self):
        out = self.open("/usr/bin/python3", "-c", """
import threading
import ctypes
held = []
go = threading.Event()
try:
    for _ in range(600):
        held.append(threading.Thread(target=go.wait, daemon=True)); held[-1].start()
except RuntimeError:
    print("bounded", len(held) <= 512)
go.set()
libc = ctypes.CDLL(None, use_errno=True)
count = 0
while libc.inotify_init() >= 0 and count < 5000: count += 1
print(count < 4096)""").out
        self.assertEqual(out, b"bounded True\nTrue\n")
        own = ctypes.CDLL(None).inotify_init()  # the host's are untouched
        self.assertGreaterEqual(own, 0)
        os.close(own)

    def test_the_command_cannot_be_longer_than_the_record_holds(self):
        self.sh("/bin/true " + "x" * 100000 + " " + "y" * 30000)
        execs = [event["data"] for event in self.events() if event["type"] == "process.exec" and event["data"]["path"].endswith("true")]
        self.assertEqual((execs[0]["truncated"], execs[0]["argv_bytes"]), (True, 130012))
        self.assertLess(len("".join(execs[0].get("argv", []))), 70000)
        self.verify()


if __name__ == "__main__":
    unittest.main()
