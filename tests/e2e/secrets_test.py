"""Credentials that are made from the admin's secrets: inside while the session lives, new where the secret is
new, refused where somebody else could have read or written it."""
import contextlib
import os
import pathlib
import re
import signal
import threading
import unittest

from carrel_case import PROFILE, Case, UID, give, needs

SECRET = "hunter2-first-5a1c"
SECOND = "hunter2-second-9f03"

SECRET_PROFILE = PROFILE.replace("""\
name = "ci"
kind = "jwt"
audience = "https://ci.example.org"
""", """\
name = "deploy"
kind = "file"
from = "secret:deploy-token"
ttl = "4s"
""")


class Secrets(Case):
    def setUp(self):
        super().setUp()
        self.profile.write_text(SECRET_PROFILE)
        self.secrets = self.state / "secrets"
        # As an admin does who lays secrets down before anything has run.
        self.secrets.mkdir(parents=True)
        give(self.state)

    def put(self, text, name="deploy-token", mode=0o600, uid=UID):
        """As an admin replaces a secret: whole or not at all."""
        new = self.secrets / ".new"
        new.write_text(text)
        new.chmod(mode)
        os.chown(new, uid, uid)
        new.rename(self.secrets / name)

    def actions(self):
        return [event["type"].split(".")[1] for event in self.events("last", "--kind", "credential")]

    def test_a_secret_is_a_file_inside_and_changes_with_its_renewal(self):
        self.put(SECRET + "\n")
        terminal = self.open_on_terminal("/bin/bash", "--norc")
        terminal.expect(r"\$ ")
        terminal.type("cd /run/carrel/credentials/deploy; ls -A; cat secret; echo; stat -c %a secret\n")
        terminal.expect(r"\rsecret\r\n" + SECRET + r"\r\n644\r\n")
        self.assertEqual(self.secrets.stat().st_mode & 0o7777, 0o700)
        self.put(SECOND)
        terminal.type("until grep -q second secret; do sleep 0.1; done; cat secret; echo ' is'' new'\n")
        terminal.expect(SECOND + " is new")
        terminal.type("exit 7\n")
        self.assertEqual(terminal.wait(), 7)
        actions = self.actions()
        self.assertEqual((actions[0], actions[1], actions[-1]), ("issued", "renewed", "ended"), actions)
        [lease] = {(c["name"], c["kind"]) for c in self.show()["credentials"]}
        self.assertEqual(lease, ("deploy", "file"))
        log = (self.state / "run/broker.log").read_text()
        self.assertRegex(log, r" secrets\.given from=secret:deploy-token\n")
        self.assertNotIn("hunter2", log + (self.state / "run/launcher.log").read_text())
        self.verify()

    def test_nothing_of_a_secret_stays(self):
        self.put(SECRET)
        opened = self.sh("wc -c < /run/carrel/credentials/deploy/secret")
        self.assertEqual(opened.out.decode().strip(), str(len(SECRET)))
        self.assertEqual(self.actions()[-1], "ended")
        kept = [path for path in [*self.state.iterdir(), *(self.state / "run").iterdir(), *self.record(opened.session).rglob("*")]
                if path.is_file()]
        self.assertGreater(len(kept), 6)
        self.assertEqual([str(path) for path in kept if SECRET.encode() in path.read_bytes()], [])

    def refused(self, words):
        opened = self.sh("true", code=123)
        self.assertEqual(opened.end["by"], "setup")
        self.assertIn(words, opened.end["error"])
        self.assertIn(words, re.sub(r"\s+", " ", opened.err.decode()))
        return opened

    def test_a_session_does_not_begin_without_its_secret(self):
        self.refused("credential deploy: secret:deploy-token: there is no file deploy-token in secrets/ of the state folder: "
                     "the admin has to put the secret there (mode 0600)")
        self.put(SECRET)
        self.sh("true")  # no restart
        self.put(SECRET, mode=0o640)
        self.refused("the file deploy-token in secrets/ of the state folder has mode 0640, not 0400 or 0600")
        (self.secrets / "deploy-token").unlink()
        self.put(SECRET, "other")
        os.symlink("other", self.secrets / "deploy-token")
        self.refused("is a symbolic link")
        (self.secrets / "deploy-token").unlink()
        self.put("")
        self.refused("is empty")
        self.put("sourcs = []", "secrets.toml")
        self.refused('secrets.toml:1:1: unknown key "sourcs"')

    @needs("recorder-separate", "an ordinary user can give no file away")
    def test_another_owners_file_is_refused(self):
        self.put(SECRET, uid=12345)
        self.refused("cannot be read by its folder's owner: chown it to them")

    def test_a_session_ends_with_a_lease_that_cannot_be_renewed(self):
        self.put(SECRET)
        terminal = self.open_on_terminal("/bin/bash", "--norc")
        terminal.expect(r"\$ ")
        (self.secrets / "deploy-token").unlink()
        self.assertEqual(terminal.wait(), 124)
        self.assertRegex(terminal.seen.decode(),
                         r"credential deploy has ended and could not be renewed: secret:deploy-token: there is no file")
        self.assertEqual(self.actions()[-1], "ended")
        self.verify()

    def test_what_reads_secrets_holds_nothing_else_and_goes_with_its_broker(self):
        self.put(SECRET)
        terminal = self.open_on_terminal("/bin/bash", "--norc")
        terminal.expect(r"\$ ")
        [pid] = self.processes("carrel-secrets")
        status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
                      if ":\t" in line)
        self.assertEqual(status["Uid"].split()[0], str(UID))
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[name], 16), 0, name)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        self.assertEqual(os.stat(f"/proc/{pid}/root").st_ino, self.secrets.stat().st_ino)
        held = sorted(os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))
        self.assertEqual([name for name in held if not name.startswith("socket:")],
                         ["/dev/null"] * 3 + [str(self.state / "run/broker.log"), str(self.secrets)])
        terminal.type("exit\n")
        terminal.wait()
        self.stop()
        self.assertFalse(os.path.exists(f"/proc/{pid}"))

    def test_what_reads_secrets_is_started_again(self):
        self.put(SECRET)
        terminal = self.open_on_terminal("/bin/bash", "--norc")
        terminal.expect(r"\$ ")
        [pid] = self.processes("carrel-secrets")
        os.kill(pid, signal.SIGKILL)
        self.wait_until(lambda: [each for each in self.processes("carrel-secrets") if each != pid], what="another carrel-secrets")
        self.put(SECOND)
        terminal.type("cd /run/carrel/credentials/deploy; until grep -q second secret; do sleep 0.1; done; cat secret; echo ' is'' new'\n")
        terminal.expect(SECOND + " is new")
        self.open("/bin/true", profile=self.another_profile())  # a question of a session that begins
        terminal.type("exit 7\n")
        self.assertEqual(terminal.wait(), 7)
        self.assertRegex((self.state / "run/launcher.log").read_text(),
                         r'secrets\.lost how="signal 9" again_ms=0\n(.*\n)*.*secrets\.restarted\n')
        self.assertRegex((self.state / "run/broker.log").read_text(), r"secrets\.gone why=.*\n(.*\n)*.*secrets\.back\n")

    def test_without_what_reads_secrets_there_are_none_and_all_else_goes_on(self):
        self.put(SECRET)
        terminal = self.open_on_terminal("/bin/bash", "--norc")
        terminal.expect(r"\$ ")
        # Killed as often as it is started again, which takes longer each time.
        over = threading.Event()

        def kill():
            while not over.wait(0.05):
                for pid in self.processes("carrel-secrets"):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
        killer = threading.Thread(target=kill)
        killer.start()
        try:
            self.assertEqual(terminal.wait(60), 124)
            self.assertIn(b"carrel-secrets does not run", terminal.seen)
            self.refused("credential deploy: carrel-secrets does not run")
            other = self.folder / "other.toml"
            other.write_text(PROFILE.replace('profile = "fix"', 'profile = "other"'))
            self.open("/bin/true", profile=other)
        finally:
            over.set()
            killer.join()
        waits = re.findall(r"secrets\.lost how=\"signal 9\" again_ms=(\d+)\n", (self.state / "run/launcher.log").read_text())
        self.assertEqual(waits[:3], ["0", "1000", "2000"])


if __name__ == "__main__":
    unittest.main()
