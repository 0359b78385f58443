"""The limits of a workspace: each holds exactly, reaching one is an event and one readable line, and
another session feels nothing."""
import pathlib
import re
import subprocess
import unittest

from carrel_case import CARREL, PROFILE, ROOTLESS, Case, needs, needs_groups


def groups_of(pid):
    """The folders of a process's groups: {controller: folder}."""
    places = {}
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup2":
            places[""] = place
        elif kind == "cgroup":
            places.update({name: place for name in options.split(",")})
    found = {}
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        for name in names.split(","):
            if name in places:
                found[name] = pathlib.Path(places[name] + path)
    for name in ("memory", "pids", "cpu"):
        if name not in found:
            found[name] = found[""]
    return found


def text_of(folder, *names):
    """The first of these files that the group has."""
    for name in names:
        if (folder / name).exists():
            return (folder / name).read_text().strip()
    return None


class Limits(Case):
    def limit(self, **limits):
        lines = "".join(f'{name} = {value!r}\n'.replace("'", '"') for name, value in limits.items())
        self.profile.write_text(self.profile.read_text() + "[limits]\n" + lines)

    def hits(self, limit, session="last"):
        return [event["data"] for event in self.events(session, "--kind", "limit")
                if event["type"] == "limit.hit" and event["data"]["limit"] == limit]

    def start_other(self, *command):
        """A session of another task, with no limits but the defaults."""
        other = self.folder / "other.toml"
        other.write_text(PROFILE.replace('profile = "fix"', 'profile = "other"'))
        return self.start(*command, profile=other)

    def start(self, *command, profile=None):
        process = self.popen(CARREL, "open", "--profile", str(profile or self.profile), "--", *command,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.reap, process)
        return process

    def reap(self, process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def expect(self, process, words):
        """Reads stderr up to the line with these words."""
        for line in process.stderr:
            if words in line.decode():
                return line.decode()
        self.fail(f"did not appear: {words}\n{self.logs()}")

    def groups(self, process):
        """Those of the session's payload, once it has said that it runs."""
        self.assertEqual(process.stdout.readline(), b"runs\n")
        return groups_of(self.processes("python3")[0])

    def finish(self, process, stdin=b"\n", code=0):
        out, err = process.communicate(stdin, timeout=60)
        self.assertEqual(process.returncode, code, f"{out[-2000:]!r}\n{err[-2000:]!r}\n{self.logs()}")
        return out, err.decode()

    @needs_groups("an ordinary user has no control group")
    def test_memory_ends_the_one_that_took_it_and_no_other_session(self):
        other = self.start_other("/usr/bin/python3", "-c",
                                 "print('runs', flush=True); input(); kept = b'x' * (200 << 20); print(len(kept))")
        self.assertEqual(other.stdout.readline(), b"runs\n")
        self.limit(memory="64MiB")
        self.assertEqual(self.open("/usr/bin/python3", "-c", "print(len(b'x' * (30 << 20)))").out, b"31457280\n")
        self.assertEqual(self.hits("memory"), [])
        done = self.open("/usr/bin/python3", "-c", "print(len(b'x' * (200 << 20)))", code=137)
        self.assertEqual((done.out, done.end["by"]), (b"", "command"))
        said = [line for line in done.err.decode().splitlines() if "limit:" in line]
        self.assertEqual(len(said), 1, done.err)
        ended = "a process" if ROOTLESS else r"/usr/bin/python3\S*"  # notify sees no process end
        self.assertRegex(said[0], rf"^carrel: limit: memory 64 MiB reached: the kernel ended {ended}\. "
                         r"To raise it, ask whoever grants task local/fix: memory in \[limits\], \S*fix\.toml line \d+\.$")
        hits = self.hits("memory")
        self.assertEqual([(hit["value"], hit["count"]) for hit in hits], [(64 << 20, 1)])
        if not ROOTLESS:
            self.assertIn("python3", hits[0]["object"])
        out, err = self.finish(other)
        self.assertEqual(out, b"209715200\n")
        self.assertNotIn("limit:", err)
        self.verify()

    @needs_groups("an ordinary user has no control group")
    def test_a_session_has_a_group_of_its_own_and_none_is_left(self):
        process = self.start("/usr/bin/python3", "-c", "print('runs', flush=True); input()")
        group = self.groups(process)[""]
        home = self.cgroup()
        self.assertEqual(group, home / self.sessions()[0]["session"])
        limits = {one["id"]: one for one in self.show()["assurance"]}["limits"]
        self.assertEqual(limits["given"], not ROOTLESS)
        if ROOTLESS:  # the disk's alone are missing
            self.assertRegex(limits["why"], "^a plain folder holds as much as the host's disk; a control group that was handed on")
        self.finish(process)
        self.wait_until(lambda: not group.exists(), what="the group is gone")
        self.stop()
        self.assertFalse(home.exists())
        self.assertEqual([folder.name for folder in home.parent.glob("carrel-processes")], [])

    @needs_groups("an ordinary user has no control group")
    def test_memory_counts_what_is_swapped_out_and_what_lies_in_a_tmpfs(self):
        self.limit(memory="64MiB")
        process = self.start("/usr/bin/python3", "-c", "print('runs', flush=True); input()")
        folder = self.groups(process)["memory"]
        self.assertEqual(text_of(folder, "memory.max", "memory.limit_in_bytes"), str(64 << 20))
        swap = text_of(folder, "memory.swap.max", "memory.memsw.limit_in_bytes")
        self.assertIn(swap, ("0", str(64 << 20)))
        self.finish(process)
        # Of what is alive the kernel ends the largest: not the shell.
        fill = "kept = bytes(16 << 20)\nwith open('/dev/shm/f', 'wb') as f:\n  for _ in range(1600): f.write(bytes(1 << 16))"
        done = self.sh(f'python3 -c "{fill}"; echo $?; stat -c %s /dev/shm/f')
        self.assertEqual(done.out.splitlines()[0], b"137")
        self.assertLess(int(done.out.splitlines()[1]), 64 << 20)
        self.assertGreaterEqual(self.hits("memory")[0]["count"], 1)

    @needs_groups("an ordinary user has no control group")
    def test_processes_are_refused_at_the_number_and_counted(self):
        self.limit(processes=40)
        process = self.start("/usr/bin/python3", "-c", """
import os, time
print("runs", flush=True)
count = 1
try:
    while True:
        if os.fork() == 0:
            time.sleep(1000)
        count += 1
except OSError as why:
    print(why.errno, count, flush=True)
for _ in range(9):
    try: os.fork()
    except OSError: pass
input()""")
        folder = self.groups(process)["pids"]
        self.assertEqual(process.stdout.readline(), b"11 40\n")
        line = self.expect(process, "limit: processes 40 reached")
        self.assertIn("new processes and threads are refused", line)
        counted = dict(line.split() for line in text_of(folder, "pids.events").splitlines())
        self.finish(process)
        self.assertEqual(sum(hit["count"] for hit in self.hits("processes")), int(counted["max"]))
        self.assertEqual(int(counted["max"]), 10)
        self.verify()

    @needs_groups("an ordinary user has no control group")
    def test_a_fork_bomb_leaves_other_sessions_alone(self):
        other = self.start_other("/bin/bash", "-c", "echo runs; read x; for i in $(seq 100); do /bin/true & done; wait; echo $x")
        self.assertEqual(other.stdout.readline(), b"runs\n")
        self.limit(processes=64)
        bomb = self.start("/bin/bash", "-c", "b() { b | b & }; b; b; sleep 1000")
        self.expect(bomb, "limit: processes 64 reached")
        self.assertEqual(self.finish(other, b"word\n")[0], b"word\n")
        bomb.terminate()
        bomb.wait(timeout=60)

    @needs_groups("an ordinary user has no control group")
    def test_cpu_is_no_more_than_granted(self):
        self.limit(cpu="0.1")
        process = self.start("/usr/bin/python3", "-c", """
import os, sys
print("runs", flush=True)
for _ in range(2):
    if os.fork() == 0:
        while True: pass
sys.stdin.readline()""")
        folder = self.groups(process)["cpu"]
        most = text_of(folder, "cpu.max")
        if most is None:
            most = text_of(folder, "cpu.cfs_quota_us") + " " + text_of(folder, "cpu.cfs_period_us")
        self.assertEqual(most, "10000 100000")
        self.assertIn("programs wait for their turn", self.expect(process, "limit: cpu 0.1 reached"))
        self.finish(process)
        self.assertEqual({hit["value"] for hit in self.hits("cpu")}, {100})
        self.assertLessEqual(len(self.hits("cpu")), 2)

    def test_open_files_are_refused_at_the_number(self):
        self.limit(open_files=64)
        done = self.open("/usr/bin/python3", "-c", """
import os, resource
held = []
try:
    while True: held.append(os.open("/dev/null", os.O_RDONLY))
except OSError as why:
    print(why.errno, held[-1] + 1)
for value in (65, 4096):
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, value))
    except (OSError, ValueError):
        print("fixed")""")
        self.assertEqual(done.out, b"24 64\nfixed\nfixed\n")
        if ROOTLESS:
            return  # whether a call failed is not recorded
        hits = self.hits("open_files")
        self.assertEqual([(hit["value"], hit["count"]) for hit in hits], [(64, 1)])
        if not ROOTLESS:
            self.assertIn("python3", hits[0]["object"])
        self.assertIn("carrel: limit: open_files 64 reached: /usr/bin/python3", done.err.decode())

    def test_a_tmpfs_is_warned_of_and_then_full_at_its_size(self):
        self.limit(tmpfs="16MiB")
        process = self.start("/bin/bash", "-c", """
head -c 15500000 /dev/zero > /tmp/f; read x
head -c 32M /dev/zero > /tmp/f; echo $? $(stat -c %s /tmp/f); read x; rm /tmp/f
ls -d /tmp/*; df -B1 --output=size /dev/shm | tail -1""")
        self.assertIn("92 % of /tmp are used", self.expect(process, "limit: tmpfs 16 MiB nearly reached"))
        process.stdin.write(b"\n")
        process.stdin.flush()
        self.assertIn("/tmp is full", self.expect(process, "limit: tmpfs 16 MiB reached"))
        self.assertEqual(process.stdout.readline(), f"1 {16 << 20}\n".encode())
        out, _ = self.finish(process)
        self.assertEqual(out.split(), [b"16777216"])
        kinds = [(event["type"], event["data"]["object"]) for event in self.events("last", "--kind", "limit")]
        self.assertEqual(kinds[:2], [("limit.near", "/tmp"), ("limit.hit", "/tmp")])

    @needs("events-complete", "whether a call failed is not recorded")
    def test_what_fails_for_a_moment_is_noticed(self):
        self.limit(tmpfs="4MiB", open_files=64)
        done = self.open("/usr/bin/python3", "-c", """
import os, socket
fd = os.open("/tmp/f", os.O_CREAT | os.O_WRONLY)
try:
    while True: os.write(fd, b"x" * 65536)
except OSError as why:
    print(why.errno)
os.unlink("/tmp/f"); os.close(fd)
held = []
try:
    while True: held.append(socket.socket(socket.AF_UNIX))
except OSError as why:
    print(why.errno)""")
        self.assertEqual(done.out, b"28\n24\n")
        self.assertEqual([(hit["object"], hit["count"]) for hit in self.hits("tmpfs")], [("/tmp", 1)])
        self.assertEqual([hit["count"] for hit in self.hits("open_files")], [1])
        self.assertEqual(self.sessions()[0]["denied"], 0)
        self.verify()

    def test_a_tmpfs_takes_so_many_files(self):
        process = self.start("/usr/bin/python3", "-c", """
import os
count = 0
try:
    while True:
        os.mkdir(f"/dev/shm/{count}")
        count += 1
except OSError as why:
    print(why.errno, count, flush=True)
input()""")
        self.assertEqual(process.stdout.readline(), b"28 65535\n")
        self.assertIn("/dev/shm takes no more files", self.expect(process, "limit: inodes 65536 reached"))
        self.finish(process)
        self.assertEqual({(hit["value"], hit["object"]) for hit in self.hits("inodes")}, {(65536, "/dev/shm")})

    # ---- the disk -----------------------------------------------------------------------------

    def relimit(self, **limits):
        """Other limits than the profile has now."""
        self.profile.write_text(self.profile.read_text().split("[limits]")[0])
        self.limit(**limits)

    @needs("limits", "an ordinary user's workspace is a plain folder")
    def test_the_disk_is_full_at_its_size_and_git_goes_on_after_something_is_deleted(self):
        self.limit(disk="64MiB")
        process = self.start("/bin/bash", "-c", """
head -c 60M /dev/zero > ~/part; read x
head -c 1G /dev/zero > web/src/rest; echo $? $(stat -c %s ~/part web/src/rest)
echo more > web/src/new.c; echo $? $(stat -c %s web/src/new.c); read x
rm web/src/rest; echo more > web/src/new.c; rm web/src/old.txt; git add -A && git commit -qm kept; echo $?; git status --short""")
        self.assertRegex(self.expect(process, "limit: disk 64 MiB nearly reached"), "9[3-9] % of /workspaces are used")
        process.stdin.write(b"\n")
        process.stdin.flush()
        code, part, rest = map(int, process.stdout.readline().split())
        self.assertEqual((code, part), (1, 60 << 20))
        # Of the size go the tables that say where the contents lie; the home folder counts in.
        self.assertLessEqual(part + rest, (64 << 20) + 65536)
        self.assertGreaterEqual(part + rest, (64 << 20) - (256 << 10))
        self.assertEqual(process.stdout.readline(), b"1 0\n")
        self.assertRegex(self.expect(process, "limit: disk 64 MiB reached"),
                         r"/workspaces is full\. .*: disk in \[limits\], \S*fix\.toml line \d+\.$")
        out, _ = self.finish(process)
        self.assertEqual(out, b"0\n")
        kinds = [(event["type"], event["data"]["value"], event["rule"]["id"]) for event in self.events("last", "--kind", "limit")]
        self.assertEqual(kinds[:2], [("limit.near", 64 << 20, "limits.disk"), ("limit.hit", 64 << 20, "limits.disk")])
        self.assertEqual(self.sh("git log --format=%s | head -1; stat -c %s ~/part").out.split(), [b"kept", str(60 << 20).encode()])
        self.verify()

    @needs("limits", "an ordinary user's workspace is a plain folder")
    def test_the_disk_takes_so_many_files(self):
        self.limit(disk="64MiB", inodes=2000)
        process = self.start("/usr/bin/python3", "-c", """
import os
os.mkdir("web/src/many")
count = 1
try:
    while True:
        os.close(os.open(f"web/src/many/{count}", os.O_CREAT | os.O_WRONLY))
        count += 1
except OSError as why:
    print(why.errno, count, flush=True)
input()
for name in os.listdir("web/src/many"): os.unlink("web/src/many/" + name)
os.rmdir("web/src/many")""")
        error, count = map(int, process.stdout.readline().split())
        self.assertEqual(error, 28)
        self.assertGreaterEqual(count, 2000)  # in whole blocks of each group of the file system: never fewer
        self.assertLessEqual(count, 2000 + 32 + 16 * 3)
        self.assertIn("/workspaces takes no more files", self.expect(process, "limit: inodes 2000 reached"))
        self.finish(process)
        self.assertEqual({(hit["value"], hit["object"]) for hit in self.hits("inodes")}, {(2000, "/workspaces")})
        self.assertEqual(self.sh("git status --short; git commit -q --allow-empty -m more; echo $?").out, b"0\n")

    @needs("limits", "an ordinary user's workspace is a plain folder")
    def test_another_limit_of_the_disk_holds_at_the_next_opening(self):
        fill = "head -c 1G /dev/zero > ~/full; stat -c %s ~/full"
        sizes = {}
        for size in (32, 96, 48):
            self.relimit(disk=f"{size}MiB", inodes=2000)
            sizes[size] = int(self.sh(fill + "; rm ~/full").out) >> 20
        self.assertEqual(sizes, {32: 32, 96: 96, 48: 48})
        # Less than lies on it: nothing is lost, and nothing more goes on.
        self.sh("head -c 40M /dev/zero > ~/kept")
        self.relimit(disk="16MiB", inodes=2000)
        done = self.sh("echo more > web/src/new.c; echo $?; echo over > ~/kept && echo more > web/src/new.c; cat web/src/new.c")
        self.assertEqual(done.out, b"1\nmore\n")
        self.assertRegex(done.err.decode(), r"carrel: this workspace holds [34][90]\S* MiB, and may hold 16 MiB \(limits\.disk\): delete")
        # More than it was made for.
        self.relimit(disk="4GiB", inodes=2000)
        done = self.sh(fill + "; rm ~/full")
        said = re.search(r"carrel: the disk of this workspace was made to hold (\d+)\S* MiB; the 4 GiB that its profile says now "
                         r"\(limits\.disk\) hold for a new workspace only\.", done.err.decode())
        self.assertIsNotNone(said, done.err)
        self.assertGreaterEqual(int(said[1]), 4 * 32)
        self.assertLessEqual(abs(int(said[1]) - (int(done.out) >> 20)), 1)

    @needs("limits", "an ordinary user's workspace is a plain folder")
    def test_another_number_of_files_holds_for_a_new_workspace_and_is_said(self):
        self.limit(disk="64MiB", inodes=20000)
        self.assertNotIn("limits", self.sh("true").started["assurance"]["missing"])
        self.relimit(disk="64MiB", inodes=100000)
        done = self.sh("true")
        self.assertRegex(done.err.decode(), r"was made to hold 20\d\d\d files; the 100000 files that its profile says now \(limits\.inodes\)")
        self.assertNotIn("limits", done.started["assurance"]["missing"])
        self.relimit(disk="64MiB", inodes=5000)
        done = self.sh("true")
        self.assertIn("limits", done.started["assurance"]["missing"])
        why = {item["id"]: item["why"] for item in self.show()["assurance"]}["limits"]
        self.assertRegex(why, r"was made to hold 20\d\d\d files; the 5000 files")

    @needs("limits", "an ordinary user's workspace is a plain folder")
    def test_a_full_disk_opens_again(self):
        self.limit(disk="16MiB", inodes=1000)
        self.sh("rm docs/guide.md; head -c 1G /dev/zero > web/src/full; i=0; while : > ~/$((i++)); do :; done")
        done = self.sh("echo x > web/src/new.c; echo $?; rm -f ~/[0-9]* web/src/full; echo x > web/src/new.c; git add -A && git commit -qm on; echo $?")
        self.assertEqual(done.out, b"1\n0\n")


if __name__ == "__main__":
    unittest.main()
