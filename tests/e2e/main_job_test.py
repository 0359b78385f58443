"""The main job: open a recorded workspace, work in it, look back, verify."""
import hashlib
import pathlib
import json
import os
import subprocess
import unittest

import carrel_case
from carrel_case import AS_USER, BUILD, Case, git, make_company
from carrel_case import ROOTLESS, UID, needs

GUARANTEES = ("events-complete", "names-exact", "io-uring-refused", "limits", "disk-encrypted", "recorder-separate",
              "init-separate", "record-unlosable", "network-isolated")


class MainJob(Case):
    def test_a_command_runs_and_its_record_is_whole(self):
        opened = self.open("/bin/true")
        self.assertEqual(opened.end, {"by": "command", "code": 0, "signal": None, "error": None})
        self.assertEqual(opened.started["v"], 1)
        self.assertEqual(opened.started["mode"], "rootless" if ROOTLESS else "root")
        self.assertEqual(opened.started["sensor"], "notify" if ROOTLESS else "syscall")
        self.assertEqual(opened.started["assurance"]["asked"], "best")
        self.assertEqual(opened.started["assurance"]["missing"],
                         ["events-complete", "names-exact", "limits", "disk-encrypted", "recorder-separate", "init-separate"]
                         if ROOTLESS else ["names-exact", "record-unlosable"])
        given = {one["id"] for one in self.show()["assurance"] if one["given"]}
        self.assertEqual(given | set(opened.started["assurance"]["missing"]), set(GUARANTEES))
        report = self.verify()
        self.assertEqual(report["exit"], 0)
        self.assertEqual(report["policy"], "state")
        states = {claim["claim"]: claim["state"] for claim in report["claims"]}
        for claim in ("CONTENT", "INCLUSION", "ORDER", "COMPLETE", "SEALED", "PROFILE", "LOSS"):
            self.assertEqual(states[claim], "proven", report)
        self.assertEqual(states["WITNESSED"], "not proven")
        text = self.carrel("verify", "last").stdout
        self.assertIn(b"proves nothing against its operator", text)
        one_uid = b"contractor and recorder were one uid: the record proves nothing against the user who opened the session\n"
        self.assertEqual(one_uid in text, ROOTLESS)
        self.assertEqual(report["weakness"] is not None, ROOTLESS)

    def test_the_status_is_the_commands_own(self):
        for code in (0, 1, 7, 120, 125, 255):
            opened = self.sh(f"exit {code}", code=code)
            self.assertEqual((opened.end["by"], opened.end["code"]), ("command", code))
        opened = self.sh("kill -KILL $$", code=137)
        self.assertEqual((opened.end["by"], opened.end["signal"]), ("command", "SIGKILL"))
        opened = self.open("/nowhere/absent", code=None)
        self.assertEqual(opened.end["by"], "setup", opened.err)
        self.assertIn(b"absent", opened.err)

    def test_signals_and_descriptors_are_those_of_a_fresh_program(self):
        out = self.sh("cat /proc/self/status | grep -E \"Sig(Ign|Blk|Cgt)\"; ls /proc/self/fd").out.decode()
        self.assertEqual(out.split(), ["SigBlk:", "0" * 16, "SigIgn:", "0" * 16, "SigCgt:", "0" * 16, "0", "1", "2", "3"])

    def test_standard_streams_are_the_commands_alone(self):
        opened = self.sh("cat; echo err >&2", stdin=b"one\ntwo\x00\xff\n")
        self.assertEqual(opened.out, b"one\ntwo\x00\xff\n")
        self.assertIn(b"err\n", opened.err)
        self.assertIn(b"carrel:", opened.err)
        self.assertEqual(self.output(stream="stdout"), b"one\ntwo\x00\xff\n")
        self.assertEqual(self.output(stream="stderr"), b"err\n")

    def test_standard_streams_can_be_opened_by_name(self):
        opened = self.sh("echo out > /dev/stdout; echo err > /dev/stderr; cat < /dev/stdin", stdin=b"in\n")
        self.assertEqual(opened.out, b"out\nin\n")
        self.assertIn(b"\nerr\n", opened.err)
        terminal = self.open_on_terminal("/bin/sh", "-c", "echo out > /dev/stdout; echo err > /dev/stderr; echo t > /dev/tty")
        self.assertEqual(terminal.wait(), 0)
        self.assertIn(b"out\r\nerr\r\nt\r\n", terminal.seen)

    def test_the_view_inside(self):
        script = """
set -e
pwd; id -u; id -g; whoami; echo $HOME $SHELL; hostname
ls /workspaces; ls -A /workspaces/app /workspaces/app/web /workspaces/app/web/src
cat /proc/1/comm; stat -c %u /proc/1; ls /home; cat /etc/gitconfig
env | cut -d= -f1 | sort | tr '\\n' ' '; echo
ls -A / /etc | tr '\\n' ' '; echo
grep -c . /proc/net/dev; ls /sys 2>&1 | wc -l
"""
        os.environ["CARREL_SECRET_OF_CALLER"] = "x"
        try:
            out = self.sh(script).out.decode()
        finally:
            del os.environ["CARREL_SECRET_OF_CALLER"]
        self.assertIn("/workspaces/app\n1000\n1000\ncontractor\n/home/contractor /bin/bash\ncarrel\n", out)
        self.assertIn("/workspaces/app:\n.git\ndocs\npackage.json\nweb\n", out)
        self.assertIn(f"carrel-init\n{1000 if ROOTLESS else 999}\n", out)
        self.assertNotIn("CARREL_SECRET", out)
        self.assertNotIn("billing", out)
        self.assertNotIn("secrets", out)
        self.assertNotIn("shadow", out)

    def test_work_is_kept_and_told(self):
        opened = self.sh("""set -e
gcc -o /tmp/main web/src/main.c && /tmp/main
echo '// mended' >> web/src/main.c
git commit -qam mended
git log --oneline | wc -l
git status --porcelain""")
        self.assertEqual(opened.out, b"hello\n2\n")
        self.assertIn(b"your work is kept in the workspace of task local/fix", opened.err)
        again = self.sh("tail -n 1 web/src/main.c; git log -1 --format='%s %an <%ae>'; git fsck --strict >/dev/null 2>&1; echo $?")
        self.assertEqual(again.out, f"// mended\nmended local:{UID} <local.{UID}@carrel.invalid>\n0\n".encode())

    def test_nothing_hidden_is_in_anything_the_workspace_can_reach(self):
        opened = self.open("/bin/true")
        # Without an image of its own a workspace holds its slice itself.
        folder = (self.state / "workspaces" / opened.started["workspace"] / "repository.app" if ROOTLESS
                  else next((self.state / "slices").iterdir()))
        visible = {"docs/guide.md", "docs/deep/more.md", "package.json", "web/src/main.c",
                   "web/src/util/data.bin", "web/src/old.txt"}
        listing = git(self.company, "ls-tree", "-r", "main").splitlines()
        shown = {line.split()[2] for line in listing if line.split("\t")[1] in visible}
        every = {line.split()[0] for line in git(self.company, "rev-list", "--all", "--objects").splitlines()}
        # Trees that are exposed whole are the same objects in the slice.
        shown |= {git(self.company, "rev-parse", "main:" + path).strip() for path in ("docs", "docs/deep", "web/src/util")}
        hidden = every - shown
        self.assertGreater(len(hidden), 6)
        self.assertEqual(len(shown), 9)
        tree = folder / "tree"
        for name in hidden:
            done = subprocess.run(["git", "-c", "safe.directory=*", "-C", str(tree), "cat-file", "-e", name],
                                  capture_output=True)
            self.assertNotEqual(done.returncode, 0, f"{name} is in the slice")
        for name in shown:  # positive control
            git(tree, "cat-file", "-e", name)
        for path in folder.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                for secret in (b"hidden-", b"secrets/key", b"billing"):
                    self.assertNotIn(secret, content, str(path))
                for name in hidden:
                    # A list of slices' sources is no object, and tells nothing but an id.
                    if path.name != "manifest":
                        self.assertNotIn(name.encode(), content, str(path))
                        self.assertNotIn(bytes.fromhex(name), content, str(path))

    def test_refused_actions_are_there_exactly_once_with_their_rules(self):
        self.sh("""
cat billing/ledger.txt
cat web/src/secrets/key.txt
echo no >> docs/guide.md
exec 3<>/dev/tcp/192.0.2.10/443
cat /etc/shadow
true""")
        denials = {(d["type"], d["object"]): d for d in self.show()["denials"]}
        wanted = {
            ("file.open", "/workspaces/app/billing/ledger.txt"): ("ENOENT", "repository.app"),
            ("file.open", "/workspaces/app/web/src/secrets/key.txt"): ("ENOENT", "repository.app.never.web/src/secrets"),
            ("file.open", "/workspaces/app/docs/guide.md"): ("EROFS", "repository.app.read.docs"),
            ("net.connect", "192.0.2.10:443"): ("ENETUNREACH", "default:network"),
            ("file.open", "/etc/shadow"): ("ENOENT", "default:host-files"),
        }
        self.assertEqual({key: (d["errno"], d["rule"]["id"]) for key, d in denials.items()}, wanted)
        self.assertEqual({d["times"] for d in denials.values()}, {1})
        row = self.sessions()[0]
        self.assertEqual(row["denied"], 5)
        self.assertEqual(row["lost"], 0)

    def test_the_difference_sees_what_no_sensor_does(self):
        self.sh("""python3 - <<'P' || exit 1
import mmap
with open("web/src/util/data.bin", "r+b") as file:
    with mmap.mmap(file.fileno(), 0) as memory:
        memory[0:4] = b"MMAP"
P
rm web/src/old.txt
printf 'new\\0binary' > web/src/new.bin
chmod +x web/src/main.c
ln -s /etc/passwd web/src/link""")
        changes = {change["path"]: change for change in self.show()["changes"]}
        self.assertEqual({path: change["change"] for path, change in changes.items()}, {
            "/workspaces/app/web/src/util/data.bin": "modified",
            "/workspaces/app/web/src/old.txt": "deleted",
            "/workspaces/app/web/src/new.bin": "added",
            "/workspaces/app/web/src/main.c": "mode",
            "/workspaces/app/web/src/link": "added"})
        data = changes["/workspaces/app/web/src/util/data.bin"]
        before = bytes(range(256)) * 4
        self.assertEqual(data["before_sha256"], hashlib.sha256(before).hexdigest())
        self.assertEqual(data["after_sha256"], hashlib.sha256(b"MMAP" + before[4:]).hexdigest())
        link = changes["/workspaces/app/web/src/link"]
        self.assertEqual(link["after_sha256"], hashlib.sha256(b"/etc/passwd").hexdigest())
        for digest in (data["before_sha256"], data["after_sha256"]):
            self.assertTrue((self.record(self.sessions()[0]["session"]) / "blobs" / digest).is_file())
        text = self.carrel("diff", "last").stdout.decode()
        for word in ("data.bin", "old.txt", "new.bin", "-to be deleted", "/etc/passwd"):
            self.assertIn(word, text)

    def test_the_events_are_the_sensors_own_first_exec_first(self):
        self.open("/bin/true")
        events = self.events()
        self.assertEqual([event["seq"] for event in events], list(range(len(events))))
        self.assertEqual(events[0]["type"], "recorder.open")
        self.assertEqual(events[-1]["type"], "recorder.end")
        sensor = [event for event in events if event["kind"] in ("process", "file", "net")]
        self.assertEqual(sensor[0]["type"], "process.exec")
        self.assertEqual(sensor[0]["data"]["argv"], ["/bin/true"])
        self.assertTrue(sensor[0]["data"]["path"].endswith("/bin/true"))
        # A listener hears of no exit: that cannot be asked about before it is over.
        self.assertEqual(sensor[-1]["type"], "file.open" if ROOTLESS else "process.exit")
        end = events[-1]["data"]
        self.assertEqual(end["produced"], end["recorded"] + end["lost"])
        self.assertEqual(end["lost"], 0)
        self.assertEqual(self.carrel("events", "last", "--verdict", "denied", "--format", "jsonl").stdout, b"")

    @needs("events-complete", "the sensor is no program of the kernel's")
    def test_the_sensors_programs_are_attached_only_while_a_session_lives(self):
        def links():
            """Ids of the BPF links that the launcher holds, and those that the kernel has."""
            held = set()
            for path in pathlib.Path(f"/proc/{self.service_pid()}/fdinfo").iterdir():
                try:
                    held |= {int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith("link_id:")}
                except FileNotFoundError:
                    pass  # closed since it was listed
            listed = json.loads(carrel_case.run("bpftool", "-j", "link", "show").stdout)
            return held, {link["id"] for link in listed}
        process = subprocess.Popen([carrel_case.CARREL, "open", "--profile", str(self.profile), "--", "/bin/sh", "-c",
                                    "echo ready; read x"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, env=self.environment(), **AS_USER)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        attached, listed = links()
        self.assertGreaterEqual(len(attached), 4)
        self.assertLessEqual(attached, listed)
        process.communicate(b"\n", timeout=30)
        self.wait_until(lambda: not links()[0] and not attached & links()[1], what="the programs are detached")

    def test_two_sessions_at_once_do_not_see_each_other(self):
        first = subprocess.Popen([carrel_case.CARREL, "open", "--profile", str(self.profile), "--", "/bin/sh", "-c",
                                  "echo first > /tmp/mark; read x; ls /tmp; ps ax | wc -l"], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment(), **AS_USER)
        try:
            self.wait_until(lambda: self.state.exists() and self.sessions() and
                            self.sessions()[0]["state"] == "running", what="the first runs")
            second = self.sh("ls -A /tmp; ps ax | grep -c 'mar[k]'; true", profile=self.another_profile())
            self.assertEqual(second.out, b"0\n")
            out, err = first.communicate(b"\n", timeout=30)
            self.assertEqual(first.returncode, 0, err)
            self.assertTrue(out.startswith(b"mark\n"))
        finally:
            first.kill()
        rows = self.sessions()
        self.assertEqual([row["state"] for row in rows], ["closed", "closed"])
        self.assertNotEqual(rows[0]["workspace"], rows[1]["workspace"])

    def test_the_token_is_there_while_the_session_is_and_checks_offline(self):
        script = (pathlib.Path(carrel_case.SOURCE) / "examples/token/check_token.sh").read_text()
        opened = self.open("/bin/bash", "-s", "--", "ci", "https://ci.example.org", stdin=script.encode())
        self.assertIn(b"signature good, audience https://ci.example.org, valid for", opened.out)
        types = [event["type"] for event in self.events("last", "--kind", "credential")]
        self.assertEqual(types, ["credential.issued", "credential.ended"])
        shown = self.show()["credentials"]
        self.assertEqual([(c["name"], c["kind"]) for c in shown], [("ci", "jwt")])
        self.assertIsNotNone(shown[0]["ended"])
        jwks = json.loads((self.state / "jwks.json").read_text())
        self.assertEqual(jwks["keys"][0]["crv"], "Ed25519")
        # The token itself is nowhere in what is kept.
        token = self.sh("cat /run/carrel/credentials/ci/token | cut -c1-40; "
                        "touch /run/carrel/credentials/ci/x 2>&1 | grep -o 'Read-only file system'").out.split()
        self.assertEqual(b" ".join(token[1:]), b"Read-only file system")


if __name__ == "__main__":
    unittest.main()
