"""What is planted in the tree for those who look at it after the session: links, git, rights."""
import pathlib
import subprocess
import unittest

from carrel_case import git
from attack_case import AttackCase


class Tree(AttackCase):
    def kept(self, text):
        """The files of the record that hold a text."""
        folder = self.record(self.sessions()[0]["session"])
        return [path.name for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]

    def test_links_out_of_the_tree_are_never_followed(self):
        secret = self.folder / "host-secret"
        secret.write_text("host-secret-51d3f0aa\n")
        up = "../" * 12
        self.sh(f"""ln -s /etc/shadow web/src/shadow; ln -s {up}etc/shadow web/src/shadow2
rm web/src/main.c; ln -s {secret} web/src/main.c
rm -r web/src/util; ln -s {self.folder} web/src/util
mv docs docs2 2>/dev/null; ln -s / web/src/root""")
        changes = self.changes()
        root = "/workspaces/app/web/src/"
        self.assertEqual({path.removeprefix(root): data["change"] for path, data in changes.items()}, {
            "shadow": "added", "shadow2": "added", "main.c": "modified", "util": "added", "util/data.bin": "deleted", "root": "added"})
        self.assertEqual(changes[root + "shadow"]["after_bytes"], len("/etc/shadow"))
        for words in (("show", "last"), ("diff", "last"), ("show", "last", "--json")):
            out = self.carrel(*words).stdout
            self.assertNotIn(b"host-secret-51d3f0aa", out)
            self.assertNotIn(b"root:$", out)
        self.assertEqual(self.kept(b"host-secret-51d3f0aa"), [])
        self.assertEqual(self.kept(pathlib.Path("/etc/shadow").read_bytes()[:20]), [])

    def test_a_git_folder_that_is_gone_or_a_link_does_not_hold_up_the_end(self):
        self.sh("rm -rf .git")
        note = self.changes()["/workspaces/app/.git"]
        self.assertEqual(note["change"], "deleted")
        self.verify()
        self.sh("mv .git /tmp/x; ln -s /etc .git")
        self.assertIn("/workspaces/app/.git", self.changes())
        self.assertEqual(self.sessions()[0]["state"], "closed")

    def test_what_is_planted_for_git_runs_for_nobody(self):
        mark = self.folder / "ran"
        mark.mkdir(mode=0o777)
        mark.chmod(0o777)
        trap = self.folder / "trap"
        trap.write_text(f"#!/bin/sh\ntouch {mark}/$$\n")
        trap.chmod(0o755)
        hook = f"printf '#!/bin/sh\\ntouch {mark}/hook ~/ran\\n'"
        opened = self.sh(f"""mkdir -p .git/hooks
for h in pre-commit post-checkout post-index-change reference-transaction fsmonitor-watchman; do {hook} > .git/hooks/$h; chmod +x .git/hooks/$h; done
git config core.fsmonitor {trap}; git config diff.external {trap}; git config core.pager {trap}; git config core.sshCommand {trap}
git config filter.x.clean {trap}; git config filter.x.smudge {trap}; git config diff.x.textconv {trap}
echo '* filter=x diff=x' > web/src/.gitattributes; echo changed >> web/src/main.c
printf '[submodule "x"]\\npath=x\\nurl=ext::{trap}\\n' > web/src/.gitmodules
git status >/dev/null 2>&1; test -e ~/ran && echo ran""")
        self.assertEqual(opened.out, b"ran\n")  # positive control: git runs what is planted there
        for path in mark.iterdir():
            path.unlink()
        for words in (("show", "last"), ("diff", "last"), ("verify", "last"), ("events", "last"), ("sessions",), ("replay", "last", "--text")):
            self.carrel(*words, code=None)
        self.open("/bin/true")
        self.assertEqual(list(mark.iterdir()), [])
        self.assertEqual(opened.end["by"], "command")

    def test_rights_taken_away_hide_no_change(self):
        self.sh("echo x >> web/src/main.c; chmod 000 web/src/main.c; mkdir web/src/dark; echo y > web/src/dark/file; chmod 000 web/src/dark web/src/util")
        changes = self.changes()
        root = "/workspaces/app/web/src/"
        self.assertLessEqual({root + "main.c", root + "dark"}, set(changes))
        self.assertTrue(any(path.startswith(root + "util") for path in changes))
        self.assertIn("not readable", changes[root + "dark"]["note"])

    def test_names_of_every_kind_are_told_and_escaped(self):
        self.open("/usr/bin/python3", "-c", """
import os
for name in (b"new\\nline", b"\\x1b[31mred", b"\\xff\\xfe", b"tab\\there", b" ", b"-rf", b"\\xe2\\x80\\xae" + b"rtl", b"q\\"uote\\\\"):
    with open(b"web/src/" + name, "wb") as file: file.write(b"\\x1b]0;title\\x07 text\\n")""")
        added = [data for data in (event["data"] for event in self.events() if event["type"] == "file.changed")]
        self.assertEqual(len(added), 8)
        self.assertEqual(len([data for data in added if "path_b64" in data]), 1)
        for words in (("show", "last"), ("diff", "last"), ("events", "last")):
            out = self.carrel(*words).stdout
            for raw in (b"\x1b", b"\x07", b"\xff", b"new\nline", b"\xe2\x80\xae"):
                self.assertNotIn(raw, out, words)

    def test_an_entry_that_is_a_link_shows_nothing_of_the_host(self):
        (self.company / "linked").symlink_to("/etc")
        (self.company / "shadow").symlink_to("/etc/shadow")
        git(self.company, "add", "-A")
        git(self.company, "commit", "-qm", "links")
        self.profile_with('"package.json"', '"linked", "shadow"')
        self.assertTrue(pathlib.Path("/etc/shadow").read_bytes())  # positive control
        out = self.sh("readlink linked shadow; ls linked/; cat shadow; true").out
        self.assertTrue(out.startswith(b"/etc\n/etc/shadow\n"))
        self.assertNotIn(b"shadow", out.split(b"/etc/shadow\n")[1])
        self.assertNotIn(b"root:", out)
        self.profile_with('"linked"', '"linked/passwd"')
        self.assertEqual(self.open("/bin/true", code=121).end["by"], "setup")

    def test_a_tree_of_its_own_is_no_way_to_another_task(self):
        first = self.sh("echo planted > web/src/planted; ln -s / web/src/root; mkdir -p .git/hooks; echo x > .git/hooks/pre-commit; "
                        "echo x > /tmp/left; echo x > ~/left; echo x > /dev/shm/left")
        second = self.sh("ls web/src; ls -A /tmp ~ /dev/shm; ls .git/hooks 2>/dev/null; true", profile=self.another_profile())
        self.assertNotEqual(first.started["workspace"], second.started["workspace"])
        for word in (b"planted", b"left", b"root", b"pre-commit\n"):
            self.assertNotIn(word, second.out)


if __name__ == "__main__":
    unittest.main()
