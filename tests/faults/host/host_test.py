"""Every process of Carrel's killed while a session lives, and every set-up step made to fail from outside."""
import ctypes
import errno
import os
import pathlib
import signal
import subprocess
import time
import unittest

import carrel_case
from carrel_case import AS_USER, CARREL, Case, NeedsImages, alive, also_with_groups
from carrel_case import ROOTLESS, UID, give, needs, needs_groups
import handed_groups

BUSY = "echo ready; while :; do echo tick >> /tmp/ticks; sleep 0.02; done"


def command_lines():
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield (entry / "cmdline").read_bytes()
            except OSError:
                pass  # it has ended


def processes_in(file):
    """Of a cgroup.procs; none where the group is being removed (ENODEV, ENOENT)."""
    try:
        return file.read_text().split()
    except OSError as why:
        if why.errno in (errno.ENODEV, errno.ENOENT):
            return []
        raise


class Killed(Case):
    """A process is killed in mid-session."""

    def begin(self, script=BUSY):
        process = subprocess.Popen([CARREL, "open", "--profile", str(self.profile), "--", "/bin/bash", "-c", script],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.PIPE,
                                   env=self.environment(), **AS_USER)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        return process

    def payload_gone(self):
        if ROOTLESS:  # no control group: by its command line, which only this test uses
            return not any(words.startswith(b"/bin/bash\0-c\0") and b"/tmp/ticks" in words for words in command_lines())
        cgroup = self.cgroup()
        return cgroup is None or not any(processes_in(path) for path in cgroup.glob("*/cgroup.procs"))

    def finish(self, process, code, seconds=30):
        out, err = process.communicate(timeout=seconds)
        self.assertEqual(process.returncode, code, err.decode() + self.logs())
        return err.decode()

    def test_the_broker(self):
        process = self.begin()
        self.assertFalse(self.payload_gone())
        started = time.monotonic()
        os.kill(self.broker_pid(), signal.SIGKILL)
        err = self.finish(process, 124, 15)
        self.assertLess(time.monotonic() - started, 5 + 2)  # the promise is 5 s; 2 s for a busy machine
        self.assertRegex(err, "record")
        self.assertTrue(self.payload_gone())
        self.assertEqual(self.verify(code=5)["exit"], 5)  # asked of a new pair
        self.assertEqual(self.sessions()[0]["state"], "broken")
        self.open("/bin/true")  # and the next session opens

    @also_with_groups
    def test_the_supervisor(self):
        process = self.begin()
        [pid] = self.processes("carrel-session")
        os.kill(pid, signal.SIGKILL)
        err = self.finish(process, 137)
        self.assertIn("supervisor", err)
        self.wait_until(self.payload_gone, what="the payload ends")
        self.wait_until(lambda: self.sessions()[0]["state"] == "broken", what="the session is broken")
        self.assertEqual(self.verify(code=5)["exit"], 5)

    def test_the_sensor(self):
        """Calls that nobody can answer fail; the session ends at once and says why."""
        if not ROOTLESS:
            print("SKIP kernel-feature=sensor-process: root's sensor is the kernel's own")
            self.skipTest("root's sensor is no process")
        process = self.begin()
        [pid] = self.processes("carrel-notify")
        os.kill(pid, signal.SIGKILL)
        err = self.finish(process, 124)
        self.assertIn("sensor", err)
        self.assertTrue(self.payload_gone())
        self.assertEqual(self.sessions()[0]["end"]["by"], "policy")
        self.verify(code=None)

    @also_with_groups
    def test_init(self):
        process = self.begin()
        # By number inside: 1 is init; the payload is another process of that name only before it runs.
        pids = [pid for pid in self.processes("carrel-init")
                if "NSpid:\t%d\t1\n" % pid in pathlib.Path(f"/proc/{pid}/status").read_text()]
        self.assertEqual(len(pids), 1)
        os.kill(pids[0], signal.SIGKILL)
        self.finish(process, 137)
        self.assertTrue(self.payload_gone())
        self.assertEqual(self.verify()["exit"], 0)

    @also_with_groups
    def test_the_launcher(self):
        process = self.begin()
        os.kill(self.service_pid(), signal.SIGKILL)
        out, err = process.communicate(timeout=40)
        self.assertIn(process.returncode, (123, 124, 125), err)
        self.wait_until(self.payload_gone, 30, "the payload ends")
        self.open("/bin/true")  # a new launcher clears what the old one left
        states = [row["state"] for row in self.sessions()]
        self.assertEqual(states[0], "closed")
        self.assertNotIn("running", states)

    def test_the_services_by_sigterm_end_a_session_properly(self):
        process = self.begin()
        os.kill(self.service_pid(), signal.SIGTERM)
        self.finish(process, 124)
        self.assertEqual(self.sessions()[0]["state"], "closed")
        self.assertEqual(self.verify()["exit"], 0)

    @also_with_groups
    def test_the_opening_itself(self):
        process = self.begin()
        children = pathlib.Path(f"/proc/{self.service_pid()}/task/{self.service_pid()}/children").read_text().split()
        openings = [int(pid) for pid in children if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "carrel-launcher"]
        self.assertEqual(len(openings), 1)
        os.kill(openings[0], signal.SIGKILL)
        process.communicate(timeout=30)
        self.assertNotEqual(process.returncode, 0)
        self.wait_until(self.payload_gone, what="the payload ends")
        # Until its record is closed, whoever opens would come to this session.
        self.wait_until(lambda: self.sessions()[0]["state"] != "running", 30, "its record is closed")
        self.open("/bin/true")


class KilledBetweenSessions(NeedsImages, Case):
    """The launcher is killed while a disk stays mounted after its session."""

    def test_nothing_is_left_and_the_work_is_whole(self):
        script = "head -c 60M /dev/urandom > web/src/big; sha256sum web/src/big; git add -A; git commit -qm kept"
        begun = self.sh(script)
        self.assertNotEqual(self.loops(), {})
        os.kill(self.service_pid(), signal.SIGKILL)
        self.check_no_disk(30)  # what was not written yet is written first
        self.assertEqual(carrel_case.mounts(), self.mounts_before)
        again = self.sh("sha256sum web/src/big; git status --short; git fsck 2>&1 | grep -v notice; git log --format=%s | head -1")
        self.assertEqual(again.out, begun.out + b"kept\n")
        self.assertNotIn("disk.refused", self.logs())


class KilledBesideOthers(Case):
    """The same with a second terminal attached: its client hears of it, and nothing of it is left."""
    begin, payload_gone, finish = Killed.begin, Killed.payload_gone, Killed.finish

    def both(self):
        first = self.begin()
        second = subprocess.Popen([CARREL, "attach", "--", "/bin/bash", "-c", BUSY], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, stdin=subprocess.PIPE, env=self.environment(), **AS_USER)
        self.addCleanup(second.kill)
        self.assertEqual(second.stdout.readline(), b"ready\n")
        return first, second

    def end_of(self, process, codes):
        _, err = process.communicate(timeout=40)
        self.assertIn(process.returncode, codes, err.decode() + self.logs())
        return err.decode()

    def test_the_broker(self):
        first, second = self.both()
        os.kill(self.broker_pid(), signal.SIGKILL)
        self.end_of(first, [124])
        self.assertIn("record", self.end_of(second, [124]))
        self.assertTrue(self.payload_gone())
        self.assertEqual(self.verify(code=5)["exit"], 5)

    def test_the_supervisor(self):
        first, second = self.both()
        [pid] = self.processes("carrel-session")
        os.kill(pid, signal.SIGKILL)
        self.end_of(first, [137])
        self.assertIn("the session has gone", self.end_of(second, [137]))
        self.wait_until(self.payload_gone, what="the payload ends")
        self.wait_until(lambda: self.sessions()[0]["state"] == "broken", what="the session is broken")
        self.assertEqual(self.verify(code=5)["exit"], 5)

    def test_init(self):
        first, second = self.both()
        pids = [pid for pid in self.processes("carrel-init")
                if "NSpid:\t%d\t1\n" % pid in pathlib.Path(f"/proc/{pid}/status").read_text()]
        os.kill(pids[0], signal.SIGKILL)
        self.end_of(first, [137])
        self.end_of(second, [137])
        self.assertTrue(self.payload_gone())
        self.assertEqual(self.verify()["exit"], 0)

    def test_the_launcher(self):
        first, second = self.both()
        os.kill(self.service_pid(), signal.SIGKILL)
        self.end_of(first, [123, 124, 125])
        self.end_of(second, [124])
        self.wait_until(self.payload_gone, 30, "the payload ends")
        self.open("/bin/true")
        self.assertNotIn("running", [row["state"] for row in self.sessions()])

    def test_both_clients(self):
        first, second = self.both()
        first.kill()
        second.kill()
        self.wait_until(lambda: self.sessions()[0]["state"] == "closed", 40, "the session ends")
        self.assertEqual(self.sessions()[0]["end"]["by"], "person")
        self.assertTrue(self.payload_gone())
        self.assertEqual(self.verify()["exit"], 0)


class OtherGroups(Case):
    """A launcher makes its groups where it was started, but on a host with the unified tree alone: the next one may
    be started elsewhere."""

    def group(self, name):
        """A group below this test's own, handed on to who runs the tests as systemd marks it."""
        place = handed_groups.trees()[""]
        if (pathlib.Path(place) / "cgroup.controllers").read_text().split() and not ROOTLESS and len(handed_groups.trees()) == 1:
            print("SKIP kernel-feature=cgroup-hybrid: root's groups are at the root of the tree")
            self.skipTest("root's groups are at the root of the tree")
        group = pathlib.Path(place + handed_groups.own_groups()[""]) / f"carrel-test-{os.getpid()}-{name}"
        group.mkdir()
        self.addCleanup(self.remove, group)
        for file in ("", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"):
            os.chown(group / file, UID, UID)
        os.setxattr(group, "user.delegate", b"1")
        return group

    def remove(self, group):
        self.stop()
        handed_groups.Handed.remove(group)
        self.assertFalse(group.exists())

    def open_in(self, group, *command):
        procs = os.open(group / "cgroup.procs", os.O_WRONLY)  # whoever opened it is who moves
        try:
            process = self.popen(CARREL, "open", "--profile", str(self.profile), "--", *command, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=lambda: os.write(procs, b"0"))
        finally:
            os.close(procs)
        return process

    @needs_groups("no group, and so none elsewhere")
    def test_what_was_left_in_them_is_cleared(self):
        one, other = self.group("one"), self.group("other")
        process = self.open_in(one, "/usr/bin/sleep", "4711")
        self.wait_until(lambda: self.processes("sleep"), 30, "it runs")
        [payload] = self.processes("sleep")
        self.carrel("pause", "last", "--reason", "a question")
        self.assertEqual(self.cgroup().parent, one)
        victims = [*self.processes("carrel-session"), *self.processes("carrel-launcher"), self.broker_pid(), self.service_pid()]
        for number in (signal.SIGSTOP, signal.SIGKILL):  # none sees the other's end
            for pid in victims:
                os.kill(pid, number)
        process.communicate(timeout=30)
        self.wait_until(lambda: not any(map(alive, victims)), what="they are gone")
        self.assertTrue(alive(payload))  # frozen, and nobody left who could end it
        process = self.open_in(other, "/bin/true")
        self.assertEqual(process.communicate(timeout=60)[0], b"")
        self.assertEqual(process.returncode, 0)
        self.assertFalse(alive(payload))
        self.assertEqual(self.cgroup().parent, other)
        self.assertEqual([each.name for each in one.iterdir() if each.is_dir()], [])


class FullDisk(Case):
    """The state folder's file system fills up while a session works."""

    def setUp(self):
        super().setUp()
        # One process a test: what is mounted here is seen by nobody else, and goes with it.
        libc = ctypes.CDLL(None, use_errno=True)
        CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 16384, 1 << 18
        self.state.mkdir()
        for result in (libc.unshare(CLONE_NEWNS), libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None),
                       libc.mount(b"tmpfs", str(self.state).encode(), b"tmpfs", 0, b"size=24m")):
            self.assertEqual(result, 0, os.strerror(ctypes.get_errno()))
        give(self.state)
        self.mounts_before = carrel_case.mounts()
        self.start_launcher(options=("--host-floor-mib", "1"))

    def test_ends_the_session_when_its_record_cannot_be_kept(self):
        opened = self.sh("echo begun; head -c 40M /dev/urandom", code=124)
        self.assertEqual(opened.end["by"], "policy")
        self.assertTrue(opened.out.startswith(b"begun\n"))
        self.assertIn("record", opened.end["error"])
        self.assertEqual(self.verify(opened.session, code=5)["exit"], 5)
        self.assertEqual(self.sessions()[0]["state"], "broken")

    def test_opens_nothing_when_there_is_no_room_for_the_slice(self):
        self.open("/bin/true")  # positive control
        filler = os.open(self.state / "filler", os.O_WRONLY | os.O_CREAT)
        try:
            while os.write(filler, b"x" * 4096):
                pass
        except OSError as full:
            self.assertEqual(full.errno, errno.ENOSPC)
        os.close(filler)
        before = sorted(path.name for path in (self.state / "workspaces").iterdir())
        opened = self.open("/bin/true", code=123)
        self.assertIn("ENOSPC", opened.err.decode() + opened.end["error"])
        self.assertEqual(sorted(path.name for path in (self.state / "workspaces").iterdir()), before)
        (self.state / "filler").unlink()
        self.open("/bin/true")


class SetUp(Case):
    """Each set-up step fails; the payload never runs and the host is as before."""

    def fails(self, call, when, words, error="EPERM", code=123, held=lambda: None, again=False,
              only=()):
        """Makes the `when`th `call` of every process that the launcher forks fail, while a workspace is made, or
        with `again` while one that there is opens again; `only`: calls on these paths count."""
        self.start_launcher(options=("--linger-ms", "0"))  # so that each opening mounts its disk
        self.open("/bin/true")  # the positive control
        pid = self.service_pid()
        if not ROOTLESS:
            self.wait_until(lambda: len(list((self.state / "pool").glob("*.[0-9]"))) == 4, what="images are in stock")
        trace = self.folder / "trace"
        strace = subprocess.Popen(["strace", "-f", "-qq", "-p", str(pid), "-o", str(trace),
                                   *(word for path in only for word in ("-P", str(path))), "-e", "trace=" + call, "-e",
                                   "signal=none", "-e", f"inject={call}:error={error}:when={when}"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(strace.kill)
        self.wait_until(lambda: f"TracerPid:\t{strace.pid}" in pathlib.Path(f"/proc/{pid}/status").read_text(),
                        what="strace holds the launcher")
        held()
        before = self.files()
        other = self.another_profile()  # a new workspace, and a slice of its own
        other.write_text(other.read_text().replace(', "package.json"', ""))
        if again:
            other = self.profile
        opened = self.sh("touch web/src/ran; echo ran", code=None, profile=other)
        self.assertIn("(INJECTED)", trace.read_text(), f"{call} {when} was never called: {opened.err}")
        text = opened.err.decode()
        self.assertEqual(opened.code, code, text + trace.read_text())
        self.assertEqual(opened.out, b"")
        self.assertEqual(opened.end["by"], "setup")
        self.assertIn(words, text)
        if not ROOTLESS:
            self.wait_until(lambda: not list(self.cgroup().glob("*/cgroup.procs")), what="no session's cgroup is left")
        self.assertEqual(self.processes("carrel-session") + self.processes("carrel-init"), [])
        self.assertEqual(self.files(), before)
        strace.terminate()  # lets go of the launcher
        strace.wait()
        self.open("/bin/true", profile=other)  # and the next one opens
        self.stop()

    def files(self):
        """All of the state folder but logs, the index, the record of a session that failed, images in stock
        and whole slices (the next opening takes them)."""
        left_out = ("run", "sessions", "catalogue.sqlite", "catalogue.sqlite-wal", "catalogue.sqlite-shm", "pool")
        names = (path.relative_to(self.state) for path in self.state.rglob("*"))
        return {str(name) for name in names if name.parts[0] not in left_out
                and (name.parts[0] != "slices" or name.parts[-1].startswith("new-"))} | {self.keys()}

    def keys(self):
        """How many workspaces have one."""
        if ROOTLESS:
            return 0
        slots = (self.state / "vault/workspaces.keys").read_bytes()
        return sum(any(slots[at:at + 128]) for at in range(0, len(slots), 128))

    def test_the_workspaces_folder(self):
        self.fails("mkdirat", 1, "make the workspace's folder", "ENOSPC")

    def test_the_owner_of_a_repositorys_folder(self):
        # An ordinary user's is theirs as it is made; the next to be given away are those of the new root.
        self.fails("fchown", 1, "own folder above" if ROOTLESS else "own the workspace's folder")

    def test_the_slicers_network(self):
        self.fails("unshare", 1, "make a network namespace")

    def test_the_sessions_network(self):
        self.fails("unshare", 2, "make a network namespace")

    def test_the_callers_mount_namespace(self):
        if ROOTLESS:  # there is no way back to it: the repository is opened once more
            return self.fails("readlink", 1, "readlink", "EIO")
        self.fails("setns", 1, "setns to the caller's mount namespace")

    def test_the_slicers_workspace(self):
        self.fails("clone3", 1, "clone3 with the workspace's namespaces")

    def test_the_sessions_workspace(self):
        self.fails("clone3", 2, "clone3 with the workspace's namespaces")

    def test_a_detached_tree(self):
        self.fails("open_tree", 1, "open_tree")

    def test_the_credentials_file_system(self):
        self.fails("fsmount", 5, "fsmount")

    def test_the_root_of_the_workspace(self):
        self.fails("pivot_root", 1, "pivot_root")

    def test_the_manifest(self):
        self.fails("openat2", 1, "manifest")

    def test_pipes(self):
        self.fails("pipe2", 5, "pipe", "EMFILE")

    def test_socket_pairs(self):
        self.fails("socketpair", 2, "socket", "EMFILE")

    def test_carrel_init(self):
        self.fails("execveat", 1, "execute carrel-init")

    def test_the_supervisor(self):
        self.fails("execve", 1, "carrel-session")

    @needs("disk-encrypted", "an ordinary user may mount no image")
    def test_the_format_of_a_disk(self):
        def empty_the_stock():
            for path in (self.state / "pool").iterdir():
                path.unlink()
        self.fails("execve", 1, "mkfs.ext4 could not format a disk", held=empty_the_stock)

    @needs("disk-encrypted", "an ordinary user may mount no image")
    def test_the_loop_device(self):
        self.fails("ioctl", "1+", "ask for a free loop device", "ENOSPC", again=True)

    @needs("disk-encrypted", "an ordinary user may mount no image")
    def test_the_disks_file_system(self):
        self.fails("fsopen", 1, "fsopen ext4", again=True)

    @needs("disk-encrypted", "an ordinary user may mount no image")
    def test_the_overlay(self):
        self.fails("fsopen", 2, "fsopen overlay", again=True)

    @needs("disk-encrypted", "an ordinary user may mount no image")
    def test_the_limit_of_a_disk(self):
        self.fails("fsopen", 4, "fsopen sysfs", again=True)

    @needs("disk-encrypted", "an ordinary user may mount no image")
    def test_the_workspaces_key(self):
        self.fails("pwrite64", 1, "write the workspaces' keys", "EIO", only=[self.state / "vault/workspaces.keys"])

    def test_keeping_the_workspace(self):
        self.fails("fsync", 1, "keep the workspace", "EIO", only=[self.state / "workspaces"])

    def test_the_slicers_filter(self):
        self.fails("seccomp", 1, "set up the slicer, step 12", "EINVAL")

    def test_the_supervisors_confinement(self):
        # A payload loads its filter with its first call; only the supervisor's library makes more than one.
        self.fails("seccomp", "2+", "seccomp", "EINVAL")

    def test_the_ring(self):
        if ROOTLESS:  # a pipe, and counters in memory
            return self.fails("ftruncate", 1, "size the sensor's counters", "EIO")
        self.fails("epoll_create1", 1, "make the sensor reader's descriptors", "EMFILE")


if __name__ == "__main__":
    unittest.main()
