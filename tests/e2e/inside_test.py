"""`carrel` inside a workspace: why something is denied, and what the session knows of itself."""
import os
import subprocess
import unittest

from carrel_case import CARREL, ROOTLESS, Case


class Inside(Case):
    def ask(self, *words, before="", code=0):
        """What one command inside gives: its exit code, stdout and stderr."""
        quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
        done = self.sh(f"{before} carrel {quoted}; echo =$?")
        out, _, status = done.out.decode().rpartition("=")
        self.assertEqual(int(status), code, (out, done.err))
        return out, done.err.decode()

    def test_a_path_is_explained_before_anyone_touches_it(self):
        out, _ = self.ask("why", "web/src/main.c")
        self.assertIn("carrel: /workspaces/app/web/src/main.c\n", out)
        self.assertRegex(out, r"change +allowed: .*\(repository\.app\.write\.web/src, .*fix\.toml line \d+\)")
        out, _ = self.ask("why", "docs/guide.md", code=2)
        self.assertRegex(out, r"read +allowed: ")
        self.assertRegex(out, r'change +denied: "docs" of repository "app" may be read but not changed')
        self.assertIn("Ask whoever grants task local/fix.", out)
        out, _ = self.ask("why", "billing/ledger.txt", code=2)
        self.assertRegex(out, r"read +denied: .*\(repository\.app, .*fix\.toml line \d+\)")
        self.ask("why", "web/src/secrets", code=2)
        self.ask("why", "/etc/shadow", code=2)
        self.ask("why", "/tmp/anything")
        out, _ = self.ask("why", "https://example.org/x", code=2)
        self.assertIn("(default:network)", out)
        self.assertEqual(self.show()["counts"].get("file", {}).get("denied", 0), 0)  # asking touches nothing
        self.assertEqual(self.sessions()[0]["denied"], 0)
        self.verify()

    def test_the_last_denials_are_listed_and_the_first_of_a_rule_is_said_at_once(self):
        out, _ = self.ask("why")
        self.assertEqual(out, "carrel: nothing was denied in this session\n")
        out, err = self.ask("why", before="cat billing/ledger.txt billing/first.txt /etc/shadow 2>/dev/null; sleep 0.5;")
        self.assertIn("carrel: 3 denied in this session", out)
        self.assertIn("file.open /workspaces/app/billing/ledger.txt ENOENT\n", out)
        self.assertIn("(default:host-files)", out)
        lines = [line for line in err.splitlines() if line.startswith("carrel: denied:")]
        self.assertEqual(len(lines), 2, err)  # one a rule
        self.assertRegex(lines[0], r"^carrel: denied: file\.open /workspaces/app/billing/ledger\.txt: .*"
                                   r"\(repository\.app, \S*fix\.toml line \d+\) Ask whoever grants task local/fix\. "
                                   r"`carrel why` tells more\.$")
        self.assertNotIn("\x1b", err)  # no terminal, nothing dim

    def test_on_a_terminal_the_line_is_dim(self):
        terminal = self.open_on_terminal("/bin/bash", "-c", "cat billing/ledger.txt; sleep 0.5; exit 3")
        self.assertEqual(terminal.wait(), 3)
        self.assertRegex(terminal.seen, rb"\x1b\[2mcarrel: denied: file\.open [^\x1b]*tells more\.\x1b\[22m")
        self.assertNotIn(b"denied", self.output())  # Carrel's own lines are none of the command's

    def test_the_line_begins_a_line_of_its_own(self):
        terminal = self.open_on_terminal("/bin/bash", "-c", "printf working; cat billing/ledger.txt 2>/dev/null; read go; echo done")
        terminal.expect(rb"working\r\n\x1b\[2mcarrel: denied: file\.open [^\n]*\r\n")
        terminal.type("\n")
        self.assertEqual(terminal.wait(), 0)

    def test_the_line_waits_while_an_editor_has_the_screen(self):
        edit = r"printf '\e[?1049hEDITOR'; cat billing/ledger.txt 2>/dev/null; sleep 1; printf 'SAVED\e[?1049l'; echo after"
        terminal = self.open_on_terminal("/bin/bash", "-c", edit)
        self.assertEqual(terminal.wait(), 0)
        self.assertRegex(terminal.seen, rb"(?s)EDITORSAVED\x1b\[\?1049l.*carrel: denied: file\.open")
        terminal = self.open_on_terminal("/bin/bash", "-c", edit.split("sleep")[0] + "sleep 1")  # it never gives it back
        self.assertEqual(terminal.wait(), 0)
        self.assertRegex(terminal.seen, rb"(?s)EDITOR.*carrel: denied: file\.open")

    def test_git_is_translated(self):
        script = ("message=$(git mv docs/guide.md web/src/guide.md 2>&1); echo \"$message\"; "
                  "carrel why \"$message\"; echo =$?; git rm -q -f --sparse docs/guide.md; sleep 0.5; carrel why")
        out = self.sh(script).out.decode()
        self.assertIn("carrel: /workspaces/app/docs/guide.md\n", out)
        self.assertIn("Git wanted to change this and may not.", out)
        self.assertIn("=2\n", out)
        self.assertIn("WHAT GIT PRINTED", out)

    def test_status_says_time_limits_record_and_assurance(self):
        out, _ = self.ask("status")
        session = self.sessions()[0]
        self.assertIn(f"carrel: session {session['session']}\n", out)
        self.assertRegex(out, r"task +local/fix, profile fix version 1\n")
        self.assertRegex(out, r"time +\d+s since the beginning, no limit\n")
        if not ROOTLESS:  # else there is no control group that counts
            self.assertRegex(out, r"memory +[0-9.]+ [KMG]iB of 4 GiB\n")
            self.assertRegex(out, r"processes +\d+ of 512\n")
        self.assertRegex(out, r"tmpfs +[0-9.]+ [KMGi]*B of 1 GiB in /tmp\n")
        self.assertIn("no keystrokes", out)
        for guarantee in self.show()["assurance"]:
            self.assertEqual(f"{guarantee['id']}: " in out, not guarantee["given"], guarantee)
        done = self.sh("carrel status", options=["--timeout", "1h"])
        self.assertRegex(done.out.decode(), r"time +\d+s since the beginning\n  ends +in \d+m \d+s \(max_duration\)\n")

    def test_what_is_not_built_or_not_known_says_so(self):
        _, err = self.ask("submit", code=1)
        self.assertIn("carrel: submit: not supported yet", err)
        _, err = self.ask("open", code=1)
        self.assertIn("not known inside a workspace", err)
        self.ask("why", "a", "b", code=1)
        self.ask("why", "fatal: nobody knows this", code=1)

    def test_outside_it_says_that_this_is_no_workspace(self):
        program = os.path.join(os.path.dirname(CARREL), "../libexec/carrel/carrel-inside")
        done = subprocess.run([program, "why"], capture_output=True)
        self.assertEqual((done.returncode, done.stderr), (1, b"carrel: this is no workspace of carrel's\n"))

    def test_it_is_the_program_that_is_found_in_a_shell_of_any_kind(self):
        out = self.sh("type -p carrel; bash -lc 'type -p carrel'; ls -l $(type -p carrel); echo x > $(type -p carrel) || true").out.decode()
        self.assertEqual(out.count("/run/carrel/bin/carrel"), 3)


if __name__ == "__main__":
    unittest.main()
