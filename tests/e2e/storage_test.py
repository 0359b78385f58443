"""A workspace's disk: what is kept, for whom, how much, and what is left of it."""
import os
import pathlib
import signal
import subprocess
import unittest

from carrel_case import CARREL, Case, NeedsImages, mounts


def data_of(path):
    """The bytes of a sparse file, without its holes (lseek(2), SEEK_DATA)."""
    parts = []
    with open(path, "rb") as file:
        at, end = 0, file.seek(0, os.SEEK_END)
        while at < end:
            try:
                start = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            at = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            parts.append(os.pread(file.fileno(), at - start, start))
    return b"".join(parts)


class Storage(NeedsImages, Case):
    def stop(self):
        super().stop()
        self.check_no_disk()

    def unmount_at_once(self):
        """A launcher that keeps no disk mounted after its session."""
        self.start_launcher(options=("--linger-ms", "0"))

    def workspace(self, opened):
        return self.state / "workspaces" / opened.started["workspace"]

    def spawn(self, *command, profile=None):
        process = subprocess.Popen([CARREL, "open", "--profile", str(profile or self.profile), "--", *command],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=self.environment())
        self.addCleanup(self.reap, process)
        return process

    def reap(self, process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def host_uid(self, process):
        """The host uid of the payload that runs below this `carrel open`."""
        for pid in self.processes("sleep"):
            return pathlib.Path(f"/proc/{pid}").stat().st_uid
        return None

    # ---- kept ---------------------------------------------------------------------------------

    def test_work_and_home_are_there_in_the_next_session(self):
        self.sh("echo mine > web/src/new.c; rm web/src/old.txt; mv web/src/util web/src/tools; chmod +x web/src/main.c; "
                "git add -A; git commit -qm kept; echo set > ~/.profile-of-mine; echo t > /tmp/gone")
        again = self.sh("cat web/src/new.c ~/.profile-of-mine; ls web/src/tools; test -x web/src/main.c && echo x; "
                        "ls web/src/old.txt /tmp/gone; git log --format=%s | head -1; git status --short")
        self.assertEqual(again.out.decode(), "mine\nset\ndata.bin\nx\nkept\n")
        self.assertIn(b"web/src/old.txt': No such file", again.err)
        self.assertIn(b"/tmp/gone': No such file", again.err)

    def test_work_belongs_to_the_contractor_under_another_host_uid(self):
        self.sh("echo mine > web/src/new.c; chmod 600 web/src/new.c")
        first = self.spawn("/bin/sh", "-c", "echo there; exec sleep 60", profile=self.another_profile())
        self.assertEqual(first.stdout.readline(), b"there\n")
        self.wait_until(lambda: self.host_uid(first), 30, "it sleeps")
        taken = self.host_uid(first)
        second = self.spawn("/bin/sh", "-c", "cat web/src/new.c && echo more >> web/src/new.c && stat -c %u web/src/new.c; "
                                             "exec sleep 60")
        self.assertEqual([second.stdout.readline() for _ in range(2)], [b"mine\n", b"1000\n"])
        self.wait_until(lambda: len(self.processes("sleep")) == 2, 30, "both sleep")
        uids = {pathlib.Path(f"/proc/{pid}").stat().st_uid for pid in self.processes("sleep")}
        self.assertEqual(len(uids), 2, uids)
        self.assertIn(taken, uids)
        for process in (first, second):
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
        self.assertEqual(self.sh("cat web/src/new.c").out, b"mine\nmore\n")

    def test_two_workspaces_share_one_slice_and_nothing_else(self):
        script = "stat -c '%i %h' web/src/main.c docs/guide.md; echo mine >> web/src/main.c"
        one = self.sh(script)
        two = self.sh(script, profile=self.another_profile())
        self.assertEqual(one.out, two.out)
        self.assertEqual(len(list((self.state / "slices").iterdir())), 1)
        self.assertIn(b"puts", self.sh("git diff --stat; cat web/src/main.c").out)
        self.assertEqual(self.sh("grep -c mine web/src/main.c").out, b"1\n")

    def test_a_new_commit_is_another_slice_and_the_workspace_keeps_its_own(self):
        self.sh("true")
        (self.company / "web/src/main.c").write_text("changed\n")
        subprocess.run(["git", "-c", "user.name=c", "-c", "user.email=c@example.org", "-c", "safe.directory=*",
                        "-C", str(self.company), "commit", "-qam", "third"], check=True)
        self.assertIn(b"puts", self.sh("cat web/src/main.c").out)
        self.assertEqual(self.sh("cat web/src/main.c", profile=self.another_profile()).out, b"changed\n")
        self.assertEqual(len(list((self.state / "slices").iterdir())), 2)

    def test_a_profile_that_shows_something_else_does_not_get_the_workspace(self):
        self.sh("echo mine > web/src/new.c")
        text = self.profile.read_text()
        self.profile.write_text(text.replace('"docs", ', ""))
        refused = self.sh("true", code=121)
        self.assertIn("what it shows of repository app has changed", refused.end["error"])
        self.assertIn("The work in it is kept", refused.end["error"])
        self.profile.write_text(text)
        self.assertEqual(self.sh("cat web/src/new.c").out, b"mine\n")

    # ---- encrypted ----------------------------------------------------------------------------

    def test_neither_names_nor_contents_lie_in_clear_on_the_host(self):
        self.unmount_at_once()
        opened = self.sh("echo words-of-mine-77fa > web/src/name-of-mine-81cd; sync")
        self.check_no_disk()
        data = data_of(self.workspace(opened) / "image")
        self.assertIn(b"lost+found", data)  # the control
        for word in (b"words-of-mine-77fa", b"name-of-mine-81cd"):
            self.assertNotIn(word, data)
        shown = {item["id"]: item["given"] for item in self.show()["assurance"]}
        self.assertTrue(shown["disk-encrypted"])

    def test_without_its_key_a_workspace_stays_shut_and_nothing_is_made_anew(self):
        opened = self.sh("echo mine > web/src/new.c")
        keys = self.state / "vault/workspaces.keys"
        saved = keys.read_bytes()
        self.assertIn(opened.started["workspace"].encode(), saved)
        keys.write_bytes(bytes(len(saved)))
        refused = self.sh("true", code=123)
        self.assertIn("was erased", refused.end["error"])
        self.assertIn("ENOKEY", refused.end["error"])
        keys.write_bytes(saved)
        self.assertEqual(self.sh("cat web/src/new.c").out, b"mine\n")

    # ---- limits -------------------------------------------------------------------------------

    def test_a_host_without_room_opens_nothing(self):
        disk = self.folder / "small.img"
        with open(disk, "wb") as file:
            file.truncate(400 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(disk)], check=True)
        self.state.mkdir()
        subprocess.run(["mount", "-o", "loop", str(disk), str(self.state)], check=True)
        try:
            refused = self.sh("true", code=123)
            self.assertRegex(refused.end["error"], "has [0-9]+ MiB left, and 512 MiB must be free")
            self.assertEqual(list((self.state / "workspaces").iterdir()), [])
            self.mounts_before = mounts()
            self.stop()
            self.unclean = True
        finally:
            subprocess.run(["umount", str(self.state)], check=True)

    # ---- ends ---------------------------------------------------------------------------------

    def test_a_failed_first_opening_leaves_no_workspace_no_key_and_no_slice(self):
        self.profile.write_text(self.profile.read_text().replace('"docs"', '"docs", "absent"'))
        self.sh("true", code=121)
        self.assertEqual(list((self.state / "workspaces").iterdir()), [])
        self.assertEqual(list((self.state / "slices").iterdir()), [])
        self.assertEqual((self.state / "vault/workspaces.keys").read_bytes().strip(b"\0") if
                         (self.state / "vault/workspaces.keys").exists() else b"", b"")

    def killed(self, kill):
        """A session that has written and synced, and goes on writing, when `kill` strikes."""
        self.unmount_at_once()
        process = self.spawn("/bin/bash", "-c", "echo synced > web/src/safe; sync web/src/safe; git add -A; git commit -qm safe; sync; "
                             "echo ready; while :; do echo x >> web/src/log; done")
        self.assertEqual(process.stdout.readline(), b"ready\n")
        kill()
        process.communicate(timeout=60)
        self.check_no_disk(60)
        again = self.sh("cat web/src/safe; git log --format=%s | head -1; git fsck 2>&1 | grep -v notice; test -s web/src/log && echo log")
        self.assertEqual(again.out.decode(), "synced\nsafe\nlog\n")

    def test_work_is_whole_after_the_supervisor_was_killed(self):
        self.killed(lambda: os.kill(self.processes("carrel-session")[0], signal.SIGKILL))
        self.assertEqual(self.sessions()[1]["state"], "broken")
        self.verify(self.sessions()[1]["session"], code=5)

    def test_work_is_whole_after_init_was_killed(self):
        self.killed(lambda: os.kill(self.processes("carrel-init")[0], signal.SIGKILL))

    def test_work_is_whole_after_the_opening_was_killed(self):
        def kill():
            session = self.processes("carrel-session")[0]
            parent = int(pathlib.Path(f"/proc/{session}/stat").read_text().rsplit(")", 1)[1].split()[1])
            os.kill(parent, signal.SIGKILL)
        self.killed(kill)

    def test_work_is_whole_after_the_launcher_was_killed(self):
        self.killed(lambda: os.kill(self.service_pid(), signal.SIGKILL))

    def test_work_is_whole_after_the_broker_was_killed(self):
        self.killed(lambda: os.kill(self.broker_pid(), signal.SIGKILL))

    def test_a_crash_of_the_host_replays_the_journal(self):
        """As a power cut leaves it: the image is copied while it is written to."""
        self.unmount_at_once()
        process = self.spawn("/bin/bash", "-c", "echo synced > web/src/safe; sync; echo ready; "
                             "while :; do echo x >> web/src/log; : > web/src/$RANDOM; done")
        self.assertEqual(process.stdout.readline(), b"ready\n")
        row = self.sessions()[0]
        image = self.state / "workspaces" / row["workspace"] / "image"
        # A frozen disk is what a power cut leaves; without it a copy would mix two moments.
        self.signal_payload(signal.SIGSTOP)
        subprocess.run(["cp", "--sparse=always", str(image), str(self.folder / "image")], check=True)
        self.signal_payload(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        self.check_no_disk(60)
        os.replace(self.folder / "image", image)
        self.assertEqual(self.sh("cat web/src/safe").out, b"synced\n")

    def signal_payload(self, number):
        for pid in self.processes("bash"):
            os.kill(pid, number)


if __name__ == "__main__":
    unittest.main()
