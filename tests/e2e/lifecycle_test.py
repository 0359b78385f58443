"""Running sessions: listed, told about, paused, closed; and how they end by time."""
import json
import os
import subprocess
import time
import unittest

from carrel_case import AS_USER, CARREL, GROUPS, ROOTLESS, Case, UID, also_with_groups, needs_groups


class Lifecycle(Case):
    def spawn(self, *command, options=(), profile=None):
        status_read, status_write = os.pipe()
        process = subprocess.Popen([CARREL, "open", "--profile", str(profile or self.profile), "--status-fd",
                                    str(status_write), *options, "--", *command],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=self.environment(), pass_fds=[status_write], **AS_USER)
        os.close(status_write)
        process.status = os.fdopen(status_read, "rb")
        self.addCleanup(self.reap, process)
        return process

    def reap(self, process):
        if process.poll() is None:
            process.kill()
        process.communicate()
        process.status.close()

    def finish(self, process, timeout=40):
        out, err = process.communicate(timeout=timeout)
        return process.returncode, json.loads(process.status.read().splitlines()[-1])["end"], err.decode()

    def running(self, script="echo there; cat", **options):
        process = self.spawn("/bin/bash", "-c", script, **options)
        self.assertEqual(process.stdout.readline(), b"there\n", self.logs())
        return process

    def status(self, session=""):
        words = [session] if session else []
        return [json.loads(line) for line in self.carrel("status", *words, "--json").stdout.splitlines()]

    def policy(self, session="last"):
        return [(event["type"], event["data"]) for event in self.events(session, "--kind", "policy")]

    @also_with_groups
    def test_what_runs_is_listed_and_told_about(self):
        self.assertEqual(self.open("/bin/true").code, 0)
        self.assertEqual(self.status(), [])
        process = self.running(options=["--timeout", "2h"])
        session = self.sessions()[0]["session"]
        [row] = json.loads(self.carrel("list", "--json").stdout)
        self.assertEqual((row["v"], row["task"], row["person"], row["state"], row["session"], row["sessions"]),
                         (1, "local/fix", f"local:{UID}", "running", session, 2))
        [status] = self.status(session[:12])
        self.assertEqual((status["session"], status["workspace"], status["state"], status["paused"], status["can_pause"]),
                         (session, row["workspace"], "running", None, GROUPS or not ROOTLESS))
        [end] = status["ends"]
        self.assertEqual(end["limit"], "max_duration")
        self.assertTrue(7000 < end["left_s"] <= 7200, end)
        self.assertIn("names-exact", status["assurance_missing"])
        text = self.carrel("status").stdout.decode()
        self.assertRegex(text, f"^session {session} running for ")
        self.assertRegex(text, r"\n  ends +in 1h 5\dm \(max_duration, 20")
        self.assertRegex(self.carrel("list").stdout.decode(), r"\n" + row["workspace"][:12] + fr" +local/fix +local:{UID} +running ")
        process.communicate(timeout=30)
        self.assertEqual(json.loads(self.carrel("list", "--json").stdout)[0]["state"], "closed")
        self.carrel("status", session, code=2)
        self.carrel("status", "--privacy", code=1)

    def test_close_ends_a_session_and_says_who_and_why(self):
        process = self.running("trap 'echo bye; exit 3' HUP; echo there; while :; do sleep 0.1; done")
        session = self.sessions()[0]["session"]
        self.carrel("close", session, code=1)  # no reason
        done = self.carrel("close", session, "--reason", "the contract has ended")
        self.assertEqual(done.stdout.decode(), f"session {session} has ended (person 125)\n")
        # What close promises holds when it returns.
        self.assertEqual(self.sessions()[0]["state"], "closed")
        self.assertEqual(self.processes("sleep"), [])
        code, end, err = self.finish(process)
        self.assertEqual((code, end["by"], end["error"]), (125, "person", f"closed by local:{UID}: the contract has ended"))
        self.assertIn(f"carrel: this session is closed by local:{UID}: the contract has ended.\n", err)
        self.assertIn(b"bye", self.output(session))
        self.assertEqual(self.policy(), [("policy.closed", {"person": f"local:{UID}", "reason": "the contract has ended"})])
        self.assertEqual(self.verify()["exit"], 0)
        self.carrel("close", session, "--reason", "again", code=2)

    def test_close_now_gives_no_time(self):
        process = self.running("trap 'sleep 100' HUP; echo there; while :; do sleep 0.1; done")
        started = time.monotonic()
        self.carrel("close", "last", "--reason", "at once", "--now")
        self.assertLess(time.monotonic() - started, 9)  # the ten seconds for programs are not given
        self.assertEqual(self.finish(process)[0], 125)

    @needs_groups("an ordinary user has no control group that could be frozen")
    def test_a_paused_session_stands_still_until_it_is_resumed(self):
        process = self.running("echo there; read x; read y; exit 7")
        session = self.sessions()[0]["session"]
        self.assertEqual(self.carrel("pause", session, "--reason", "a question").stdout.decode(), f"session {session} is paused\n")
        events = self.cgroup() / session / "cgroup.events"
        self.assertIn("frozen 1", events.read_text())
        [status] = self.status()
        self.assertEqual((status["state"], status["paused"]["by"], status["paused"]["reason"]), ("paused", f"local:{UID}", "a question"))
        self.assertEqual(json.loads(self.carrel("list", "--json").stdout)[0]["state"], "paused")
        self.assertRegex(self.carrel("status").stdout.decode(), fr"\n  paused +by local:{UID} for .*: a question\n")
        process.stdin.write(b"\n")
        process.stdin.flush()
        time.sleep(0.5)  # what runs takes a line in no time
        self.assertIsNone(process.poll())
        self.carrel("pause", session, "--reason", "again", code=1)
        self.assertEqual(self.carrel("resume", session, "--reason", "answered").stdout.decode(), f"session {session} goes on\n")
        process.stdin.write(b"\n")
        process.stdin.flush()
        code, _, err = self.finish(process)
        self.assertEqual(code, 7)
        self.assertIn(f"carrel: this session is paused by local:{UID}: a question. Nothing runs until it is resumed; its time goes on.\n", err)
        self.assertIn(f"carrel: this session is resumed by local:{UID}: answered.\n", err)
        self.assertEqual(self.policy(), [("policy.paused", {"person": f"local:{UID}", "reason": "a question"}),
                                         ("policy.resumed", {"person": f"local:{UID}", "reason": "answered"})])
        self.carrel("resume", session, "--reason", "late", code=2)

    @needs_groups("an ordinary user has no control group that could be frozen")
    def test_a_session_that_ends_as_it_is_resumed_was_resumed(self):
        process = self.running("echo there; read x; exit 7")
        session = self.sessions()[0]["session"]
        self.carrel("pause", session, "--reason", "a question")
        process.stdin.write(b"\n")
        process.stdin.flush()
        said = self.carrel("resume", session, "--reason", "answered").stdout.decode()
        self.assertIn(said, [f"session {session} goes on\n", f'session {session} has ended (command 7)\n'])
        self.assertEqual(self.finish(process)[0], 7)

    @needs_groups("an ordinary user has no control group that could be frozen")
    def test_a_client_that_dies_does_not_undo_a_pause(self):
        process = self.running("echo there; while :; do echo x >> web/src/grows; done")
        self.carrel("pause", "last", "--reason", "a question")
        process.kill()
        self.wait_until(lambda: self.sessions()[0]["state"] != "running", 40, "the session ends")
        row = self.sessions()[0]
        self.assertEqual((row["state"], row["end"]), ("closed", {"by": "person", "code": 125}))
        events = self.events()
        [paused] = [event for event in events if event["type"] == "policy.paused"]
        opened = [event["mono_ns"] for event in events if event["type"] == "file.open" and event["data"]["path"].endswith("grows")]
        self.assertGreater(len(opened), 2)  # positive control
        self.assertLess(max(opened), paused["mono_ns"])

    @needs_groups("an ordinary user has no control group that could be frozen")
    def test_time_is_over_while_a_session_is_paused(self):
        process = self.running(options=["--timeout", "6s"])
        self.carrel("pause", "last", "--reason", "a question")
        code, end, _ = self.finish(process)
        self.assertEqual((code, end["by"], end["error"]), (124, "policy", "time is over (max_duration 6s)"))
        self.assertEqual([kind for kind, _ in self.policy()], ["policy.paused", "policy.over"])
        self.assertEqual(self.verify()["exit"], 0)

    def test_the_last_minute_is_told(self):
        terminal = self.open_on_terminal("/bin/cat", options=["--timeout", "62s"])
        terminal.expect(r"carrel: this session ends in 1m \(max_duration\)\.\r\n")
        self.carrel("close", "last", "--reason", "seen", "--now")
        self.assertEqual(terminal.wait(), 125)
        terminal.expect(fr"closed by local:{UID}: seen")
        self.assertEqual(self.policy()[0], ("policy.warned", {"limit": "max_duration", "left_s": 60}))


if __name__ == "__main__":
    unittest.main()
