"""Catalogue 3.D: descriptors, the launcher's binaries, what a payload starts with."""
import hashlib
import os
import unittest

from carrel_case import BUILD, git
from attack_case import AT_FDCWD, AttackCase, INSIDE, O_WRONLY
from carrel_case import ROOTLESS

STATUS = "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp)' /proc/self/status | tr '\\t' ' '"


class Descriptors(AttackCase):
    def test_nothing_but_three_descriptors_is_inherited(self):
        probe = "import os\nprint(*[fd for fd in range(4096) if os.path.lexists(f'/proc/self/fd/{fd}')])"
        extra = os.open("/etc/shadow", os.O_RDONLY)
        os.set_inheritable(extra, True)
        try:
            out = self.open("/usr/bin/python3", "-c", probe).out
        finally:
            os.close(extra)
        self.assertEqual(out, b"0 1 2\n")

    def test_nothing_but_three_descriptors_is_inherited_on_a_terminal(self):
        terminal = self.open_on_terminal("/usr/bin/python3", "-c", """
import os
for fd in range(4096):
    if os.path.lexists(f'/proc/self/fd/{fd}'):
        print(f'fd {fd}', os.readlink(f'/proc/self/fd/{fd}'))""")
        self.assertEqual(terminal.wait(), 0)
        seen = [line for line in terminal.seen.decode().splitlines() if line.startswith("fd ")]
        self.assertEqual(seen, [f"fd {fd} /dev/pts/0" for fd in range(3)], terminal.seen)

    def test_no_descriptor_leads_beyond_its_own_kind(self):
        out = self.sh("for n in 0 1 2; do readlink /proc/self/fd/$n; done; ls /proc/self/fd/0/.. 2>&1 | head -c 60; true").out
        self.assertEqual([line.split(b":")[0] for line in out.splitlines()[:3]], [b"pipe"] * 3)
        self.assertEqual(len(out.splitlines()), 4)

    def digests(self):
        paths = [BUILD / "bin/carrel", *sorted((BUILD / "libexec/carrel").iterdir())]
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if path.is_file()}

    def test_the_launchers_programs_are_not_overwritten(self):
        before = self.digests()
        self.assertGreater(len(before), 4)
        opened = self.open("/proc/self/exe", code=None)  # carrel-init itself, as the payload: no way further
        self.assertEqual((opened.code, opened.end["by"]), (125, "command"), opened.err)
        rows = [("init", "openat", AT_FDCWD, "/proc/1/exe", O_WRONLY), ("read", "openat", AT_FDCWD, "/proc/1/exe", 0)]
        self.assertEqual(self.inside(rows), {"init": "EACCES", "read": "EACCES"})
        self.assertEqual(self.digests(), before)

    def test_a_script_for_init_as_interpreter_gets_nowhere(self):
        (self.company / "web/src/trick").write_text("#!/proc/self/exe\n")
        (self.company / "web/src/trick").chmod(0o755)
        git(self.company, "add", "-A")
        git(self.company, "commit", "-qm", "trick")
        opened = self.open("web/src/trick", code=None)
        self.assertEqual((opened.code, opened.end["by"]), (125, "command"), opened.err)

    def test_words_of_the_command_are_never_options(self):
        words = ["--", "-rf", "--profile=/etc/shadow", "a\nb", "", "\x1b[2J", "$(id)", "`id`"]
        out = self.open("/usr/bin/python3", "-c", "import sys; print(sys.argv[1:])", *words).out
        self.assertEqual(out.decode(), repr(words) + "\n")
        argv = [event for event in self.events() if event["type"] == "process.exec"][0]["data"]["argv"]
        self.assertEqual(argv[3:], words)
        opened = self.open("-rf", code=None)
        self.assertEqual(opened.end["by"], "setup")

    def test_nothing_of_the_callers_environment_gets_in(self):
        names = ("LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "BASH_ENV", "ENV", "PYTHONPATH", "PYTHONSTARTUP", "GIT_DIR",
                 "GIT_SSH_COMMAND", "TERMINFO", "SSH_AUTH_SOCK", "AWS_SECRET_ACCESS_KEY", "CARREL_STATE")
        planted = {name: "/nonexistent/attack-value" for name in names if name not in ("CARREL_STATE", "LD_PRELOAD", "LD_AUDIT")}
        saved = dict(os.environ)
        os.environ.update(planted)
        os.environ["TERM"] = "../../etc/shadow"
        try:
            out = self.sh("env -0 | tr '\\0' '\\n'; cat /proc/1/environ 2>/dev/null | wc -c").out.decode()
        finally:
            os.environ.clear()
            os.environ.update(saved)
        self.assertIn("HOME=/home/contractor", out)
        self.assertNotIn("attack-value", out)
        self.assertFalse([name for name in names if f"\n{name}=" in "\n" + out], out)
        self.assertNotIn(str(self.folder), out)

    def test_no_capability_in_any_set(self):
        self.assertIn("CapEff:", open("/proc/self/status").read())
        lines = dict(line.split(":", 1) for line in self.sh(STATUS).out.decode().splitlines())
        none = "0" * 16
        self.assertEqual({name: value.strip() for name, value in lines.items()}, {
            "Uid": "1000 1000 1000 1000", "Gid": "1000 1000 1000 1000", "Groups": "", "CapInh": none, "CapPrm": none,
            "CapEff": none, "CapBnd": none, "CapAmb": none, "NoNewPrivs": "1", "Seccomp": "2", "Seccomp_filters": "1"})

    def test_init_itself_keeps_no_more_than_it_needs(self):
        out = self.sh("grep -E '^(Uid|Cap|NoNewPrivs)' /proc/1/status | tr '\\t' ' '").out.decode().splitlines()
        # CAP_KILL, CAP_SETGID, CAP_SETUID: over the two uids of its own map, to start further commands.
        kill = f"{1 << 5 | 1 << 6 | 1 << 7:016x}"
        self.assertEqual(out, ["Uid:" + 4 * f" {1000 if ROOTLESS else 999}", "CapInh: " + "0" * 16, "CapPrm: " + kill, "CapEff: " + kill,
                               "CapBnd: " + "0" * 16, "CapAmb: " + "0" * 16, "NoNewPrivs: 1"])

    def test_no_power_comes_back(self):
        # PR_SET_KEEPCAPS, PR_SET_SECUREBITS, PR_CAP_AMBIENT raise, PR_SET_NO_NEW_PRIVS 0, capset
        full = b"\xff" * 24
        rows = [("securebits", "prctl", 28, 0, 0, 0, 0), ("ambient", "prctl", 47, 2, 21, 0, 0), ("nnp", "prctl", 38, 0, 0, 0, 0),
                ("keep", "prctl", 8, 1, 0, 0, 0), ("capset", 126, bytes.fromhex("2205082000000000"), full)]
        self.assertEqual(self.inside(rows), {"securebits": "EPERM", "ambient": "EPERM", "nnp": "EINVAL", "keep": "EPERM",
                                             "capset": "EPERM"})

    def test_a_users_name_in_the_tree_changes_no_uid(self):
        (self.company / "etc").mkdir()
        (self.company / "etc/passwd").write_text("contractor:x:0:0::/:/bin/sh\n")
        self.assertEqual(self.sh("id -u; id -un; echo x >> /etc/passwd; getent passwd 0 | cut -d: -f7").out,
                         b"1000\ncontractor\n/usr/sbin/nologin\n")

    def test_the_credential_folder_is_the_recorders(self):
        out = self.sh("""cd /run/carrel/credentials/ci; stat -c %u . token; test -s token && echo readable
(echo x > token) 2>&1; (touch new) 2>&1; rm -f token 2>&1; mv token t2 2>&1; chmod 777 . 2>&1; ln token l 2>&1; true""").out.decode()
        lines = out.splitlines()
        owner = "1000" if ROOTLESS else "65534"  # one uid: only the read-only mount stands in the way
        self.assertEqual(lines[:3], [owner, owner, "readable"])
        self.assertEqual(len(lines), 9, out)
        for line in lines[3:]:
            self.assertRegex(line, "Read-only file system|Permission denied")


if __name__ == "__main__":
    unittest.main()
