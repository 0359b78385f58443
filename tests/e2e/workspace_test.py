"""Tasks and their workspaces, from session to session."""
import signal
import os
import subprocess
import unittest

from carrel_case import AS_USER, CARREL, Case, alive


class Workspaces(Case):
    def spawn(self, *command, profile=None):
        process = subprocess.Popen([CARREL, "open", "--profile", str(profile or self.profile), "--", *command],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=self.environment(), **AS_USER)
        self.addCleanup(self.reap, process)
        return process

    def reap(self, process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def end_services(self):
        launcher, broker = self.service_pid(), self.broker_pid()
        os.kill(launcher, signal.SIGTERM)
        self.wait_until(lambda: not alive(launcher) and not alive(broker), 30, "the services end")

    def test_a_task_keeps_its_workspace_from_session_to_session(self):
        first = self.open("/bin/true")
        second = self.open("/bin/true")
        self.assertEqual(first.started["task"], "local/fix")
        self.assertNotEqual(first.session, second.session)
        self.assertEqual(first.started["workspace"], second.started["workspace"])
        other = self.open("/bin/true", profile=self.another_profile())
        self.assertEqual(other.started["task"], "local/other")
        self.assertNotEqual(other.started["workspace"], first.started["workspace"])
        # A profile may change between sessions: each records its own.
        self.profile.write_text(self.profile.read_text().replace("version = 1", "version = 2"))
        third = self.open("/bin/true")
        self.assertEqual(third.started["workspace"], first.started["workspace"])
        self.assertNotEqual(third.started["profile_sha256"], first.started["profile_sha256"])
        self.assertEqual([row["profile_version"] for row in self.sessions()], [2, 1, 1, 1])

    def test_of_two_openings_at_once_the_second_attaches(self):
        self.open("/bin/true", profile=self.another_profile())  # the services run
        both = [self.spawn("/bin/sh", "-c", "echo there; read x; exit 3") for _ in range(2)]
        for process in both:
            self.assertEqual(process.stdout.readline(), b"there\n")
        self.assertEqual([row["state"] for row in self.sessions()].count("running"), 1)
        for process in both:
            process.communicate(b"\n", timeout=30)
            self.assertEqual(process.returncode, 3)

    def test_a_lost_catalogue_finds_workspaces_again(self):
        first = self.open("/bin/true")
        self.end_services()
        for path in self.state.glob("catalogue.sqlite*"):
            path.unlink()
        second = self.open("/bin/true")
        self.assertEqual(second.started["workspace"], first.started["workspace"])
        self.assertIn("catalogue.adopted workspaces=1", self.logs())
        self.assertEqual([row["workspace"] for row in self.sessions()], [first.started["workspace"]] * 2)


if __name__ == "__main__":
    unittest.main()
