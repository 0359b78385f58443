"""Further terminals at a running session: what they share, what each has for itself, whose end is whose."""
import base64
import json
import os
import signal
import subprocess
import time
import unittest

from carrel_case import AS_USER, CARREL, ROOTLESS, Case, Terminal, UID, needs_groups


class Attach(Case):
    def running(self, script="echo there; cat", options=()):
        process = self.popen(CARREL, "open", "--profile", str(self.profile), *options, "--", "/bin/bash", "-c", script,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.reap, process)
        self.assertEqual(process.stdout.readline(), b"there\n", self.logs())
        return process

    def reap(self, process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def finish(self, process, stdin=b"", timeout=40):
        out, err = process.communicate(stdin, timeout=timeout)
        return process.returncode, out, err.decode()

    def attach(self, script, *options, code=0, stdin=b"", session="last"):
        done = self.carrel("attach", session, *options, "--", "/bin/bash", "-c", script, code=code, input=stdin)
        return done.stdout, done.stderr.decode()

    def attached(self, script):
        process = self.popen(CARREL, "attach", "--", "/bin/bash", "-c", script,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.reap, process)
        self.assertEqual(process.stdout.readline(), b"here\n", self.logs())
        return process

    def output_of(self, channel, stream):
        return b"".join(base64.b64decode(event["data"]["bytes_b64"]) for event in self.events("last", "--kind", "terminal")
                        if event["type"] == "terminal.output" and event["channel"] == channel and event["data"]["stream"] == stream)

    def terminals(self):
        return [(event["type"], event["channel"], event["data"]) for event in self.events("last", "--kind", "terminal")
                if event["type"] in ("terminal.opened", "terminal.ended")]

    def test_it_is_the_same_workspace_and_a_record_of_its_own(self):
        process = self.running("echo there; echo $$ > /tmp/first; read x; echo over; exit 7")
        out, err = self.attach("id -u; pwd; cat /tmp/first; kill -0 $(cat /tmp/first) && echo alive; cat; echo bad >&2; exit 5",
                               code=5, stdin=b"piped\n")
        self.assertEqual(out.split()[:2], [b"1000", b"/workspaces/app"])
        self.assertEqual(out.splitlines()[3:], [b"alive", b"piped"])
        self.assertIn("bad\n", err)
        self.assertTrue(err.startswith("carrel: this session is recorded as evidence"), err)
        session = self.sessions()[0]["session"]
        self.assertIn(f"carrel: terminal 2 of session {session} closed, command ended with status 5\n", err)
        self.assertEqual(self.sessions()[0]["state"], "running")
        code, rest, _ = self.finish(process, b"\n")
        self.assertEqual((code, rest), (7, b"over\n"))
        self.assertEqual(self.output_of(None, "stdout"), b"there\nover\n")
        self.assertEqual(self.output_of("2", "stdout"), out)
        self.assertEqual(self.output_of("2", "stderr"), b"bad\n")
        opened, ended = self.terminals()
        self.assertEqual(opened[:2], ("terminal.opened", "2"))
        self.assertTrue(opened[2]["command"].startswith("/bin/bash -c id -u"), opened)
        self.assertEqual((opened[2]["how"], ended), ("pipes", ("terminal.ended", "2", {"by": "command", "code": 5})))
        self.assertEqual(self.verify()["exit"], 0)
        self.assertEqual(self.sessions()[0]["end"], {"by": "command", "code": 7})

    def test_what_is_done_there_is_recorded_and_denied_as_anywhere(self):
        process = self.running()
        _, err = self.attach("echo mine > web/src/new; (sleep 0.2; cat /etc/shadow) & wait")
        self.assertIn("carrel: denied: file.open /etc/shadow", err)
        code, _, first_err = self.finish(process)
        self.assertNotIn("denied", first_err)  # said where it happened
        events = self.events()
        channels = {event["channel"] for event in events if event["type"] == "process.exec" and event["data"]["path"].endswith("/cat")}
        self.assertEqual(channels, {None, "2"})
        self.assertEqual([event["channel"] for event in events if event["type"] == "file.open" and event["data"]["path"].endswith("web/src/new")], ["2"])
        denied = [event for event in events if event["verdict"] == "denied"]
        self.assertEqual([(event["channel"], event["data"]["path"], event["rule"]["id"]) for event in denied],
                         [("2", "/etc/shadow", "default:host-files")])

    def test_on_a_terminal_of_its_own(self):
        first = self.open_on_terminal("/bin/bash", "--norc", "-i")
        first.expect(r"\$ ")
        second = Terminal(self, [CARREL, "attach", "--", "/bin/bash", "--norc", "-i"], 91, 33)
        second.expect(r"\$ ")
        second.type("stty size; tty; echo $TERM\n")
        second.expect("33 91\r\n/dev/pts/1\r\n")
        second.resize(70, 20)
        os.kill(second.pid, signal.SIGWINCH)
        second.type("stty size\n")
        second.expect("20 70\r\n")
        second.type("sleep 100\n")
        time.sleep(0.5)
        second.type(b"\x1a")
        second.expect("Stopped")
        second.type("kill -9 %1; sleep 1; echo from the second > /tmp/word\n")
        second.expect(r"\$ ")
        second.type("exit 4\n")
        self.assertEqual(second.wait(), 4)
        first.type("cat /tmp/word; exit 3\n")
        first.expect("from the second\r\n")
        self.assertEqual(first.wait(), 3)
        text = self.carrel("replay", "last", "--text", "--terminal", "2")
        self.assertIn(b"20 70\n", text.stdout)
        self.assertNotIn(b"cat /tmp/word", text.stdout)
        text = self.carrel("replay", "last", "--text")
        self.assertIn(b"cat /tmp/word", text.stdout)
        self.assertNotIn(b"20 70\n", text.stdout)
        self.assertIn(b"there is more on terminal 2: carrel replay", text.stderr)
        self.assertEqual(self.verify()["exit"], 0)

    def test_open_on_what_runs_attaches(self):
        process = self.running("echo there; echo secret > /tmp/shared; read x")
        opened = self.sh("cat /tmp/shared")
        self.assertEqual(opened.out, b"secret\n")
        self.assertEqual(opened.started["session"], self.sessions()[0]["session"])
        self.assertEqual(opened.end, {"by": "command", "code": 0, "signal": None, "error": None})
        self.assertEqual(len(self.sessions()), 1)
        refused = self.open("/bin/true", options=["--timeout", "1h"], code=120)
        self.assertIn("--timeout: session", refused.end["error"])
        self.profile.write_text(self.profile.read_text().replace("version = 1", "version = 2", 1))
        refused = self.open("/bin/true", code=120)
        self.assertRegex(refused.end["error"], r"^session \S+ runs since 20\S+Z under another version of the profile: ")
        self.finish(process, b"\n")

    def test_one_programs_signal_reaches_another_terminals(self):
        process = self.running("echo there; exec sleep 100")
        self.attach("kill -TERM $(pgrep -x sleep)")
        self.assertEqual(self.finish(process)[0], 143)

    def test_the_session_goes_on_until_the_last_terminal_ends(self):
        process = self.running("echo there; read x; echo first over; exit 6")
        second = self.attached("echo here; read x; echo second over; exit 8")
        code, out, err = self.finish(process, b"\n")
        self.assertEqual((code, out), (6, b"first over\n"))
        self.assertIn("carrel: this terminal has ended; the session goes on with 1 other\n", err)
        self.assertEqual(self.sessions()[0]["state"], "running")
        self.assertEqual(self.attach("echo third")[0], b"third\n")
        code, out, _ = self.finish(second, b"\n")
        self.assertEqual((code, out), (8, b"second over\n"))
        self.wait_until(lambda: self.sessions()[0]["state"] == "closed", 20, "the session ends")
        self.assertEqual(self.sessions()[0]["end"], {"by": "command", "code": 6})
        self.assertEqual([(channel, data) for kind, channel, data in self.terminals() if kind == "terminal.ended"],
                         [(None, {"by": "command", "code": 6}), ("3", {"by": "command", "code": 0}), ("2", {"by": "command", "code": 8})])
        self.assertEqual(self.verify()["exit"], 0)

    def test_a_lost_first_client_does_not_take_the_others_with_it(self):
        process = self.running("trap 'exit 9' HUP; echo there; while :; do sleep 0.1; done")
        second = self.attached("echo here; read x; exit 8")
        process.kill()
        time.sleep(1)
        self.assertIsNone(second.poll())
        self.assertEqual(self.sessions()[0]["state"], "running")
        self.assertEqual(self.finish(second, b"\n")[0], 8)
        self.wait_until(lambda: self.sessions()[0]["state"] == "closed", 20, "the session ends")
        self.assertEqual(self.sessions()[0]["end"]["by"], "person")

    def test_a_lost_attached_client_ends_its_command_and_no_other(self):
        process = self.running("echo there; read x; exit 7")
        second = self.attached("trap '' HUP; echo here; while :; do sleep 0.1; done")
        second.kill()
        self.wait_until(lambda: [data for kind, _, data in self.terminals() if kind == "terminal.ended"], 30, "it is ended")
        self.assertEqual([data for kind, _, data in self.terminals() if kind == "terminal.ended"], [{"by": "person", "code": 125}])
        self.assertEqual(self.attach("pgrep -c bash; true")[0], b"2\n")  # the first one's and this one's own
        self.assertEqual(self.finish(process, b"\n")[0], 7)

    def test_close_ends_all_of_them(self):
        process = self.running("echo there; cat")
        second = self.attached("echo here; cat; sleep 100")
        self.carrel("close", "last", "--reason", "enough", "--now")
        self.assertEqual(self.finish(process)[0], 125)
        code, _, err = self.finish(second)
        self.assertEqual(code, 125)
        self.assertIn(f"carrel: this session is closed by local:{UID}: enough", err)
        self.assertEqual(self.verify()["exit"], 0)

    def test_close_without_haste_says_on_all_of_them_who_and_why(self):
        process = self.running("echo there; cat")
        second = self.attached("echo here; cat")
        self.carrel("close", "last", "--reason", "enough")
        code, _, err = self.finish(process)
        self.assertEqual((code, "goes on" in err), (125, False), err)
        self.assertEqual(self.finish(second)[0], 125)
        [ended] = [data for kind, _, data in self.terminals() if kind == "terminal.ended"]
        self.assertEqual(ended, {"by": "person", "code": 125})
        self.assertEqual(self.verify()["exit"], 0)

    def test_a_client_that_goes_with_much_unread_input_is_noticed(self):
        process = self.running("echo there; read x; exit 7")
        second = self.attached("echo here; exec sleep 1000")
        os.set_blocking(second.stdin.fileno(), False)
        try:
            while True:
                os.write(second.stdin.fileno(), b"x" * 65536)
                time.sleep(0.01)
        except BlockingIOError:
            pass
        second.kill()
        self.wait_until(lambda: [kind for kind, _, _ in self.terminals() if kind == "terminal.ended"], 25, "it is ended")
        self.assertEqual(self.finish(process, b"\n")[0], 7)

    def test_a_first_client_leaves_though_it_still_types(self):
        process = self.popen("/bin/bash", "-c", f"while sleep 0.2; do echo y; done | {CARREL} open --profile {self.profile} -- "
                             "/bin/bash -c 'echo there; sleep 2; echo last words'",
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.reap, process)
        self.assertEqual(process.stdout.readline(), b"there\n", self.logs())
        second = self.attached("echo here; read x")
        self.assertEqual(process.stdout.readline(), b"last words\n")
        self.assertEqual(process.wait(20), 0)
        self.assertIsNone(second.poll())
        self.assertEqual(self.finish(second, b"\n")[0], 0)

    def test_all_output_of_an_attached_command_comes_and_is_recorded(self):
        process = self.running()
        out, _ = self.attach("head -c 3000000 /dev/urandom")
        self.assertEqual(len(out), 3000000)
        self.finish(process)
        self.assertEqual(self.output_of("2", "stdout"), out)

    def test_what_cannot_start_says_why(self):
        process = self.running()
        done = self.carrel("attach", "--", "/no/such/program", code=123)
        self.assertIn(b"start /no/such/program: ENOENT", done.stderr)
        done = self.carrel("attach", "--", "x" * 100000, code=123)
        self.assertIn(b"longer than an attached one may be (64 KiB)", done.stderr)
        self.assertEqual(self.attach("echo still")[0], b"still\n")
        self.finish(process)
        done = self.carrel("attach", code=121)
        self.assertIn(b"no session last runs", done.stderr)
        self.carrel("attach", "01no", code=121)
        self.carrel("attach", "--timeout", "1h", code=120)

    def test_as_many_as_there_is_room_for(self):
        process = self.running()
        many = [self.attached("echo here; cat") for _ in range(32)]
        out, err = self.attach("true", code=123)
        self.assertIn("this session has 32 further terminals already; close one of them", err)
        self.wait_until(lambda: json.loads(self.carrel("status", "--json").stdout)["attached"] == 32, 10, "all are told about")
        for each in many:
            each.stdin.close()
        for each in many:
            self.assertEqual(each.wait(20), 0)
            each.stdin = None
        self.assertEqual(self.attach("echo again")[0], b"again\n")
        self.finish(process)

    @needs_groups("an ordinary user has no control group that could be frozen")
    def test_nothing_attaches_to_a_paused_session(self):
        process = self.running()
        self.carrel("pause", "last", "--reason", "a question")
        _, err = self.attach("true", code=121)
        self.assertIn(f"is paused by local:{UID}: nothing runs in it until somebody who may says `carrel resume", err)
        self.carrel("resume", "last", "--reason", "answered")
        self.attach("true")
        self.finish(process)

    def test_typing_anywhere_is_work(self):
        text = self.profile.read_text()
        self.profile.write_text(text + ("" if "[session]" in text else "[session]\n"))
        self.profile.write_text(self.profile.read_text().replace("[session]\n", '[session]\nidle_timeout = "4s"\n', 1))
        process = self.running("echo there; sleep 1000")
        second = self.attached("echo here; cat > /dev/null")
        until = time.monotonic() + 7
        while time.monotonic() < until:
            second.stdin.write(b"x")
            second.stdin.flush()
            time.sleep(0.5)
        self.assertEqual(self.sessions()[0]["state"], "running")
        self.assertEqual(self.finish(process)[0], 124)


if __name__ == "__main__":
    unittest.main()
