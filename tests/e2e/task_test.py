"""Tasks: created, opened by name, shown, ended."""
import json
import os
import subprocess
import time
import unittest

from carrel_case import CARREL, Case


class Tasks(Case):
    def create(self, *options, name="mend", code=0, profile=None):
        return self.carrel("task", "create", name, "--profile", str(profile or self.profile), *options, code=code)

    def open_task(self, name, *command, code=0, options=()):
        done = subprocess.run([CARREL, "open", name, *options, "--", *command], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=90, env=self.environment())
        self.assertEqual(done.returncode, code, done.stderr.decode() + self.logs())
        return done

    def task(self, name="mend"):
        return json.loads(self.carrel("task", "show", name, "--json").stdout)

    def test_a_task_is_opened_by_its_name_with_the_profile_it_keeps(self):
        page = self.create("--person", "root", "--person", "local:4321", "--for", "8h").stdout.decode()
        self.assertRegex(page, r"^task local/mend open\n")
        self.profile.write_text("it has its own by now")
        done = self.open_task("mend", "/bin/sh", "-c", "pwd; ls")
        self.assertEqual(done.stdout, b"/workspaces/app\ndocs\npackage.json\nweb\n")
        shown = self.task()
        self.assertEqual((shown["v"], shown["task"], shown["state"], shown["people"], shown["own_profile"], shown["end"]),
                         (1, "local/mend", "open", ["local:0", "local:4321"], True, None))
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
        self.assertIn(b"task local/mend is not given to local:0: ask local:0", done.stderr)
        self.assertIn(b"no task local/absent", self.open_task("absent", "/bin/true", code=121).stderr)
        self.create("--person", "root", code=1)  # the name is taken
        self.create("--person", "nobody-at-all", name="other", code=1)
        self.create("--person", "root", "--until", "2020-01-01", name="other", code=1)
        self.create("--person", "root", "--until", "2031-02-31", name="other", code=1)
        self.carrel("task", "show", "other", code=2)
        self.open_task("mend", "/bin/true", options=["--profile", str(self.profile)], code=120)

    def test_a_task_ends_its_sessions_with_its_time(self):
        self.create("--person", "root", "--for", "9s")
        begin = time.monotonic()
        process = subprocess.Popen([CARREL, "open", "mend", "--", "/bin/sh", "-c", "echo there; exec sleep 100"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment())
        self.assertEqual(process.stdout.readline(), b"there\n")
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 124, err)
        self.assertRegex(err.decode(), r"time is over \(task until 20..-..-..T..:..:..Z\)")
        self.assertEqual([event["data"] for event in self.events("last", "--kind", "policy")], [{"limit": "task", "left_s": 0}])
        self.assertLess(time.monotonic() - begin, 40)  # not the minutes of another limit
        self.assertIn(b"was given until", self.open_task("mend", "/bin/true", code=121).stderr)

    def test_the_end_of_a_task_closes_its_sessions_and_keeps_what_was_worked_on(self):
        self.create("--person", "root")
        self.open_task("mend", "/bin/sh", "-c", "echo x >> web/src/main.c; echo y > web/src/new")
        process = subprocess.Popen([CARREL, "open", "mend", "--", "/bin/sh", "-c",
                                    "echo x >> web/src/main.c; echo y > web/src/new; echo there; cat"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment())
        self.assertEqual(process.stdout.readline(), b"there\n")
        workspace = self.sessions()[0]["workspace"]
        self.carrel("task", "end", "mend", code=1)  # no reason
        out = self.carrel("task", "end", "mend", "--reason", "delivered").stdout.decode()
        self.assertRegex(out, r"^task local/mend has ended; 1 sessions were closed\n")
        self.assertIn(f"workspace {workspace} of local:0: 2 changed paths in the record of its last session were not handed in\n", out)
        # What end promises holds when it returns.
        self.assertEqual(self.sessions()[0]["state"], "closed")
        _, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 125)
        self.assertIn(b"closed by local:0: task ended: delivered", err)
        shown = self.task()
        self.assertEqual((shown["state"], shown["end"]["by"], shown["end"]["reason"]), ("ended", "local:0", "delivered"))
        self.assertEqual(shown["workspaces"][0]["state"], "ended")
        self.assertTrue((self.state / "workspaces" / workspace).exists())
        self.assertIn(b"was ended by local:0", self.open_task("mend", "/bin/true", code=121).stderr)
        self.carrel("task", "end", "mend", "--reason", "again", code=1)

    def test_a_task_of_a_profile_begins_anew_after_its_end(self):
        first = self.open("/bin/true").started["workspace"]
        self.carrel("task", "end", "fix", "--reason", "done")
        second = self.open("/bin/true").started["workspace"]
        self.assertNotEqual(first, second)
        self.assertEqual({row["workspace"]: row["state"] for row in json.loads(self.carrel("list", "--json").stdout)},
                         {first: "ended", second: "closed"})


if __name__ == "__main__":
    unittest.main()
