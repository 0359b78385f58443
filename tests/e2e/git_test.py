"""git in a workspace that lasts: read-only entries, and what is mended between sessions."""
import pathlib
import subprocess
import unittest

from carrel_case import Case, needs

GIT = "cd /workspaces/app && set -e\n"


class Git(Case):
    def work(self, script, **options):
        return self.open("/bin/sh", "-c", GIT + script, **options)

    def opened_files(self, session):
        """Paths of the working tree, outside .git, that were opened and are no folders."""
        events = [event for event in self.events(session) if event["type"] == "file.open"]
        inside = [event["data"]["path"] for event in events if event["data"]["path"].startswith("/workspaces/app/")]
        folders = {"/workspaces/app/" + name for name in ("docs", "docs/deep", "web", "web/src", "web/src/util")}
        return [path.rstrip("/") for path in inside if "/.git" not in path and path.rstrip("/") not in folders]

    def test_the_first_status_opens_no_tracked_file(self):
        first = self.work("git status --porcelain")
        self.assertEqual(first.out, b"")
        self.assertEqual(self.opened_files(first.session), [])
        # Positive control: a git that compares all of stat reads every file of the private copy.
        second = self.work("git -c core.checkStat=default status --porcelain")
        self.assertEqual(sorted(self.opened_files(second.session)),
                         ["/workspaces/app/web/src/" + name for name in ("main.c", "old.txt", "util/data.bin")])

    def test_a_status_in_a_kept_workspace_opens_no_tracked_file(self):
        self.work("echo 1 >> web/src/main.c; git commit -qam one; chmod 755 web/src/old.txt; git status --porcelain")
        second = self.work("git status --porcelain")
        self.assertEqual(second.out, b" M web/src/old.txt\n")
        # One that was changed in the second in which the index was written, git has to read.
        self.assertLessEqual(set(self.opened_files(second.session)), {"/workspaces/app/web/src/main.c"})

    @needs("disk-encrypted", "a plain folder is compared file by file")
    def test_opening_and_ending_open_no_file_that_was_not_touched(self):
        self.work("echo 1 >> web/src/main.c; git status --porcelain")
        self.work("true")  # finds the index of git right
        log = self.folder / "strace"
        tracer = subprocess.Popen(["strace", "-f", "-qq", "-e", "trace=open,openat,openat2", "-e", "signal=none", "-o", str(log),
                                   "-p", str(self.service_pid())])
        self.wait_until(lambda: "TracerPid:\t0" not in pathlib.Path(f"/proc/{self.service_pid()}/status").read_text(), 30,
                        "the launcher is traced")
        self.work("true")
        tracer.terminate()
        tracer.wait(timeout=30)
        opened = [line for line in log.read_text().splitlines() if "O_PATH" not in line and "O_DIRECTORY" not in line]
        names = [line.split('"')[1].rsplit("/", 1)[-1] for line in opened if '"' in line]
        self.assertIn("manifest", names)  # opening was traced
        self.assertNotIn("index", names)
        # The control: what was touched is read for the difference, and nothing else of the slice.
        tracked = {"main.c", "old.txt", "data.bin", "guide.md", "more.md", "package.json"}
        self.assertEqual(set(names) & tracked, {"main.c"})

    def test_work_goes_on_from_session_to_session(self):
        self.work("echo 1 >> web/src/main.c; git commit -qam one; git mv web/src web/source; git commit -qm moved; "
                  "echo u > web/untracked; git stash -qu")
        second = self.work("git stash pop -q; git status --porcelain; git log --format=%s -2; git show --stat --format= -M HEAD~1")
        self.assertIn(b"?? web/untracked\nmoved\none\n", second.out)
        self.assertNotIn(b"carrel: repository", second.err)

    def test_settings_are_mended_at_the_next_opening(self):
        self.work("git config user.name me; git sparse-checkout disable; git ls-files -t package.json | grep '^H'")
        second = self.work("git ls-files -t; git config core.sparseCheckout; git config user.name; git status --porcelain; "
                           "cat docs/guide.md")
        self.assertEqual(second.out.decode().splitlines(),
                         ["S docs/deep/more.md", "S docs/guide.md", "S package.json", "H web/src/main.c", "H web/src/old.txt",
                          "H web/src/util/data.bin", "true", "me", "how to"])
        self.assertNotIn(b"carrel: repository", second.err)

    def test_what_was_mended_once_is_mended_again(self):
        self.work("git status --porcelain; git sparse-checkout disable")
        self.work("git ls-files -t package.json | grep '^S'")
        self.work("git update-index --no-skip-worktree package.json; git ls-files -t package.json | grep '^H'")
        self.work("git ls-files -t package.json | grep '^S'")

    def test_what_cannot_be_mended_is_said_and_hinders_nothing(self):
        self.work("rm .git/config && mkfifo .git/config")
        second = self.work("echo there")
        self.assertEqual(second.out, b"there\n")
        self.assertIn(b"carrel: repository app: carrel-slicer: git may stumble over read-only entries: "
                      b".git/config: not a regular file\n", second.err)


if __name__ == "__main__":
    unittest.main()
