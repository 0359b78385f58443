"""Launcher, broker and opening that die, end or are told to end while somebody needs them."""
import fcntl
import json
import os
import re
import signal
import stat
import subprocess
import time
import unittest

from carrel_case import AS_USER, BUILD, CARREL, PROFILE, Case, alive, git
from carrel_case import UID, give, needs_groups


class Services(Case):
    def spawn(self, *command, options=()):
        """`carrel open` in the background; its status lines come with finish()."""
        status_read, status_write = os.pipe()
        words = [CARREL, "open", "--profile", str(self.profile), "--status-fd", str(status_write), *options, "--", *command]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=self.environment(), **AS_USER, pass_fds=[status_write])
        os.close(status_write)
        process.status = os.fdopen(status_read, "rb")
        self.addCleanup(self.reap, process)
        return process

    def reap(self, process):
        if process.poll() is None:
            process.kill()
        process.communicate()
        process.status.close()

    def finish(self, process, timeout=30):
        out, err = process.communicate(timeout=timeout)
        lines = [json.loads(line) for line in process.status.read().splitlines()]
        return process.returncode, lines, err.decode()

    def opening_pid(self):
        return int(re.findall(r"session\.begun session=\S+ pid=(\d+)", self.logs())[-1])

    def frozen_slicer(self):
        """An opening whose slicing stands still; answers the client and the slicer's cgroup."""
        if not (self.company / "docs/many").exists():
            (self.company / "docs/many").mkdir()
            for number in range(1500):
                (self.company / f"docs/many/{number}").write_text(str(number) * 50)
            git(self.company, "add", "-A")
            git(self.company, "commit", "-qm", "many")
        self.open("/bin/true", profile=self.another_profile())
        process = self.spawn("/bin/true")
        home = self.cgroup()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for group in home.glob("*-slicer"):
                try:
                    if len((group / "cgroup.procs").read_text().split()) < 2:
                        continue  # carrel-init has not started the slicer yet
                    (group / "cgroup.freeze").write_text("1")
                    time.sleep(0.2)
                    if group.exists():
                        self.addCleanup(self.thaw, group)
                        return process, group
                except OSError:
                    pass
            if process.poll() is not None:
                process = self.spawn("/bin/true")
        self.fail("no slicer was seen")

    def thaw(self, group):
        """Where a test fails, nothing must stay behind for ever."""
        if group.exists():
            (group / "cgroup.freeze").write_text("0")

    # ---- the ends of launcher and broker ------------------------------------------------------

    def test_a_new_opening_waits_for_a_pair_that_is_ending(self):
        first = self.spawn("/bin/sleep", "60")
        first.status.readline()
        os.kill(self.broker_pid(), signal.SIGKILL)
        opened = self.open("/bin/true")
        self.assertEqual(opened.end["by"], "command")
        code, lines, _ = self.finish(first)
        self.assertEqual((code, lines[-1]["end"]["by"]), (124, "policy"))

    def test_an_opening_right_after_a_sigterm_gets_a_new_launcher(self):
        self.open("/bin/true")
        old = self.service_pid()
        os.kill(old, signal.SIGTERM)
        self.assertEqual(self.open("/bin/true").end["by"], "command")

    def test_an_idle_launcher_stays_while_somebody_is_about_to_ask(self):
        self.start_launcher(options=("--idle-ms", "300"))
        with open(self.state / "run/startup.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            time.sleep(2.5)
            self.assertTrue(alive(self.service_pid()))
            self.assertEqual(self.sessions(), [])
        self.launcher_process.wait(timeout=10)
        self.assertEqual(self.open("/bin/true").end["by"], "command")

    @needs_groups("no control group to hold the slicer still with")
    def test_a_launcher_that_is_told_to_end_does_not_wait_for_a_slicer(self):
        process, _ = self.frozen_slicer()
        launcher = self.service_pid()
        os.kill(launcher, signal.SIGTERM)
        self.wait_until(lambda: not alive(launcher), 15, "the launcher ends")
        code, lines, _ = self.finish(process)
        self.assertEqual((code, lines[-1]["end"]["by"]), (123, "setup"))
        self.assertEqual(len(list((self.state / "workspaces").iterdir())), 1)

    # ---- the end of an opening ----------------------------------------------------------------

    @needs_groups("no control group to hold the slicer still with")
    def test_a_killed_opening_leaves_nothing_of_its_slicing(self):
        process, group = self.frozen_slicer()
        os.kill(self.opening_pid(), signal.SIGKILL)
        code, lines, _ = self.finish(process)
        self.assertEqual((code, lines[-1]["end"]["by"]), (123, "setup"))
        self.wait_until(lambda: not group.exists(), 15, "the slicer's cgroup goes")
        self.wait_until(lambda: len(list((self.state / "workspaces").iterdir())) == 1, 5, "the half-made workspace goes")

    def test_a_killed_opening_ends_a_started_session_as_killed(self):
        process = self.spawn("/bin/sleep", "60")
        process.status.readline()
        os.kill(self.opening_pid(), signal.SIGKILL)
        code, lines, _ = self.finish(process)
        self.assertEqual((code, lines[-1]["end"]["by"], lines[-1]["end"]["code"]), (137, "kill", 137))
        self.wait_until(lambda: self.sessions()[0]["state"] != "running", 15, "the session ends")
        self.assertIn(self.sessions()[0]["end"]["by"], ("kill", "policy"))

    # ---- the person before the command --------------------------------------------------------

    @needs_groups("no control group to hold the slicer still with")
    def test_an_interrupt_ends_an_opening_that_is_still_slicing(self):
        process, _ = self.frozen_slicer()
        process.send_signal(signal.SIGINT)
        code, lines, err = self.finish(process, 15)
        self.assertEqual((code, lines[-1]["end"]["by"], lines[-1]["end"]["code"]), (125, "person", 125), err)
        self.assertEqual(len(list((self.state / "workspaces").iterdir())), 1)

    def test_who_reads_late_holds_the_workspace_and_nobody_elses_keyboard(self):
        """Output that its client has not read yet keeps a closed session there: the next opening waits, and can be left."""
        def opened(script):
            process = self.popen(CARREL, "open", "--profile", str(self.profile), "--", "/bin/bash", "-c", script,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

            def reap():
                process.kill()
                process.wait()
                for stream in (process.stdin, process.stdout, process.stderr):
                    stream.close()
            self.addCleanup(reap)
            return process
        first = opened("echo there; read x; head -c 700000 /dev/zero")
        self.assertEqual(first.stdout.readline(), b"there\n")
        first.stdin.close()
        self.wait_until(lambda: self.sessions()[0]["state"] == "closed", what="the record is closed")
        left, stays = opened("echo never"), opened("echo next")
        time.sleep(1)
        left.send_signal(signal.SIGINT)
        out, err = left.communicate(timeout=5)
        self.assertEqual((left.returncode, out), (125, b""), err)
        self.assertIn(b"ended before the command began", err)
        self.assertEqual(stays.stderr.readline(), b"carrel: the last session of this task is ending: waiting for its record to be closed (Ctrl-C leaves)\n")
        self.assertEqual(len(first.stdout.read()), 700000)
        out, err = stays.communicate(timeout=30)
        self.assertEqual((stays.returncode, out), (0, b"next\n"), err)
        self.assertEqual(len(self.sessions()), 2)

    def test_a_terminal_that_hangs_up_ends_the_session(self):
        terminal = self.open_on_terminal("/bin/bash", "-c", "trap '' HUP; echo ready; while :; do sleep 0.2; done")
        terminal.expect("ready")
        os.close(terminal.fd)
        terminal.fd = -1
        self.wait_until(lambda: self.sessions()[0]["state"] != "running", 25, "the session ends")
        self.assertEqual(self.sessions()[0]["end"], {"by": "person", "code": 125})

    # ---- what the caller gives ----------------------------------------------------------------

    def test_a_folder_of_other_things_is_no_state_folder(self):
        self.state.mkdir(mode=0o755)
        (self.state / "somebodys").write_text("x")
        (self.state / "run").mkdir()
        give(self.state)
        opened = self.open("/bin/true", code=123)
        self.assertIn("not empty", opened.err.decode())
        after = self.state.stat()
        self.assertEqual((stat.S_IMODE(after.st_mode), after.st_gid), (0o755, UID))

    def test_a_usage_error_has_its_end_line(self):
        for words in (["--status-fd", "FD", "--bogus"], ["--status-fd=FD"]):
            read_end, write_end = os.pipe()
            done = subprocess.run([CARREL, "open", *[word.replace("FD", str(write_end)) for word in words]],
                                  capture_output=True, env=self.environment(), **AS_USER, pass_fds=[write_end])
            os.close(write_end)
            with os.fdopen(read_end, "rb") as status:
                line = status.read()
            self.assertEqual(done.returncode, 120, done.stderr)
            self.assertEqual(json.loads(line)["end"]["code"], 120)

    def test_a_status_descriptor_that_is_not_open_is_a_usage_error(self):
        done = self.carrel("open", "--profile", str(self.profile), "--status-fd", "5", "--", "/bin/true", code=120)
        self.assertIn(b"status-fd", done.stderr)
        self.assertFalse(self.state.exists())


if __name__ == "__main__":
    unittest.main()
