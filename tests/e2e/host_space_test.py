"""The disk of the state folder fills up while sessions write into their images: they are held before anything is
lost, and go on by themselves."""
import json
import os
import subprocess
import time
import unittest

from carrel_case import CARREL, Case, NeedsImages, mounts

MIB = 1 << 20

# Writes files of a mebibyte until its input says how it ends; each says by its contents which it is.
WRITER = r"""
import os, select, sys
print("runs", flush=True)
number = 0
while not select.select([sys.stdin], [], [], 0.02)[0]:
    with open(f"web/src/part.{number}", "wb") as file:
        file.write(b"%07d\n" % number * 131072)
        file.flush()
        if number % 4 == 0: os.fsync(file.fileno())
    number += 1
print(number, flush=True)
"""
CHECKER = r"""
import os
numbers = sorted(int(name[5:]) for name in os.listdir("web/src") if name.startswith("part."))
whole = [number for number in numbers if open(f"web/src/part.{number}", "rb").read() == b"%07d\n" % number * 131072]
print(len(numbers), len(whole), numbers == list(range(len(numbers))))
"""


class HostSpace(NeedsImages, Case):
    def setUp(self):
        super().setUp()
        disk = self.folder / "host.img"
        with open(disk, "wb") as file:
            file.truncate(3 << 30)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", str(disk)], check=True)
        self.state.mkdir()
        subprocess.run(["mount", "-o", "loop", str(disk), str(self.state)], check=True)
        self.mounts_before = mounts()
        # check_work() looks at what lies on the host when a disk was unmounted.
        self.start_launcher(options=("--linger-ms", "0"))

    def stop_launcher(self):
        self.launcher_process.terminate()
        self.launcher_process.wait(timeout=30)

    def stop(self):
        try:
            super().stop()
        finally:
            subprocess.run(["umount", "-l", str(self.state)], check=False)

    def free(self):
        about = os.statvfs(self.state)
        return about.f_bavail * about.f_frsize

    def written_in(self, seconds):
        before = self.free()
        time.sleep(seconds)
        return before - self.free()

    def fill(self, left):
        with open(self.state / "filler", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, self.free() - left)

    def make_room(self):
        (self.state / "filler").unlink()

    def start(self):
        process = subprocess.Popen([CARREL, "open", "--profile", str(self.profile), "--", "/usr/bin/python3", "-c", WRITER],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment())
        self.addCleanup(self.reap, process)
        self.assertEqual(process.stdout.readline(), b"runs\n")
        self.wait_until(lambda: self.image().stat().st_blocks * 512 > 16 * MIB, 60, "something is written")
        return process

    def reap(self, process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def expect(self, process, words):
        for line in process.stderr:
            if words in line.decode():
                return line.decode()
        self.fail(f"did not appear: {words}\n{self.logs()}")

    def stands_still(self):
        [group] = [path for path in self.cgroup().glob("*/cgroup.events") if "populated 1" in path.read_text()]
        return "frozen 1" in group.read_text()

    def image(self):
        [workspace] = [path for path in (self.state / "workspaces").iterdir() if (path / "image").exists()]
        return workspace / "image"

    def check_work(self, least):
        """All that was written is there, and the file system on the image is sound."""
        self.wait_until(lambda: subprocess.run(["losetup", "-n", "-O", "NAME", "-j", str(self.image())], capture_output=True,
                                               check=True).stdout == b"", 60, "the disk is given back")
        found = subprocess.run(["e2fsck", "-f", "-n", str(self.image())], capture_output=True, check=False)
        self.assertEqual(found.returncode, 0, found.stdout.decode())
        count, whole, in_a_row = self.open("/usr/bin/python3", "-c", CHECKER).out.split()
        self.assertGreaterEqual(int(count), least)
        self.assertEqual((whole, in_a_row), (count, b"True"))
        return int(count)

    def test_a_session_is_held_while_the_host_has_no_room_and_its_work_is_whole(self):
        process = self.start()
        self.fill(left=320 * MIB)
        line = self.expect(process, "this session is held")
        self.assertRegex(line, r"^carrel: this session is held: [0-9.]+ MiB are left on the host's disk and 256 MiB must be")
        self.assertTrue(self.stands_still())
        [status] = [json.loads(line) for line in self.carrel("status", "--json").stdout.splitlines()]
        self.assertEqual((status["state"], status["held"]["by"], status["held"]["needed_bytes"]), ("held", "host_disk", 256 * MIB))
        self.assertLess(status["held"]["free_bytes"], 256 * MIB)
        self.assertRegex(self.carrel("status").stdout.decode(), "(?m)^  held +for .*must be: make room there")
        self.assertEqual(json.loads(self.carrel("list", "--json").stdout)[0]["state"], "held")
        before = self.free()
        # What lies in memory is still written back, for half a minute and more; then nothing goes on.
        self.wait_until(lambda: self.written_in(4) < 8 * MIB, 70, "nothing more is written")
        self.assertGreater(self.free(), 64 * MIB, before)
        self.assertIn("host.low left=", self.logs())
        self.assertIn("MiB must be: make room there", self.open("/bin/true", profile=self.another_profile(), code=123).end["error"])
        self.make_room()
        self.expect(process, "the host has room again: this session goes on.")
        self.wait_until(lambda: not self.stands_still(), what="it goes on")
        out, _ = process.communicate(b"\n", timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(self.check_work(8), int(out))
        [held, released] = [event for event in self.events(self.sessions()[1]["session"], "--kind", "limit")]
        self.assertEqual([(event["type"], event["data"]["limit"], event["data"]["value"]) for event in (held, released)],
                         [("limit.held", "host_disk", 256 * MIB), ("limit.released", "host_disk", 320 * MIB)])
        self.assertLess(held["data"]["used"], 256 * MIB)
        self.verify(self.sessions()[1]["session"])

    def test_a_held_session_can_be_paused_and_closed(self):
        process = self.start()
        session = self.sessions()[0]["session"]
        self.fill(left=320 * MIB)
        self.expect(process, "this session is held")
        self.carrel("pause", session, "--reason", "a question")
        self.make_room()
        self.expect(process, "the host has room again: this session is paused still.")
        time.sleep(0.5)
        self.assertTrue(self.stands_still())
        self.fill(left=200 * MIB)
        self.expect(process, "this session is held")
        self.carrel("resume", session, "--reason", "answered")
        time.sleep(0.5)
        self.assertTrue(self.stands_still())
        self.carrel("close", session, "--reason", "no room today")
        _, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 125, err.decode() + self.logs())
        self.verify(session)
        notes = {event["data"]["note"] for event in self.events(session, "--kind", "file") if event["type"] == "file.changed"}
        self.assertEqual(notes, {"contents left out: no room on the host"})
        self.make_room()
        self.check_work(1)
        again = [event["data"]["note"] for event in self.events("last", "--kind", "file") if event["type"] == "file.changed"]
        self.assertEqual(set(again), {""})  # the next difference brings them

    def test_a_disk_that_stays_mounted_after_its_session_goes_when_there_is_no_room(self):
        self.stop_launcher()
        self.start_launcher()
        self.sh("echo mine > web/src/new.c")
        time.sleep(2.5)
        self.assertNotEqual(self.loops(), {})
        self.fill(left=200 * MIB)
        self.check_no_disk(10)
        self.make_room()
        self.assertEqual(self.sh("cat web/src/new.c").out, b"mine\n")


if __name__ == "__main__":
    unittest.main()
