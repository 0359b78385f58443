"""What goes wrong before a session: one clear message, the right code, nothing half-made left."""
import json
import os
import pathlib
import stat
import subprocess
import unittest

import carrel_case
from carrel_case import AS_USER, CARREL, PROFILE, ROOTLESS, Case, git


class Errors(Case):
    def refused(self, code, words, profile_text=None, **options):
        """Opens; asserts code, one sentence with the words, and that no workspace is left."""
        if profile_text is not None:
            self.profile.write_text(profile_text)
        opened = self.open("/bin/true", code=code, **options)
        text = opened.err.decode()
        for word in words if isinstance(words, tuple) else (words,):
            self.assertIn(word, text)
        self.assertTrue(text.startswith("carrel: "), text)
        self.assertEqual((opened.end["by"], opened.end["code"]), ("setup", code))
        self.assertIsNone(opened.session)
        self.assertEqual(opened.out, b"")
        workspaces = self.state / "workspaces"
        if workspaces.exists():
            self.assertEqual(list(workspaces.iterdir()), [])
        sessions = self.state / "sessions"
        if sessions.exists():
            self.assertEqual(list(sessions.iterdir()), [])
        return text

    def test_doctor_makes_what_a_way_out_takes(self):
        found = json.loads(self.carrel("doctor", "--json", code=None).stdout)["way_out"]
        self.assertEqual((found["given"], found["mends"]), (True, None), found)
        # The limit is that of the namespace which unshare makes, and goes with it.
        script = 'echo 0 > /proc/sys/user/max_net_namespaces && exec "$@"'
        done = subprocess.run(["unshare", "-Ur", "/bin/sh", "-c", script, "sh", CARREL, "doctor", "--json"], capture_output=True,
                              env=self.environment(), timeout=60, **AS_USER)
        found = json.loads(done.stdout)["way_out"]
        self.assertFalse(found["given"], found)
        self.assertIn("ENOSPC", found["why"])
        self.assertIn("nf_tables", found["mends"])

    def test_broken_toml(self):
        self.refused(120, ("fix.toml:2:", ), 'profile = "fix"\nversion = = 1\n')

    def test_an_unknown_key_names_the_nearest(self):
        self.refused(120, ("sumary", "summary", "fix.toml:3:1"), PROFILE.replace("summary", "sumary"))

    def test_a_key_that_is_not_built_is_refused_by_name(self):
        self.refused(120, ("retention.record", "not supported yet"), PROFILE + '[retention]\nrecord = "2y"\n')

    def test_a_path_with_dots(self):
        self.refused(120, ("..", "fix.toml:"), PROFILE.replace('"docs"', '"docs/../billing"'))

    def test_a_missing_profile(self):
        self.profile.unlink()
        self.refused(121, "fix.toml")

    def test_a_missing_repository(self):
        self.refused(121, ("app", "nowhere"), PROFILE.replace('"company"', '"nowhere"'))

    def test_a_folder_that_is_no_repository(self):
        (self.folder / "plain").mkdir()
        self.refused(121, "app", PROFILE.replace('"company"', '"plain"'))

    def test_a_missing_ref(self):
        self.refused(121, ("app", "no-such-branch"), PROFILE.replace('ref = "main"', 'ref = "no-such-branch"'))

    def test_an_entry_that_the_ref_does_not_have(self):
        self.refused(121, ("app", "absent"), PROFILE.replace('"web/src"', '"web/absent"'))

    def test_a_repository_of_sha256_objects(self):
        git(self.folder, "init", "-q", "--object-format=sha256", "-b", "main", "other")
        (self.folder / "other/docs").mkdir()
        (self.folder / "other/docs/x").write_text("x")
        git(self.folder / "other", "add", "-A")
        git(self.folder / "other", "commit", "-qm", "x")
        self.refused(121, ("SHA-256", "not supported yet"), PROFILE.replace('"company"', '"other"'))

    def test_an_unwritable_state_folder(self):
        (self.folder / "file").write_text("")
        self.state = self.folder / "file/state"
        opened = self.open("/bin/true", code=123)
        self.assertIn("state folder", opened.err.decode())
        self.assertEqual(opened.end["code"], 123)

    def test_full_assurance_is_refused_with_the_list(self):
        words = ("names-exact",)
        if ROOTLESS:
            words += ("disk-encrypted", "events-complete", "limits", "recorder-separate", "init-separate", "one uid")
        text = self.refused(122, words, PROFILE + '[session]\nassurance = "full"\n')
        self.assertNotIn("network-isolated", text)

    def test_a_command_that_is_not_there(self):
        opened = self.open("/no/such/program", code=123)
        self.assertIn("/no/such/program", opened.err.decode())
        self.assertEqual(self.sessions()[0]["end"], {"by": "setup", "code": 123})
        self.assertEqual(self.verify()["exit"], 0)

    def test_uid_zero_of_a_user_namespace_is_neither_root_nor_an_ordinary_user(self):
        done = subprocess.run(["unshare", "--user", "--map-root-user", CARREL, "open", "--profile", str(self.profile), "--",
                               "/bin/true"], capture_output=True, env=self.environment(), **AS_USER)
        self.assertEqual(done.returncode, 123, done.stderr)
        self.assertIn(b"as an ordinary user", done.stderr)
        self.assertEqual(self.open("/bin/true").end["by"], "command")  # positive control, as oneself

    def test_usage(self):
        for words, code in ((("open",), 120), (("open", "--profile"), 120), (("open", "--frofile", "x"), 120),
                            (("frobnicate",), 1), (("attach", "x"), 121), (("ssh-config",), 121), (("connect", "x"), 120), (("sync",), 120), (("task", "list"), 1), (("serve",), 1),
                            (("show", "abcd"), 2), (("verify", "zzzz"), 2), (("events",), 1)):
            done = self.carrel(*words, code=code)
            self.assertNotEqual(done.stderr, b"", words)
        self.assertIn(b"usage", self.carrel("--help").stdout)
        self.assertRegex(self.carrel("--version").stdout, b"carrel [0-9.]+")

    def test_the_state_is_closed_to_other_users(self):
        self.open("/bin/true")
        os.chmod(self.folder, 0o755)
        for path in ("sessions", "workspaces", "keys", "run", "run/broker.sock", "catalogue.sqlite"):
            done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "ls",
                                   str(self.state / path)], capture_output=True)
            self.assertIn(b"Permission denied", done.stderr, path)
        self.assertEqual(stat.S_IMODE(self.state.stat().st_mode), 0o700 if ROOTLESS else 0o1770)


if __name__ == "__main__":
    unittest.main()
