"""A profile that extends others: what is opened is what all of them say, and every rule tells its file."""
import unittest

import carrel_case
from carrel_case import PROFILE, Case

COMMON = """\
summary = "What our tasks have in common."
[session]
max_duration = "2h"
[[repository]]
name = "app"
never = ["docs/internal"]
"""


class Extends(Case):
    def setUp(self):
        super().setUp()
        (self.folder / "common.toml").write_text(COMMON)
        head, rest = PROFILE.split("[purpose]", 1)
        self.text = head + 'extends = ["base/contractor", "./common.toml"]\n[purpose]' + rest
        self.profile.write_text(self.text)

    def test_a_session_has_the_rules_of_all_with_their_files(self):
        self.assertEqual(self.sh("cat docs/guide.md > /dev/null; ls /workspaces/app/docs").code, 0)
        opened = [event for event in self.events() if event["type"] == "recorder.open"][0]["data"]
        rules = {rule["id"]: rule for rule in opened["rules"]}
        self.assertEqual(rules["session.max_duration"]["file"], str(self.folder / "common.toml"))
        self.assertEqual(rules["session.max_duration"]["line"], 3)
        self.assertEqual(rules["repository.app.never.docs/internal"]["file"], str(self.folder / "common.toml"))
        self.assertEqual(rules["repository.app.write.web/src"]["file"], str(self.profile))
        self.assertIn("2h", rules["session.max_duration"]["words"])
        self.assertEqual(self.verify()["exit"], 0)

    def refused(self, *words):
        opened = self.open("/bin/true", code=120)
        for word in words:
            self.assertIn(word, opened.err.decode())
        self.assertEqual((opened.end["by"], opened.end["code"]), ("setup", 120))

    def test_a_child_that_would_widen_is_refused(self):
        wide = self.text + '[session]\nmax_duration = "9h"\n'
        self.profile.write_text(wide)
        self.refused("lets a session last 9h", "./common.toml", "[[widen]]")
        self.profile.write_text(wide + '[[widen]]\nof = "./common.toml:session.max_duration"\nreason = "a long build"\n'
                                'approved_by = "lena"\n')
        self.open("/bin/true")

    def test_a_task_keeps_what_its_profile_extends(self):
        self.carrel("task", "create", "later", "--profile", str(self.profile), "--person", f"local:{carrel_case.UID}")
        (self.folder / "common.toml").write_text(COMMON.replace('"2h"', '"9h"'))
        self.carrel("open", "later", "--", "/bin/true")
        opened = [event for event in self.events() if event["type"] == "recorder.open"][0]["data"]
        rules = {rule["id"]: rule for rule in opened["rules"]}
        self.assertIn("2h", rules["session.max_duration"]["words"])
        self.assertEqual(rules["session.max_duration"]["file"], str(self.folder / "common.toml"))
        (self.folder / "common.toml").unlink()
        self.carrel("open", "later", "--", "/bin/true")
        self.assertEqual(len({row["profile_sha256"] for row in self.sessions()}), 1)

    def test_a_task_of_what_is_not_there_is_not_created(self):
        (self.folder / "common.toml").unlink()
        done = self.carrel("task", "create", "later", "--profile", str(self.profile), "--person", f"local:{carrel_case.UID}", code=1)
        self.assertIn(b"./common.toml", done.stderr)
        self.assertEqual(self.carrel("task", "list").stdout.count(b"later"), 0)

    def test_a_parent_outside_the_folder_is_refused(self):
        (self.folder / "common.toml").rename(self.folder / "other.toml")
        (self.folder / "common.toml").symlink_to("other.toml")
        self.refused("./common.toml", "ELOOP")
        self.profile.write_text(self.text.replace("./common.toml", "../common.toml"))
        self.refused("is no profile to extend")
        self.profile.write_text(self.text.replace("./common.toml", "base/absent"))
        self.refused("base/absent", "ENOENT")


if __name__ == "__main__":
    unittest.main()
