"""Catalogue 3.B: /proc, /sys and what they could change or tell."""
import os
import pathlib
import unittest

from attack_case import AT_FDCWD, AttackCase, INSIDE, O_RDWR, O_WRONLY
from carrel_case import ROOTLESS

GLOBAL = ("kernel/core_pattern", "kernel/modprobe", "kernel/hotplug", "kernel/sysrq", "kernel/ns_last_pid",
          "kernel/randomize_va_space", "kernel/yama/ptrace_scope", "kernel/unprivileged_bpf_disabled", "fs/suid_dumpable",
          "fs/file-max", "vm/overcommit_memory", "vm/drop_caches", "net/ipv4/ip_forward", "net/core/somaxconn",
          "user/max_user_namespaces")


def opens(paths, flags):
    return [(path, "openat", AT_FDCWD, path, flags) for path in paths]


class Proc(AttackCase):
    def test_no_setting_of_the_host_opens_for_writing(self):
        outside = self.outside(opens(["/proc/sys/" + name for name in GLOBAL], O_WRONLY))
        paths = [path for path, result in outside.items() if isinstance(result, int)]  # positive control
        self.assertIn("/proc/sys/kernel/core_pattern", paths)
        self.assertGreater(len(paths), 8)
        found = self.inside(opens(paths, O_WRONLY))
        self.assertEqual(set(found), set(paths))
        self.assertLessEqual(set(found.values()), {"EACCES", "EROFS", "ENOENT"}, found)
        self.assertEqual(self.sh("cat /proc/sys/kernel/ostype").out, b"Linux\n")

    def test_no_key_of_the_kernels_own(self):
        outside = self.outside(opens(("/proc/sysrq-trigger", "/proc/mtrr", "/proc/irq/default_smp_affinity"), O_WRONLY))
        paths = [path for path, result in outside.items() if isinstance(result, int)]  # positive control
        self.assertTrue(paths)
        found = self.inside(opens(paths, O_WRONLY))
        self.assertLessEqual(set(found.values()), {"EACCES", "EROFS", "ENOENT"}, found)

    def test_masked_files_tell_nothing(self):
        names = ("kallsyms", "kcore", "modules", "iomem", "ioports", "interrupts", "timer_list", "sched_debug", "slabinfo",
                 "vmallocinfo", "key-users", "keys", "kmsg", "kpagecount", "kpageflags", "schedstat", "pagetypeinfo")
        there = [name for name in names if os.path.exists("/proc/" + name)]
        self.assertTrue(pathlib.Path("/proc/kallsyms").open("rb").read(64))  # positive control
        out = self.sh("for n in %s; do printf '%%s:' $n; head -c 64 /proc/$n | wc -c; done" % " ".join(there)).out
        self.assertEqual(out.decode().split(), [f"{name}:0" for name in there])
        out = self.sh("for n in acpi asound driver pressure scsi; do ls -A /proc/$n 2>/dev/null; done; echo end").out
        self.assertEqual(out, b"end\n")

    def test_init_shows_nothing_of_itself(self):
        names = ("environ", "mem", "maps", "auxv", "stack", "syscall", "root/usr", "cwd", "exe", "fd/4", "map_files",
                 "fdinfo", "ns/user", "personality", "io")
        there = [name for name in names if name == "fd/4" or os.path.exists("/proc/self/" + name)]
        own = [(name, "openat", AT_FDCWD, "/proc/self/" + name, 0) for name in there if name not in ("fd/4", "stack")]
        self.works_outside(own)
        found = self.inside([(name, "openat", AT_FDCWD, "/proc/1/" + name, 0) for name in there])
        self.assertEqual(set(found), set(there))
        self.assertLessEqual({found[name] for name in there}, {"EACCES", "EPERM"}, found)
        out = self.sh("tr '\\0' ' ' </proc/1/cmdline; cat /proc/self/environ | tr '\\0' '\\n' | grep -c = ").out
        self.assertTrue(out.startswith(b"carrel-init "), out)

    def test_no_sys_no_cgroup_no_boot(self):
        paths = [path for path in ("/sys/kernel", "/sys/fs/cgroup", "/sys/firmware", "/sys/kernel/debug", "/boot", "/dev/mem",
                                   "/dev/kmsg", "/dev/console", "/dev/vda", "/dev/fuse", "/dev/kvm", "/dev/vsock", "/root", "/home/root", "/srv", "/opt",
                                   "/etc/shadow", "/run/systemd", "/var/lib", "/proc/self/root/root")
                 if os.path.exists(path)]
        self.assertGreater(len(paths), 5)
        found = self.inside(opens(paths, 0))
        self.assertEqual(found, {path: "ENOENT" for path in paths})

    def test_no_limit_of_its_own_is_within_reach(self):
        names = ("memory.max", "pids.max", "cgroup.procs", "memory.limit_in_bytes", "cgroup.freeze", "cgroup.kill")
        out = self.sh("find / -xdev \\( %s \\) 2>/dev/null; grep -c ' cgroup' /proc/self/mounts; true" %
                      " -o ".join("-name " + name for name in names)).out
        self.assertEqual(out, b"0\n")
        self.assertEqual(self.sh("cut -d: -f3 /proc/self/cgroup | sort -u | grep -v '^/\\(\\.\\.\\)*'; true").out, b"")

    def test_no_immunity_against_the_memory_killer(self):
        rows = [("$oom", "openat", AT_FDCWD, "/proc/self/oom_score_adj", O_RDWR), ("lower", 1, "$oom", b"-1000", 5),
                ("raise", 1, "$oom", b"500", 3)]
        self.assertEqual(self.outside(rows)["raise"], 3)  # lowering takes a capability that this host may lack
        found = self.inside(rows)
        self.assertEqual((found["lower"], found["raise"]), ("EACCES", 3))

    def test_no_group_is_dropped_or_gained(self):
        rows = [("none", "setgroups", 0, 0), ("root", "setgroups", 1, bytes(4)), ("uid", "setuid", 0),
                ("init", "setuid", 999), ("nobody", "setresuid", 65534, 65534, 65534), ("own", "setuid", 1000)]
        self.works_outside([row for row in rows if row[0] != "own"])
        self.assertEqual(self.inside(rows), {"none": "EPERM", "root": "EPERM", "uid": "EINVAL", "init": "EINVAL" if ROOTLESS else "EPERM",
                                             "nobody": "EINVAL", "own": 0})

    def test_a_crash_leaves_no_core(self):
        limit = (1 << 30).to_bytes(8, "little") * 2
        rows = [("raise", "prlimit64", 0, 4, limit, 0)]
        self.works_outside(rows)
        self.assertEqual(self.inside(rows), {"raise": "EPERM"})
        out = self.sh("ulimit -c unlimited 2>&1; cd /tmp; (kill -SEGV $BASHPID); ls -A /tmp /workspaces/app/web/src | grep -c core; true").out
        self.assertEqual(out.split()[-1], b"0")
        self.assertEqual([path for path in pathlib.Path("/tmp").glob("core*") if path.stat().st_uid >= 0x70000000], [])

    def test_no_label_of_a_process_is_set(self):
        names = [name for name in ("current", "exec", "fscreate", "sockcreate", "keycreate", "prev")
                 if os.path.exists("/proc/self/attr/" + name)]
        out = self.sh("for n in %s; do (echo x > /proc/self/attr/$n) 2>/dev/null && echo set $n; done; "
                      "(echo x > /proc/1/attr/current) 2>/dev/null && echo set; echo end" % (" ".join(names) or "none")).out
        self.assertEqual(out, b"end\n")

    def test_no_map_of_ids_is_rewritten(self):
        for name, text in (("uid_map", b"1000 0 1"), ("gid_map", b"1000 0 1"), ("setgroups", b"allow")):
            found = self.inside([("$map", "openat", AT_FDCWD, "/proc/self/" + name, O_WRONLY), ("write", 1, "$map", text, len(text))])
            self.assertTrue(found["$map"] == "EACCES" or found["write"] == "EPERM", found)
        out = self.sh("cat /proc/self/uid_map; cat /proc/self/setgroups").out.split()
        if ROOTLESS:  # to uid 0 of the launcher's user namespace, which is the caller
            self.assertEqual(out, [b"1000", b"0", b"1", b"deny"])
            return
        self.assertEqual((out[0], out[2], out[3]), (b"999", b"2", b"deny"))
        self.assertGreaterEqual(int(out[1]), 0x70000008)

    def test_no_other_session_is_in_proc(self):
        first = self.start_running("/bin/bash", "-c", "exec -a other-sessions-secret sleep 1000", profile=self.another_profile())
        pids = [int(entry.name) for entry in pathlib.Path("/proc").iterdir() if entry.name.isdigit()]
        self.wait_until(lambda: self.find_process(b"other-sessions-secret") is not None)  # positive control
        victim = self.find_process(b"other-sessions-secret")
        out = self.sh(f"cat /proc/[0-9]*/cmdline | tr '\\0' ' '; ls -d /proc/[0-9]* | wc -l; ls -d /proc/{victim} 2>&1; true").out
        self.assertNotIn(b"other-sessions-secret", out)
        self.assertIn(b"No such file", out)
        self.assertLess(int(out.splitlines()[-2].split()[-1]), min(20, len(pids)))
        first.terminate()

    def find_process(self, argument):
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and (entry / "cmdline").read_bytes().startswith(argument):
                    return int(entry.name)
            except OSError:
                pass
        return None


if __name__ == "__main__":
    unittest.main()
