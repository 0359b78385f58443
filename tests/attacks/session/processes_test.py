"""Catalogue 3.C: init, the recorder and other processes."""
import os
import signal
import socket
import subprocess
import unittest

from attack_case import AttackCase, INSIDE, PAYLOAD, results, script_of
from carrel_case import ROOTLESS

PTRACE_ATTACH, PTRACE_SEIZE = 16, 0x4206
VECTOR = bytes(16)


class Processes(AttackCase):
    def test_init_is_not_traced_read_or_taken_from(self):
        rows = [("attach", "ptrace", PTRACE_ATTACH, 1, 0, 0), ("seize", "ptrace", PTRACE_SEIZE, 1, 0, 0),
                ("read", "process_vm_readv", 1, VECTOR, 1, VECTOR, 1, 0), ("write", "process_vm_writev", 1, VECTOR, 1, VECTOR, 1, 0),
                ("kcmp", "kcmp", 1, 1, 0, 0, 0), ("$pid", "pidfd_open", 1, 0), ("fd", "pidfd_getfd", "$pid", 0, 0),
                ("madvise", "process_madvise", "$pid", VECTOR, 1, 4, 0), ("release", "process_mrelease", "$pid", 0)]
        found = self.inside(rows)
        self.assertGreater(found.pop("$pid"), 2)
        self.assertEqual(found, {"attach": "EPERM", "seize": "EPERM", "read": "ENOSYS", "write": "ENOSYS", "kcmp": "EPERM",
                                 "fd": "EPERM", "madvise": "EPERM", "release": "EPERM"})
        control = self.outside([("kcmp", "kcmp", os.getpid(), os.getpid(), 0, 0, 0),
                                ("$pid", "pidfd_open", os.getpid(), 0), ("fd", "pidfd_getfd", "$pid", 1, 0)])
        self.assertEqual([type(result) for result in control.values()], [int] * 3)
        self.assertEqual(self.sessions()[0]["state"], "closed")

    def test_no_signal_does_anything_to_init(self):
        rows = [(f"kill-{number}", "kill", 1, number) for number in range(0, 65)]
        rows += [("$pid", "pidfd_open", 1, 0), ("pidfd", "pidfd_send_signal", "$pid", 9, 0, 0), ("own", "kill", 0, 0)]
        found = self.inside(rows)
        self.assertGreater(found.pop("$pid"), 2)
        self.assertEqual(found.pop("own"), 0)  # positive control
        # An ordinary user's init has the payload's uid and Landlock domain: it has all signals blocked, and of those
        # that nobody can block the kernel lets none of its own namespace through (pid_namespaces(7)).
        self.assertEqual(set(found.values()), {0} if ROOTLESS else {"EPERM"})
        self.assertEqual(self.sessions()[0]["end"], {"by": "command", "code": 0})

    def test_killing_everything_kills_only_ones_own(self):
        out = self.sh("sleep 1000 & python3 -c 'import os; os.kill(-1, 9); print(\"alive\")'; wait; echo $? after; cat /proc/1/comm",
                      code=None)
        self.assertEqual(out.end["by"], "command")
        out = self.open("/usr/bin/python3", "-c", """
import os, signal, subprocess
child = subprocess.Popen(["sleep", "1000"])
os.kill(-1, signal.SIGKILL)
print(child.wait(), open("/proc/1/comm").read().strip())""")
        self.assertEqual(out.out, b"-9 carrel-init\n")

    def test_the_recorder_and_the_services_are_out_of_reach(self):
        process = self.start_running(INSIDE, "calls")
        names = ("carrel-session", "carrel-launcher", "carrel-broker", "carrel-secrets")
        # Positive control: they are there, for root. The launcher's helpers, which fill its pool of disks, come and go.
        pids = {name: [pid for pid in self.processes(name) if self.is_there(pid)] for name in names}
        self.assertEqual([name for name in names if not pids[name]], [])
        pids = [pid for name in names for pid in pids[name]]
        rows = [(f"{call}-{pid}", call, *arguments) for pid in pids for call, *arguments in
                (("kill", pid, 9), ("pidfd_open", pid, 0), ("ptrace", PTRACE_SEIZE, pid, 0, 0))]
        out, _ = self.finish(process, script_of(rows))
        self.assertEqual(results(out), {name: "ESRCH" for name, *_ in rows})

    def is_there(self, pid):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True

    def test_no_listener_of_its_own(self):
        self.assertIn(b"listener\t", self.listener_outside())
        opened = self.attack("listener")
        self.assertEqual(opened.out, b"listener\tEPERM\n")
        self.assertEqual(self.refused_calls(), ["seccomp"])

    def listener_outside(self):
        out = subprocess.run([PAYLOAD, "listener"], capture_output=True).stdout
        self.assertNotIn(b"E", out)
        return out

    def test_a_tracer_does_not_get_a_call_past_the_filter(self):
        opened = self.attack("retrace")
        self.assertEqual(opened.out, b"traced\t0\nreplaced\tEPERM\n")
        self.assertEqual(self.refused_calls(), ["unshare"])

    def test_no_process_outlives_its_session(self):
        process = self.start("/bin/bash", "-c", f"{INSIDE} survive; nohup setsid sleep 1000 >/dev/null 2>&1 & echo there; read x")
        self.assertEqual(sorted([self.line(process), self.line(process)]), ["daemon", "there"])
        self.wait_until(lambda: self.processes("attack-survivor"))  # positive control
        self.finish(process, b"\n")
        self.assertEqual(self.processes("attack-survivor"), [])
        self.assertEqual(self.show()["end"]["by"], "command")

    def test_stopping_everything_does_not_keep_a_session(self):
        process = self.start(INSIDE, "stop")
        self.assertEqual(self.line(process), "stopping")
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.wait_until(lambda: self.sessions()[0]["state"] == "closed", 25, "the session ends")
        self.assertEqual(self.sessions()[0]["end"]["by"], "person")
        self.verify()

    def test_closing_every_descriptor_changes_nothing(self):
        opened = self.sh("echo before; exec 0<&- 1>&- 2>&-; touch web/src/after; exit 9", code=9)
        self.assertEqual((opened.out, opened.end["by"]), (b"before\n", "command"))
        self.assertIn("/workspaces/app/web/src/after", self.changes())

    def test_no_service_of_the_host_is_there_to_ask(self):
        paths = ["/run/dbus/system_bus_socket", "/var/run/docker.sock", "/run/containerd/containerd.sock", "/run/systemd/private",
                 "/tmp/.X11-unix/X0", "/run/user/0/bus", "/tmp/tmux-0/default", str(self.state / "run/launcher.sock")]
        server = socket.socket(socket.AF_UNIX)
        mine = "/tmp/carrel-attack-%d.sock" % os.getpid()
        server.bind(mine)
        self.addCleanup(os.unlink, mine)
        server.listen()
        socket.socket(socket.AF_UNIX).connect(mine)  # positive control
        probe = "import socket, sys\nfor path in sys.argv[1:]:\n  print(socket.socket(socket.AF_UNIX).connect_ex(path))"
        out = self.open("/usr/bin/python3", "-c", probe, mine, *paths).out
        self.assertEqual(set(out.split()), {b"2"})
        denied = {event["data"]["address"] for event in self.events("last", "--verdict", "denied")}
        self.assertLessEqual({"/run/dbus/system_bus_socket", "/var/run/docker.sock"}, denied)

    def test_no_higher_priority(self):
        param = (1).to_bytes(4, "little")
        deadline = b"".join(number.to_bytes(size, "little") for number, size in
                            ((48, 4), (6, 4), (0, 8), (0, 4), (0, 4), (10 ** 7, 8), (10 ** 8, 8), (10 ** 8, 8)))
        rows = [("fifo", "sched_setscheduler", 0, 1, param), ("deadline", "sched_setattr", 0, deadline, 0),
                ("rlimit", "prlimit64", 0, 13, (40).to_bytes(8, "little") * 2, 0)]
        control = self.outside(rows)
        self.assertEqual(control["fifo"], 0)
        rows += [("nice", "setpriority", 0, 0, -20), ("io", "ioprio_set", 1, 0, 1 << 13), ("nicer", "setpriority", 0, 0, 5)]
        self.assertEqual(self.inside(rows), {"fifo": "EPERM", "deadline": "EPERM", "rlimit": "EPERM", "nice": "EACCES",
                                             "io": "EPERM", "nicer": 0})

    def test_a_storm_of_signals_loses_no_process(self):
        opened = self.open("/usr/bin/python3", "-c", """
import signal, subprocess
signal.signal(signal.SIGALRM, lambda *_: None)
signal.signal(signal.SIGCHLD, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
good = 0
for _ in range(40):
    good += subprocess.run("echo a | cat | cat", shell=True, capture_output=True).stdout == b"a\\n"
signal.setitimer(signal.ITIMER_REAL, 0)
print(good)""")
        self.assertEqual(opened.out, b"40\n")
        end = self.events()[-1]["data"]
        self.assertEqual(end["produced"], end["recorded"] + end["lost"])


if __name__ == "__main__":
    unittest.main()
