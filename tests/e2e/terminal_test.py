"""The contractor's terminal: bytes, job control, sizes, signals, and what a client's end means."""
import os
import re
import signal
import subprocess
import time
import unittest

import carrel_case
from carrel_case import AS_USER, CARREL, Case

MEBIBYTE = 1 << 20


class TerminalTest(Case):
    def test_random_bytes_come_and_are_recorded_exactly_through_pipes(self):
        opened = self.sh(f"head -c {MEBIBYTE} /dev/urandom")
        self.assertEqual(len(opened.out), MEBIBYTE)
        self.assertEqual(self.output(stream="stdout"), opened.out)

    def test_random_bytes_come_and_are_recorded_exactly_on_a_raw_pty(self):
        terminal = self.open_on_terminal("/bin/bash", "-c",
                                         f"stty raw -echo; printf BEGIN; head -c {MEBIBYTE} /dev/urandom; printf END")
        self.assertEqual(terminal.wait(60), 0)
        recorded = self.output(stream="pty")
        self.assertEqual(len(recorded), MEBIBYTE + len("BEGINEND"))
        self.assertTrue(recorded.startswith(b"BEGIN") and recorded.endswith(b"END"))
        self.assertIn(recorded, terminal.seen)

    def test_nothing_typed_is_stored_when_keystrokes_are_off(self):
        terminal = self.open_on_terminal("/bin/bash", "-c", "stty -echo; echo ready; read secret; echo got ${#secret}")
        terminal.expect("ready")
        terminal.type("hunter2-typed-secret\n")
        terminal.expect("got 20")
        self.assertEqual(terminal.wait(), 0)
        session = self.sessions()[0]["session"]
        for path in self.record(session).rglob("*"):
            if path.is_file():
                self.assertNotIn(b"hunter2", path.read_bytes())
        self.assertNotIn(b"hunter2", self.carrel("events", "last", "--format", "jsonl").stdout)
        done = subprocess.run([CARREL, "open", "--profile", str(self.profile), "--", "/usr/bin/wc", "-c"],
                              input=b"hunter2-piped-secret\n", capture_output=True, env=self.environment(), **AS_USER, timeout=60)
        self.assertEqual(done.stdout, b"21\n")
        self.assertNotIn(b"hunter2", self.carrel("events", "last", "--format", "jsonl").stdout)

    def test_job_control_and_interrupts(self):
        terminal = self.open_on_terminal("/bin/bash", "--norc", "-i")
        terminal.expect(r"\$ ")
        terminal.type("sleep 100\n")
        time.sleep(0.5)
        terminal.type(b"\x1a")
        terminal.expect("Stopped")
        terminal.type("bg; jobs\n")
        terminal.expect("Running")
        terminal.type("fg\n")
        terminal.expect("sleep 100\r\n")
        time.sleep(0.3)
        terminal.type(b"\x03")
        terminal.type("echo status $?\n")
        terminal.expect("status 130")
        terminal.type("tty; exit 9\n")
        terminal.expect("/dev/pts/0")
        self.assertEqual(terminal.wait(), 9)

    def test_sizes_reach_the_program_and_the_record(self):
        terminal = self.open_on_terminal("/bin/bash", "--norc", columns=101, rows=31)
        terminal.expect(r"\$ ")
        terminal.type("stty size\n")
        terminal.expect("31 101")
        terminal.type("trap 'stty size' WINCH; echo trap''ped\n")
        at = terminal.expect("trapped")  # the echo of what was typed has quotes in it
        terminal.resize(77, 22)
        os.kill(terminal.pid, signal.SIGWINCH)
        time.sleep(0.3)
        terminal.type("true\n")
        terminal.expect("22 77", start=at)
        terminal.type("exit\n")
        self.assertEqual(terminal.wait(), 0)
        sizes = [(e["data"]["columns"], e["data"]["rows"]) for e in self.events("last", "--kind", "terminal")
                 if e["type"] == "terminal.resize"]
        self.assertEqual(sizes[-1], (77, 22))
        self.assertIn((101, 31), sizes)

    def test_the_notice_comes_first_and_the_terminal_is_restored(self):
        terminal = self.open_on_terminal("/bin/echo", "the command")
        self.assertEqual(terminal.wait(), 0)
        text = terminal.seen.decode()
        self.assertLess(text.index("recorded"), text.index("the command"))
        self.assertNotIn(b"recorded", self.output())
        # The settings of the caller's terminal are what they were.
        import pty, termios
        master, slave = pty.openpty()
        before = termios.tcgetattr(slave)
        process = subprocess.Popen([CARREL, "open", "--profile", str(self.profile), "--", "/bin/true"],
                                   stdin=slave, stdout=slave, stderr=slave, env=self.environment(), **AS_USER)
        process.wait(60)
        self.assertEqual(termios.tcgetattr(slave), before)
        os.close(master)
        os.close(slave)

    def test_signals_from_outside_reach_the_command(self):
        process = subprocess.Popen(
            [CARREL, "open", "--profile", str(self.profile), "--", "/bin/bash", "-c",
             "trap 'echo term; exit 5' TERM; echo ready; while :; do sleep 0.05; done"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=self.environment(), **AS_USER)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
        self.assertEqual((process.returncode, out), (5, b"term\n"), err)

    def test_a_client_that_goes_ends_the_session_as_a_person(self):
        process = subprocess.Popen(
            [CARREL, "open", "--profile", str(self.profile), "--", "/bin/bash", "-c",
             "trap 'echo hup >> web/src/main.c; exit 3' HUP; echo ready; while :; do sleep 0.05; done"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.PIPE, env=self.environment(), **AS_USER)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        process.kill()
        process.communicate()
        self.wait_until(lambda: self.sessions()[0]["state"] != "running", 20, "the session ends")
        row = self.sessions()[0]
        self.assertEqual((row["state"], row["end"]), ("closed", {"by": "person", "code": 125}))
        self.assertEqual([c["path"] for c in self.show()["changes"]], ["/workspaces/app/web/src/main.c"])
        self.assertEqual(self.verify()["exit"], 0)

    def test_a_closed_reader_of_the_output_is_a_broken_pipe_inside(self):
        done = subprocess.run(
            f"{CARREL} open --profile {self.profile} -- /usr/bin/yes 2>/dev/null | head -n 3; echo ${{PIPESTATUS[0]}}",
            shell=True, executable="/bin/bash", capture_output=True, env=self.environment(), **AS_USER, timeout=60)
        self.assertEqual(done.stdout.split()[:3], [b"y", b"y", b"y"])
        self.assertIn(done.stdout.split()[3], (b"141", b"125"))
        self.assertEqual(self.verify()["exit"], 0)

    def test_no_service_keeps_the_callers_descriptors(self):
        # The first opening starts the services: with one of our pipe's ends they would hold `cat` for a minute.
        started = time.monotonic()
        done = subprocess.run(f"{CARREL} open --profile {self.profile} -- /bin/echo done 2>&1 | cat", shell=True,
                              capture_output=True, env=self.environment(), **AS_USER, timeout=50)
        self.assertIn(b"done", done.stdout)
        self.assertLess(time.monotonic() - started, 40)

    def test_time_ends_a_session_with_a_warning_and_status_124(self):
        opened = self.sh("echo begun; sleep 60", options=("--timeout", "2s"), code=124)
        self.assertEqual((opened.end["by"], opened.end["code"]), ("policy", 124))
        self.assertIn(b"begun", opened.out)
        self.assertRegex(opened.err.decode(), "time")
        self.assertEqual(self.verify()["exit"], 0)

    def test_a_replay_as_text_shows_the_screen_and_passes_nothing_raw(self):
        terminal = self.open_on_terminal(
            "/bin/bash", "-c",
            r"printf 'plain\n\033]52;c;aGk=\a\033]0;title\a\033[c\033[6n\033[31mred\033[0m\n'; seq 1 50")
        self.assertEqual(terminal.wait(), 0)
        text = self.carrel("replay", "last", "--text").stdout
        self.assertNotIn(b"\x1b", text)
        lines = text.decode().splitlines()
        self.assertIn("plain", lines)
        self.assertIn("red", lines)
        self.assertEqual([line for line in lines if re.fullmatch(r"\d+", line)], [str(n) for n in range(1, 51)])


if __name__ == "__main__":
    unittest.main()
