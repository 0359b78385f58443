"""Catalogue 3.A: namespaces, mounts, roots, and what a mount must not let through."""
import os
import subprocess
import unittest

from carrel_case import git
from attack_case import AT_FDCWD, AttackCase, INSIDE, O_CREAT, O_WRONLY
from carrel_case import ROOTLESS, UID

KINDS = {"mount": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000, "user": 0x10000000,
         "pid": 0x20000000, "net": 0x40000000, "time": 0x80}
SIGCHLD = 17
ALONE = ("unshare", "--mount", "--uts", "--ipc", "--propagation", "private")
ON_DISK_OWNER = UID if ROOTLESS else 0x70000001


class Namespaces(AttackCase):
    def test_no_new_namespace_by_unshare(self):
        rows = [(kind, "unshare", flag) for kind, flag in KINDS.items()]
        self.works_outside(rows)
        self.assertEqual(self.inside(rows), {kind: "EPERM" for kind in KINDS})
        self.assertEqual(self.refused_calls(), ["unshare"] * len(rows))

    def test_no_new_namespace_by_clone(self):
        # A time namespace has no flag of clone's: its bit is part of the child's exit signal.
        rows = [(kind, "clone", flag | SIGCHLD) for kind, flag in KINDS.items() if kind != "time"]
        self.works_outside(rows)
        rows += [("high-half", "clone", KINDS["user"] | SIGCHLD | 1 << 63)]
        self.assertEqual(self.inside(rows), {name: "EPERM" for name, *_ in rows})

    def test_no_flags_hidden_in_the_structure_of_clone3(self):
        arguments = KINDS["user"].to_bytes(8, "little") + bytes(24) + SIGCHLD.to_bytes(8, "little") + bytes(24)
        plain = bytes(32) + SIGCHLD.to_bytes(8, "little") + bytes(24)
        rows = [("user", "clone3", arguments, 64), ("plain", "clone3", plain, 64)]
        self.works_outside(rows)
        self.assertEqual(self.inside(rows), {"user": "ENOSYS", "plain": "ENOSYS"})
        out = self.sh("python3 -c 'import threading; t = threading.Thread(target=print, args=(\"thread\",));"
                      " t.start(); t.join()'; (echo fork)").out
        self.assertEqual(out, b"thread\nfork\n")

    def test_no_entering_of_namespaces(self):
        rows = [("$own", "openat", AT_FDCWD, "/proc/self/ns/uts", 0), ("own", "setns", "$own", 0),
                ("$self", "getpid"), ("$pid", "pidfd_open", "$self", 0), ("pidfd", "setns", "$pid", KINDS["uts"])]
        self.works_outside(rows)
        found = self.inside(rows)
        self.assertEqual((found["own"], found["pidfd"]), ("EPERM", "EPERM"))
        self.assertEqual(self.inside([("init", "openat", AT_FDCWD, "/proc/1/ns/mnt", 0)]), {"init": "EACCES"})

    def test_no_mount(self):
        rows = [("tmpfs", "mount", "x", "/tmp", "tmpfs", 0, 0), ("proc", "mount", "x", "/tmp", "proc", 0, 0),
                ("bind", "mount", "/usr", "/tmp", 0, 0x1000, 0), ("remount", "mount", 0, "/proc", 0, 0x1020, 0),
                ("umount", "umount2", "/proc", 2)]
        self.works_outside(rows, ALONE)
        rows += [("entry-writable", "mount", 0, "/workspaces/app/docs", 0, 0x1020, 0),
                 ("entry-away", "umount2", "/workspaces/app/docs", 2), ("mask-away", "umount2", "/proc/kcore", 2)]
        self.assertEqual(self.inside(rows), {name: "EPERM" for name, *_ in rows})
        self.assertEqual(set(self.refused_calls()), {"mount", "umount2"})

    def test_no_mount_by_the_calls_on_descriptors(self):
        rows = [("$fs", "fsopen", "tmpfs", 0), ("fsconfig", "fsconfig", "$fs", 6, 0, 0, 0),
                ("fsmount", "fsmount", "$fs", 0, 0), ("fspick", "fspick", AT_FDCWD, "/proc", 0),
                ("$tree", "open_tree", AT_FDCWD, "/", 1),
                ("mount_setattr", "mount_setattr", "$tree", "", 0x1000, bytes([1]) + bytes(31), 32),
                ("move_mount", "move_mount", "$tree", "", AT_FDCWD, "/tmp", 4)]
        self.works_outside(rows, ALONE)
        rows += [("open_tree_attr", "open_tree_attr", AT_FDCWD, "/", 1, bytes(32), 32)]
        self.assertEqual(self.inside(rows), {name: "EPERM" for name, *_ in rows})
        self.assertEqual(len(self.refused_calls()), len(rows))

    def test_no_other_root(self):
        rows = [("chroot", "chroot", "/tmp")]
        self.works_outside(rows)
        rows += [("pivot_root", "pivot_root", "/tmp", "/tmp")]
        self.assertEqual(self.inside(rows), {"chroot": "EPERM", "pivot_root": "EPERM"})
        # The way out of a chroot by a descriptor of a folder above it leads nowhere here.
        self.assertEqual(self.sh("cd /; cd ../../../..; ls -A; cat /etc/hostname").out.split()[-1], b"carrel")

    def test_no_file_by_handle(self):
        rows = [("name", "name_to_handle_at", AT_FDCWD, "/etc", (120).to_bytes(4, "little") + bytes(128), bytes(4), 0)]
        self.works_outside(rows)
        rows += [("open", "open_by_handle_at", AT_FDCWD, bytes(136), 0)]
        self.assertEqual(self.inside(rows), {"name": "EPERM", "open": "EPERM"})

    def test_no_change_of_a_read_only_entry(self):
        guide, deep = "docs/guide.md", "docs/deep"
        rows = [("$read", "openat", AT_FDCWD, guide, 0), ("write", "openat", AT_FDCWD, guide, O_WRONLY),
                ("create", "openat", AT_FDCWD, "docs/new", O_CREAT | O_WRONLY, 0o644),
                ("truncate", "truncate", guide, 0), ("chmod", "chmod", guide, 0o777), ("chown", "chown", guide, 1000, 1000),
                ("times", "utimensat", AT_FDCWD, guide, 0, 0), ("xattr", "setxattr", guide, "user.x", b"1", 1, 0),
                ("unlink", "unlink", guide), ("rename", "rename", guide, "docs/other"), ("mkdir", "mkdir", "docs/d", 0o755),
                ("rmdir", "rmdir", deep), ("file", "openat", AT_FDCWD, "package.json", O_WRONLY)]
        found = self.inside(rows)
        self.assertGreaterEqual(found.pop("$read"), 3)
        self.assertEqual(found, {name: "EROFS" for name in found})
        allowed = self.inside([("write", "openat", AT_FDCWD, "web/src/main.c", O_WRONLY),
                               ("chmod", "chmod", "web/src/main.c", 0o755)])
        self.assertEqual([type(result) for result in allowed.values()], [int, int])

    def test_no_attempt_to_write_a_read_only_entry_goes_unseen(self):
        guide = "docs/guide.md"
        rows = [("write", "openat", AT_FDCWD, guide, O_WRONLY), ("creat", 85, guide, 0o644), ("truncate", "truncate", guide, 0),
                ("unlink", "unlink", guide), ("rename", "rename", guide, "docs/x"), ("mkdir", "mkdir", "docs/d", 0o755)]
        self.assertEqual(set(self.inside(rows).values()), {"EROFS"})
        denials = [event for event in self.events("last", "--verdict", "denied")
                   if event["rule"]["id"] == "repository.app.read.docs"]
        self.assertEqual([event["errno"] for event in denials], ["EROFS"] * len(rows), denials)
        self.assertEqual(denials[2]["data"]["flags"], ["O_WRONLY", "O_TRUNC"])

    def test_no_writing_through_a_descriptor_that_reads(self):
        out = self.sh("""exec 5<docs/guide.md 6<web/src/main.c
echo x >/proc/self/fd/6 && echo control
echo x >/proc/self/fd/5""", code=1)
        self.assertEqual(out.out, b"control\n")
        self.assertIn(b"Read-only file system", out.err)
        self.assertEqual((self.tree().parent / "ro").exists() and
                         [p.read_bytes() for p in (self.tree().parent / "ro").rglob("guide.md")], [b"how to\n"])

    def test_no_hard_link_to_a_read_only_entry(self):
        source = "docs/guide.md"
        rows = [("$own", "openat", AT_FDCWD, "web/src/main.c", 0), ("$entry", "openat", AT_FDCWD, source, 0),
                ("control", "link", "web/src/main.c", "web/src/linked"),
                ("link", "link", source, "web/src/l1"), ("usr", "link", "/usr/bin/true", "web/src/l2"),
                ("linkat", "linkat", AT_FDCWD, source, AT_FDCWD, "web/src/l3", 0),
                ("by-fd", "linkat", "$entry", "", AT_FDCWD, "web/src/l4", 0x1000),
                ("proc-control", "linkat", AT_FDCWD, "/proc/self/fd/3", AT_FDCWD, "web/src/l5", 0x400),
                ("proc", "linkat", AT_FDCWD, "/proc/self/fd/4", AT_FDCWD, "web/src/l6", 0x400)]
        found = self.inside(rows)
        self.assertEqual(found, {"$own": 3, "$entry": 4, "control": 0, "link": "EXDEV", "usr": "EXDEV",
                                 "linkat": "EXDEV", "by-fd": "ENOENT", "proc-control": 0, "proc": "EXDEV"})

    def test_no_taking_away_of_a_mount_point(self):
        rows = [("control", "rename", "web/src/old.txt", "web/src/older.txt"), ("rename", "rename", "docs", "docs2"),
                ("over", "rename", "web/src", "docs"), ("rmdir", "rmdir", "docs"), ("file", "rename", "package.json", "p"),
                ("file-over", "rename", "web/src/main.c", "package.json"), ("unlink", "unlink", "package.json"),
                ("exchange", "renameat2", AT_FDCWD, "docs", AT_FDCWD, "web", 2)]
        found = self.inside(rows)
        self.assertEqual(found.pop("control"), 0)
        self.assertEqual(found, {name: "EBUSY" for name in found})
        denied = [event["type"] for event in self.events("last", "--verdict", "denied")]
        self.assertEqual(sorted(set(denied)), ["file.rename", "file.unlink"])

    def test_a_displaced_bind_is_not_passed_over(self):
        (self.company / "web/lib").mkdir()
        (self.company / "web/lib/a.txt").write_text("company\n")
        git(self.company, "add", "-A")
        git(self.company, "commit", "-qm", "lib")
        self.profile_with('"docs", "package.json"', '"web/lib"')
        direct = self.sh("mv web/lib web/lib2; echo x > web/lib/a.txt", code=1)
        self.assertIn(b"Device or resource busy", direct.err)
        self.assertIn(b"Read-only file system", direct.err)
        opened = self.sh("mv web web2 && mkdir -p web/lib && echo forged > web/lib/a.txt && cat web/lib/a.txt")
        self.assertEqual(opened.out, b"forged\n")
        self.assertIn("displaced bind", self.changes()["/workspaces/app/web/lib/a.txt"]["note"])
        displaced = self.events("last", "--kind", "policy")
        self.assertEqual([(event["type"], event["verdict"], event["data"], event["rule"]["id"]) for event in displaced],
                         [("policy.displaced", "observed", {"path": "/workspaces/app/web/lib", "now": "folder"},
                           "repository.app.read.web/lib")])
        self.assertIn(b"displaced bind", self.carrel("show", "last").stdout)
        self.assertIn(b"displaced bind", self.carrel("diff", "last").stdout)

    def test_no_device_node(self):
        rows = [("mem", "mknod", "/tmp/mem", 0o20600, 0x101), ("disk", "mknod", "/tmp/disk", 0o60600, 0x800),
                ("at", "mknodat", AT_FDCWD, "/tmp/null", 0o20666, 0x103)]
        # By descriptor: the program itself may lie below /tmp.
        alone = 'exec 9< "$1"; mount -t tmpfs x /tmp && shift && exec /proc/self/fd/9 "$@"'
        self.works_outside(rows, (*ALONE, "bash", "-c", alone, "x"))
        rows += [("high-half", "mknod", "/tmp/mem", 0o20600 | 1 << 40, 0x101)]
        self.assertEqual(self.inside(rows), {name: "EPERM" for name, *_ in rows})

    def test_a_device_node_that_is_there_does_not_open(self):
        node = self.slice_to_plant_in() / "web/src/zero"
        os.mknod(node, 0o20666, os.makedev(1, 5))
        os.chmod(node, 0o666)
        os.chown(node, ON_DISK_OWNER, ON_DISK_OWNER)
        self.assertEqual(node.open("rb").read(1), b"\0")  # positive control
        out = self.sh("stat -c '%F %U' web/src/zero; cat web/src/zero 2>&1 | head -c 80; head -c 1 /dev/zero | wc -c").out
        self.assertEqual(out.splitlines(), [b"character special file contractor", b"cat: web/src/zero: Permission denied", b"1"])

    def test_no_file_capability(self):
        rows = [("cap", "setxattr", "web/src/main.c", "security.capability", bytes.fromhex("0100000200200000") + bytes(12), 20, 0),
                ("trusted", "setxattr", "web/src/main.c", "trusted.x", b"1", 1, 0)]
        folder = self.company
        at = os.getcwd()
        os.chdir(folder)
        try:
            self.works_outside(rows)
        finally:
            os.chdir(at)
        self.assertEqual(self.inside(rows), {"cap": "EPERM", "trusted": "EPERM"})

    def test_a_setuid_file_gives_nothing(self):
        probe = "import os; print(os.getresuid(), os.getresgid())"
        planted = self.slice_to_plant_in() / "web/src/planted"
        planted.write_bytes(open("/usr/bin/python3", "rb").read())
        planted.chmod(0o6755)
        control = subprocess.run(["setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups", str(planted),
                                  "-c", "import os; print(os.geteuid())"], capture_output=True)
        if control.returncode == 0:  # the state folder is closed to others: then the copy below is the control
            self.assertEqual(control.stdout, b"0\n")
        opened = self.sh(f"""cp /usr/bin/python3 web/src/own && chmod 6755 web/src/own
web/src/own -c '{probe}'; web/src/planted -c '{probe}'""")
        self.assertEqual(opened.out, b"(1000, 1000, 1000) (1000, 1000, 1000)\n" * 2, opened.err)

    def test_no_power_from_the_systems_setuid_programs(self):
        names = [name for name in ("su", "mount", "umount", "passwd", "newgrp", "chsh") if os.path.exists("/usr/bin/" + name)]
        self.assertTrue(any(os.stat("/usr/bin/" + name).st_mode & 0o4000 for name in names))
        out = self.sh("su -c id; mount -t tmpfs x /tmp; mount --bind /usr /tmp; id -u").out
        self.assertEqual(out, b"1000\n")

    def test_no_mount_passes_between_host_and_workspace(self):
        process = self.start("/bin/bash", "-c", "cat /proc/self/mountinfo; echo end; read x; ls -A web/src/util")
        lines = []
        while True:
            line = self.line(process)
            if line == "end":
                break
            lines.append(line)
        self.assertGreater(len(lines), 30)
        for line in lines:
            self.assertNotRegex(line, r"shared:|master:|propagate_from:")
        place = self.tree() / "web/src/util"
        subprocess.run(["mount", "-t", "tmpfs", "x", str(place)], check=True)
        try:
            (place / "from-host").touch()
            out, _ = self.finish(process, b"\n")
        finally:
            subprocess.run(["umount", "-l", str(place)], check=True)
        self.assertEqual(out, b"data.bin\n")

    def test_mounts_name_no_folder_of_the_host(self):
        # The fourth field of mountinfo does, for folders of the host's own file systems: docs/threat-model.md.
        out = self.sh("cat /proc/self/mounts /proc/self/mountstats; df -a 2>/dev/null").out.decode()
        self.assertIn("/workspaces/app", out)
        self.assertNotIn(str(self.folder), out)

    def test_dots_lead_nowhere_after_the_host_moves_a_folder(self):
        process = self.start("/bin/bash", "-c", "cd web/src/util; cat ../main.c >/dev/null && echo ready; read x; cat ../secret")
        self.assertEqual(self.line(process), "ready")
        tree = self.tree()
        outside = self.state / "moved"
        outside.mkdir(mode=0o777)
        outside.chmod(0o777)
        (outside / "secret").write_text("host's own\n")
        (outside / "secret").chmod(0o644)
        os.rename(tree / "web/src/util", outside / "util")
        out, err = self.finish(process, b"\n", code=1)
        self.assertNotIn(b"host's own", out)
        self.assertIn(b"No such file", err)


if __name__ == "__main__":
    unittest.main()
