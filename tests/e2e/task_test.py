"""Tasks: created, opened by name, shown, ended."""
import hashlib
import datetime
import json
import os
import signal
import subprocess
import time
import unittest

from carrel_case import AS_USER, CARREL, ROOTLESS, Case, UID, alive, needs


OWN = f"local:{UID}" if UID else "root"  # a user's name will do

class Tasks(Case):
    def create(self, *options, name="mend", code=0, profile=None):
        return self.carrel("task", "create", name, "--profile", str(profile or self.profile), *options, code=code)

    def open_task(self, name, *command, code=0, options=()):
        done = subprocess.run([CARREL, "open", name, *options, "--", *command], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=90, env=self.environment(), **AS_USER)
        self.assertEqual(done.returncode, code, done.stderr.decode() + self.logs())
        return done

    def task(self, name="mend"):
        return json.loads(self.carrel("task", "show", name, "--json").stdout)

    def test_a_task_is_opened_by_its_name_with_the_profile_it_keeps(self):
        page = self.create("--person", OWN, "--person", "local:4321", "--for", "8h").stdout.decode()
        self.assertRegex(page, r"^task local/mend open\n")
        self.profile.write_text("it has its own by now")
        done = self.open_task("mend", "/bin/sh", "-c", "pwd; ls")
        self.assertEqual(done.stdout, b"/workspaces/app\ndocs\npackage.json\nweb\n")
        shown = self.task()
        self.assertEqual((shown["v"], shown["task"], shown["state"], shown["people"], shown["own_profile"], shown["end"]),
                         (1, "local/mend", "open", [f"local:{UID}", "local:4321"], True, None))
        self.assertIn(f"carrel: task local/mend, profile sha256 {shown['profile_sha256']}\n", done.stderr.decode())
        row = self.sessions()[0]
        self.assertEqual((row["task"], row["profile"], row["profile_sha256"]), ("local/mend", "fix", shown["profile_sha256"]))
        self.assertEqual([workspace["workspace"] for workspace in shown["workspaces"]], [row["workspace"]])
        self.assertEqual(self.events()[0]["data"]["task"], "local/mend")
        [listed] = json.loads(self.carrel("task", "list", "--json").stdout)
        self.assertEqual(listed, shown)
        self.assertRegex(self.carrel("task", "list").stdout.decode(), r"\nlocal/mend +open +fix +1 ")

    def test_what_is_not_given_is_not_opened(self):
        self.create("--person", "local:4321")
        done = self.open_task("mend", "/bin/true", code=121)
        self.assertIn(f"task local/mend is not given to local:{UID}: ask local:{UID}", done.stderr.decode())
        self.assertIn(b"no task local/absent", self.open_task("absent", "/bin/true", code=121).stderr)
        self.create("--person", OWN, code=1)  # the name is taken
        self.create("--person", "nobody-at-all", name="other", code=1)
        self.create("--person", OWN, "--until", "2020-01-01", name="other", code=1)
        self.create("--person", OWN, "--until", "2031-02-31", name="other", code=1)
        self.carrel("task", "show", "other", code=2)
        self.open_task("mend", "/bin/true", options=["--profile", str(self.profile)], code=120)

    def test_a_task_ends_its_sessions_with_its_time(self):
        self.create("--person", OWN, "--for", "9s")
        begin = time.monotonic()
        process = subprocess.Popen([CARREL, "open", "mend", "--", "/bin/sh", "-c", "echo there; exec sleep 100"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment(), **AS_USER)
        self.assertEqual(process.stdout.readline(), b"there\n")
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 124, err)
        self.assertRegex(err.decode(), r"time is over \(task until 20..-..-..T..:..:..Z\)")
        self.assertEqual([event["data"] for event in self.events("last", "--kind", "policy")], [{"limit": "task", "left_s": 0}])
        self.assertLess(time.monotonic() - begin, 40)  # not the minutes of another limit
        self.assertIn(b"was given until", self.open_task("mend", "/bin/true", code=121).stderr)

    def test_the_end_of_a_task_closes_its_sessions_and_keeps_what_was_worked_on(self):
        self.create("--person", OWN)
        self.open_task("mend", "/bin/sh", "-c", "echo x >> web/src/main.c; echo y > web/src/new")
        process = subprocess.Popen([CARREL, "open", "mend", "--", "/bin/sh", "-c",
                                    "echo x >> web/src/main.c; echo y > web/src/new; echo there; cat"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment(), **AS_USER)
        self.assertEqual(process.stdout.readline(), b"there\n")
        workspace = self.sessions()[0]["workspace"]
        self.carrel("task", "end", "mend", code=1)  # no reason
        out = self.carrel("task", "end", "mend", "--reason", "delivered").stdout.decode()
        self.assertRegex(out, r"^task local/mend has ended; 1 sessions were closed\n")
        self.assertIn(f"workspace {workspace} of local:{UID}: 2 changed paths in the record of its last session were not handed in\n", out)
        # What end promises holds when it returns.
        self.assertEqual(self.sessions()[0]["state"], "closed")
        _, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 125)
        self.assertIn(f"closed by local:{UID}: task ended: delivered".encode(), err)
        shown = self.task()
        self.assertEqual((shown["state"], shown["end"]["by"], shown["end"]["reason"]), ("ended", f"local:{UID}", "delivered"))
        self.assertEqual(shown["workspaces"][0]["state"], "ended")
        self.assertTrue((self.state / "workspaces" / workspace).exists())
        self.assertIn(f"was ended by local:{UID}".encode(), self.open_task("mend", "/bin/true", code=121).stderr)
        self.carrel("task", "end", "mend", "--reason", "again", code=1)

    def test_a_task_of_a_profile_begins_anew_after_its_end(self):
        first = self.open("/bin/true").started["workspace"]
        self.carrel("task", "end", "fix", "--reason", "done")
        second = self.open("/bin/true").started["workspace"]
        self.assertNotEqual(first, second)
        self.assertEqual({row["workspace"]: row["state"] for row in json.loads(self.carrel("list", "--json").stdout)},
                         {first: "ended", second: "closed"})

    # ---- agreements -----------------------------------------------------------------------------

    TEXT = "You keep it to yourself.\n\x1b[2J\n"

    def agreed_profile(self):
        """The agreement lies beside the profile; its SHA-256."""
        (self.folder / "agreements").mkdir()
        (self.folder / "agreements/nda.md").write_text(self.TEXT)
        self.profile.write_text(self.profile.read_text().replace(
            'statement = "Ticket FE-1"', 'statement = "Ticket FE-1"\nagreement = { file = "agreements/nda.md", version = 2 }'))
        return hashlib.sha256(self.TEXT.encode()).hexdigest()

    def agreed(self):
        return [event["data"] for event in self.events() if event["type"] == "policy.agreed"]

    def test_an_agreement_is_shown_and_accepted_once(self):
        digest = self.agreed_profile()
        terminal = self.open_on_terminal("/bin/echo", "inside")
        terminal.expect("You keep it to yourself")
        terminal.expect("SHA-256 of the text: " + digest)
        terminal.expect("type \"I agree\" to accept it")
        terminal.type("no\n")
        self.assertEqual(terminal.wait(), 121)
        self.assertNotIn(b"\x1b[2J", terminal.seen)
        self.assertNotIn(b"inside", terminal.seen)
        self.assertEqual(self.sessions(), [])
        terminal = self.open_on_terminal("/bin/echo", "inside")
        terminal.expect("to accept it")
        terminal.type("I agree\n")
        terminal.expect("inside")
        self.assertEqual(terminal.wait(), 0)
        [agreed] = self.agreed()
        self.assertEqual({name: agreed[name] for name in ("agreement", "version", "text_sha256", "how", "answer")},
                         {"agreement": "agreements/nda.md", "version": 2, "text_sha256": digest, "how": "typed", "answer": "I agree"})
        self.assertEqual(self.open("/bin/true").end["by"], "command")  # not asked again
        self.assertEqual(self.agreed(), [agreed])
        (self.folder / "agreements/nda.md").write_text("You keep it for ever.\n")
        self.assertIn("--accept-agreement", self.open("/bin/true", code=121).end["error"])

    def test_without_a_terminal_an_agreement_is_accepted_by_its_digest(self):
        digest = self.agreed_profile()
        refused = self.open("/bin/true", code=121)
        self.assertIn(f"--accept-agreement {digest}", refused.end["error"])
        self.open("/bin/true", code=121, options=["--accept-agreement", "0" * 64])
        self.open("/bin/true", options=["--accept-agreement", digest])
        self.assertEqual([(agreed["how"], agreed["answer"]) for agreed in self.agreed()], [("flag", "")])
        (self.folder / "agreements/nda.md").unlink()
        self.open("/bin/true", code=121)

    # ---- times ----------------------------------------------------------------------------------

    def with_session(self, lines):
        self.profile.write_text(self.profile.read_text() + "[session]\n" + lines + "\n")

    def test_outside_the_hours_nothing_opens(self):
        # A zone without summer time in which it is now some hour; the window is two hours long.
        hour = time.gmtime().tm_hour
        clock = lambda h: f"{h % 24:02d}:00"
        end_of = lambda h: clock(h) if h % 24 else "24:00"
        days = "mon-sun"
        self.with_session(f'hours = {{ days = "{days}", from = "{clock(hour + 5)}", to = "{end_of(hour + 7)}", zone = "UTC" }}')
        refused = self.open("/bin/true", code=121)
        self.assertRegex(refused.end["error"], r"^outside the hours of this task \(mon-sun \d\d:00-\d\d:00 UTC\); it opens next on "
                                               r"\w{3} 20\d\d-\d\d-\d\d " + clock(hour + 5) + r" UTC \(UTC\)$")
        self.assertEqual(self.sessions(), [])
        self.profile.write_text(self.profile.read_text().replace(f'from = "{clock(hour + 5)}", to = "{end_of(hour + 7)}"',
                                                                 f'from = "{clock(hour - 1)}", to = "{end_of(hour + 2)}"'))
        process = subprocess.Popen([CARREL, "open", "--profile", str(self.profile), "--", "/bin/sh", "-c", "echo there; cat"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment(), **AS_USER)
        self.assertEqual(process.stdout.readline(), b"there\n")
        [status] = [json.loads(line) for line in self.carrel("status", "--json").stdout.splitlines()]
        [end] = status["ends"]
        self.assertEqual(end["limit"], "hours")
        # A clock that goes on between two questions: the end is told from what is left.
        ends = datetime.datetime.fromisoformat(end["ends"][:19]) + datetime.timedelta(seconds=30)
        self.assertEqual(ends.strftime("%H:%M"), clock(hour + 2))
        process.communicate(timeout=30)

    @needs("disk-encrypted", "an ordinary user may mount no image")
    def test_an_ended_task_can_be_erased_key_first(self):
        self.create("--person", OWN, "--for", "8h")
        self.open_task("mend", "/bin/sh", "-c", "echo x > web/src/new")
        [workspace] = (self.state / "workspaces").iterdir()
        keys = self.state / "vault/workspaces.keys"
        self.assertIn(workspace.name.encode(), keys.read_bytes())
        out = self.carrel("task", "end", "mend", "--reason", "delivered", "--now").stdout.decode()
        self.assertIn(" is erased\n", out)
        self.assertFalse(workspace.exists())
        self.assertNotIn(workspace.name.encode(), keys.read_bytes())
        self.assertIn(f"workspace.erased workspace={workspace.name} how=key erased", self.logs())

    def test_the_work_of_an_ended_task_goes_when_its_time_is_over(self):
        def profile(name, kept):
            path = self.folder / f"{name}.toml"
            path.write_text(self.profile.read_text().replace('"fix"', f'"{name}"', 1) + (f'[retention]\nworkspace = "{kept}"\n' if kept else ""))
            return path
        places = {}
        for name, kept in (("short", "1s"), ("long", "2d"), ("usual", ""), ("open", "1s")):
            self.create("--person", OWN, name=name, profile=profile(name, kept))
            self.open_task(name, "/bin/sh", "-c", "echo x > web/src/new")
            places[name] = self.state / "workspaces" / self.sessions()[0]["workspace"]
            if name != "open":
                self.carrel("task", "end", name, "--reason", "delivered")
        time.sleep(1.5)
        self.assertTrue(all(place.exists() for place in places.values()))  # asked once an hour
        os.kill(self.service_pid(), signal.SIGTERM)
        self.wait_until(lambda: not alive(self.broker_pid()), 30, "the services end")
        self.open_task("open", "/bin/sh", "-c", "cat web/src/new")
        self.wait_until(lambda: not places["short"].exists(), 10, "the work is erased")
        self.wait_until(lambda: f"workspace.erased workspace={places['short'].name} task=local/short how=" in self.logs(), what="it is recorded")
        how = "folder removed" if ROOTLESS else "key erased"
        self.assertIn(f"workspace.erased workspace={places['short'].name} how={how}", self.logs())
        for name in ("long", "usual", "open"):
            self.assertTrue(places[name].exists(), name)
        if not ROOTLESS:
            keys = (self.state / "vault/workspaces.keys").read_bytes()
            self.assertEqual([name for name, place in places.items() if place.name.encode() in keys], ["long", "usual", "open"])

    def test_a_zone_that_this_host_does_not_know_opens_nothing(self):
        self.with_session('hours = { days = "mon-sun", from = "00:00", to = "24:00", zone = "Europe/Atlantis" }')
        self.assertIn("not in this host's database", self.open("/bin/true", code=122).end["error"])

    def test_a_session_in_which_nobody_types_ends(self):
        self.with_session('idle_timeout = "5s"')
        ended = self.sh("while :; do echo busy; sleep 0.1; done", code=124)
        self.assertEqual((ended.end["by"], ended.end["error"]), ("policy", "time is over (idle_timeout 5s, nothing was typed)"))
        self.assertEqual([event["data"] for event in self.events("last", "--kind", "policy")], [{"limit": "idle_timeout", "left_s": 0}])
        self.assertEqual(json.loads(self.carrel("verify", "last", "--json").stdout)["exit"], 0)


if __name__ == "__main__":
    unittest.main()
