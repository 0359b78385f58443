"""A service of the host: tasks for its users, what they see of them, and a broker that is lost."""
import json
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import time
import unittest

from carrel_case import SOURCE, alive
from service_case import ANNA, BERT, ServiceCase, as_user

UNIT = SOURCE / "launcher/service/units/carrel.service"


def settings(name):
    """The values of a setting of the unit, in order."""
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.M)


KNOWN = """Description After StartLimitIntervalSec StartLimitBurst Type NotifyAccess ExecStart Restart RestartSec KillMode
TimeoutStartSec TimeoutStopSec RuntimeDirectory RuntimeDirectoryMode RuntimeDirectoryPreserve Delegate TasksMax LimitNOFILE LimitMEMLOCK UMask
CapabilityBoundingSet AmbientCapabilities NoNewPrivileges ProtectSystem WantedBy
ListenStream Accept SocketUser SocketGroup SocketMode MaxConnections Backlog TriggerLimitIntervalSec CollectMode StandardInput
StandardOutput StandardError RuntimeMaxSec DynamicUser User ProtectHome PrivateTmp PrivateDevices PrivateNetwork PrivateUsers
PrivateIPC ProtectHostname ProtectClock ProtectKernelTunables ProtectKernelModules ProtectKernelLogs ProtectControlGroups
ProtectProc ProcSubset RestrictAddressFamilies RestrictNamespaces RestrictRealtime RestrictSUIDSGID LockPersonality
MemoryDenyWriteExecute SystemCallArchitectures SystemCallFilter IPAddressDeny LimitCORE MemoryMax""".split()


def unknown_lines(text):
    """Where systemd-analyze is not there: every line is a section, a comment or one of the settings that we know."""
    good = re.compile(r"|\[(Unit|Service|Socket|Install)\]|#.*|(" + "|".join(KNOWN) + ")=.*")
    return [line for line in text.splitlines() if not good.fullmatch(line)]


class ServiceMode(ServiceCase):
    # ---- what a user has of it ----------------------------------------------------------------

    def test_a_user_opens_what_was_given_to_them_and_looks_back(self):
        self.grant("mend", ANNA)
        self.assertNotEqual(subprocess.run(["ls", str(self.company)], capture_output=True, **as_user(ANNA)).returncode, 0)
        done = self.run_as(ANNA, "open", "mend", "--", "/bin/sh", "-c", "ls; echo more >> web/src/main.c; id -u")
        self.assertEqual(done.stdout, b"docs\npackage.json\nweb\n1000\n")
        self.assertEqual(self.run_as(ANNA, "open", "mend", "--", "/usr/bin/tail", "-n1", "web/src/main.c").stdout, b"more\n")
        rows = json.loads(self.run_as(ANNA, "sessions", "--json").stdout)
        self.assertEqual([(row["person"], row["task"], row["state"]) for row in rows], [(f"local:{ANNA}", "local/mend", "closed")] * 2)
        session = rows[-1]["session"]
        self.assertEqual(json.loads(self.run_as(ANNA, "show", session, "--json").stdout)["changes"][0]["path"], "/workspaces/app/web/src/main.c")
        self.assertIn(b"process.exec", self.run_as(ANNA, "events", session, "--format", "jsonl").stdout)
        self.assertIn(b"docs", self.run_as(ANNA, "replay", session, "--text").stdout)
        self.assertIn(b"+more", self.run_as(ANNA, "diff", session).stdout)
        verified = json.loads(self.run_as(ANNA, "verify", session, "--json").stdout)
        self.assertEqual((verified["exit"], verified["policy"]), (0, "state"))
        self.assertEqual([task["task"] for task in json.loads(self.run_as(ANNA, "task", "list", "--json").stdout)], ["local/mend"])
        # The admin sees it, and does not review it.
        self.assertEqual(len(self.sessions()), 2)
        self.assertIn(b"no role allows to review", self.carrel("show", session, code=2).stderr)
        self.assertEqual(json.loads(self.carrel("verify", session, "--json").stdout)["exit"], 0)

    def test_whoever_holds_a_token_may_ask_whether_it_lives(self):
        self.grant("mend", ANNA)
        process = self.start_as(ANNA, "open", "mend", "--", "/bin/sh", "-c", "cat /run/carrel/credentials/ci/token; echo; read end")
        token = process.stdout.readline().strip()
        self.assertEqual(token.count(b"."), 2, self.logs())
        for uid in (ANNA, BERT, 0):
            self.assertTrue(json.loads(self.run_as(uid, "token", "introspect", stdin=token + b"\n").stdout)["active"])
        changed = token[:-4] + (b"AAAA" if token[-4:] != b"AAAA" else b"BBBB")
        self.assertEqual(self.run_as(BERT, "token", "introspect", stdin=changed, code=2).stdout, b'{"active":false}\n')
        self.carrel("close", "last", "--reason", "over", "--now")
        for uid in (ANNA, BERT):
            self.assertEqual(self.run_as(uid, "token", "introspect", stdin=token, code=2).stdout, b'{"active":false}\n')
        # A stranger who asks and asks fills no log.
        script = """if True:
            import sys
            from service_case import TOKEN_REQUEST, TOKEN_REPLY, encode, talk
            for i in range(300):
                kind, fields, _ = talk(sys.argv[1] + "/broker.sock", TOKEN_REQUEST, encode({1: b"nonsense"}))
                assert (kind, fields[1]) == (TOKEN_REPLY, [b'{"active":false}']), (kind, fields)
            """
        self.python_as(BERT, script, self.sockets)
        lines = [line for line in (self.state / "run/broker.log").read_text().splitlines() if f"token.introspected uid={BERT} " in line]
        self.assertGreater(len(lines), 50)
        self.assertLess(len(lines), 250)

    def test_a_profile_is_nothing_that_it_opens(self):
        self.profile.chmod(0o644)
        own = self.folder / "own"
        own.mkdir(mode=0o755)
        mine = own / "fix.toml"
        mine.write_text(self.profile.read_text())
        (own / "company").mkdir()
        for uid in (ANNA, 0):
            done = self.run_as(uid, "open", "--profile", str(mine), "--", "/bin/true", code=121)
            self.assertIn(b"opens tasks that were given to you, no profile of your own", done.stderr)
        self.assertEqual(self.sessions(), [])

    def test_the_admin_finds_it_by_its_state_folder_too(self):
        environment = {"PATH": os.environ["PATH"], "CARREL_STATE": str(self.state)}
        self.carrel("task", "create", "mend", "--profile", str(self.profile), "--person", "0", env=environment)
        done = self.carrel("open", "mend", "--", "/bin/echo", "there", env=environment)
        self.assertEqual(done.stdout, b"there\n")
        self.assertEqual(self.service_pid(), self.launcher_process.pid)  # no second launcher
        self.assertEqual(json.loads(self.carrel("verify", "last", "--json", env=environment).stdout)["exit"], 0)

    def on_its_host(self, *words):
        """What ANNA's `carrel` answers where the service's sockets are the host's."""
        return subprocess.run(
            ["unshare", "-m", "/bin/sh", "-ec", f"mount -t tmpfs none /run; mkdir /run/carrel; mount --bind {self.sockets} /run/carrel; "
             f'exec setpriv --reuid {ANNA} --regid {ANNA} --clear-groups {self.programs}/bin/carrel "$@"', "sh", *words],
            capture_output=True, env={"PATH": os.environ["PATH"], "HOME": str(self.folder)}, timeout=30)

    def test_a_host_service_is_found_where_nothing_else_is_named(self):
        self.grant("mend", ANNA)
        found = self.on_its_host("task", "list", "--json")
        self.assertEqual(found.returncode, 0, found.stderr)
        self.assertEqual([task["task"] for task in json.loads(found.stdout)], ["local/mend"])

    def test_a_host_service_that_has_stopped_is_missed(self):
        """Nobody works in a folder of their own instead, without knowing."""
        self.launcher_process.send_signal(signal.SIGTERM)
        self.launcher_process.wait(timeout=30)
        for words in (["list"], ["open", "mend", "--", "/bin/true"]):
            done = self.on_its_host(*words)
            self.assertIn(b"systemctl start carrel", done.stderr)
            self.assertNotEqual(done.returncode, 0)
        (self.sockets / "trust.policy").unlink()  # no service, and never one since the host was started
        self.assertIn(b"there is no state folder", self.on_its_host("list").stderr)

    def test_it_says_that_it_is_ready_and_shows_two_sockets_alone(self):
        self.assertIn("READY=1", self.said.split("\n"))
        self.assertEqual({path.name: stat.S_IMODE(path.stat().st_mode) for path in self.sockets.iterdir()},
                         {"launcher.sock": 0o666, "broker.sock": 0o666, "trust.policy": 0o644})
        self.assertEqual(stat.S_IMODE(self.sockets.stat().st_mode), 0o755)
        self.assertEqual(self.state.stat().st_mode & 0o007, 0)
        self.launcher_process.send_signal(signal.SIGTERM)
        self.assertEqual(self.launcher_process.wait(timeout=30), 0)
        self.assertEqual([path.name for path in self.sockets.iterdir()], ["trust.policy"])
        done = self.run_as(ANNA, "list", code=1)
        self.assertIn(b"does not answer", done.stderr)
        self.assertIn(b"systemctl start carrel", done.stderr)

    def test_the_admin_stops_and_ends_sessions_of_users(self):
        self.grant("mend", ANNA)
        process = self.start_as(ANNA, "open", "mend", "--", "/bin/sh", "-c", "echo there; exec sleep 100")
        self.assertEqual(process.stdout.readline(), b"there\n")
        session = self.last_session()
        self.carrel("pause", session, "--reason", "a look")
        self.assertIn(b"paused by local:0: ask them", self.run_as(ANNA, "resume", session, "--reason", "no", code=2).stderr)
        self.carrel("resume", session, "--reason", "seen")
        self.run_as(ANNA, "close", session, "--reason", "done", "--now")
        self.assertEqual(process.wait(timeout=30), 125)

    def test_a_task_ends_with_what_runs_and_what_lies_there(self):
        self.grant("mend", ANNA)
        self.run_as(ANNA, "open", "mend", "--", "/bin/true")
        self.run_as(ANNA, "task", "end", "mend", "--reason", "mine", code=2)
        self.assertIn(b" is erased\n", self.carrel("task", "end", "mend", "--reason", "over", "--now").stdout)
        self.assertIn(b"was ended by local:0", self.run_as(ANNA, "open", "mend", "--", "/bin/true", code=121).stderr)

    def test_what_a_task_is_made_of_is_looked_at_when_it_is_made(self):
        (self.folder / "link").symlink_to(self.company)
        self.profile.write_text(self.profile.read_text().replace('"company"', f'"{self.folder}/link"'))
        self.assertIn(b"a service follows no links", self.grant("mend", ANNA, code=1).stderr)
        self.profile.write_text(self.profile.read_text().replace("/link", "/absent"))
        self.assertIn(b"absent", self.grant("mend", ANNA, code=1).stderr)

    # ---- a broker that is lost ----------------------------------------------------------------

    def test_a_lost_broker_is_replaced(self):
        self.grant("mend", ANNA)
        self.grant("other", BERT)
        process = self.start_as(ANNA, "open", "mend", "--", "/bin/sh", "-c", "echo there; exec sleep 100")
        self.assertEqual(process.stdout.readline(), b"there\n")
        session, launcher, old = self.last_session(), self.service_pid(), self.broker_pid()
        os.kill(old, signal.SIGKILL)
        # At once, by way of the sockets that stay; and by somebody else than who lost their session.
        self.assertEqual(self.run_as(BERT, "open", "other", "--", "/bin/echo", "anew").stdout, b"anew\n")
        self.assertNotEqual(self.broker_pid(), old)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 124, err)
        self.assertEqual(json.loads(self.run_as(ANNA, "verify", session, "--json", code=5).stdout)["exit"], 5)
        self.assertEqual(self.run_as(ANNA, "open", "mend", "--", "/bin/echo", "again").stdout, b"again\n")
        self.assertEqual(self.service_pid(), launcher)
        self.assertEqual(json.loads(self.run_as(ANNA, "verify", "last", "--json").stdout)["exit"], 0)

    def test_a_broker_that_dies_again_and_again_ends_the_service(self):
        begin = time.monotonic()
        killed = set()
        while self.launcher_process.poll() is None and time.monotonic() - begin < 90:
            pid = self.broker_pid()
            if pid not in killed and alive(pid):
                killed.add(pid)
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
        self.assertEqual(self.launcher_process.wait(timeout=30), 1)
        self.assertEqual(len(killed), 7)  # the first, and six that were started after it
        self.assertGreater(time.monotonic() - begin, 30)
        self.assertIn(b"the broker ended 7 times without running for a minute", self.launcher_process.stderr.read())

    def test_a_service_that_was_killed_is_started_again(self):
        self.grant("mend", ANNA)
        self.run_as(ANNA, "open", "mend", "--", "/bin/sh", "-c", "echo kept > web/src/new")
        self.launcher_process.kill()
        self.launcher_process.wait()
        self.start_service()
        self.assertEqual(self.run_as(ANNA, "open", "mend", "--", "/bin/cat", "web/src/new").stdout, b"kept\n")

    # ---- how it is started --------------------------------------------------------------------

    def test_it_is_roots(self):
        done = self.run_as(ANNA, "launcher", "--state", "/tmp/carrel-none", "--sockets", "/tmp/carrel-none", code=1)
        self.assertIn(b"run it as root", done.stderr)
        self.assertFalse(os.path.exists("/tmp/carrel-none"))
        self.assertIn(b"give an absolute path", self.carrel("launcher", "--state", "here", code=1).stderr)
        self.assertIn(b"usage: carrel launcher", self.carrel("launcher", "--help").stdout)

    def test_its_folders_are_nobody_elses(self):
        theirs = self.folder / "theirs"
        theirs.mkdir()
        os.chown(theirs, ANNA, ANNA)
        for folder in (theirs, theirs / "below"):
            done = self.carrel("launcher", "--state", str(folder), "--sockets", str(self.folder / "s2"), code=1)
            self.assertIn(b"belongs to uid 12345", done.stderr)
        open_to_all = self.folder / "open"
        open_to_all.mkdir()
        open_to_all.chmod(0o777)
        done = self.carrel("launcher", "--state", str(self.folder / "state2"), "--sockets", str(open_to_all), code=1)
        self.assertIn(b"is writable by others", done.stderr)
        own = self.folder / "state3"
        done = self.carrel("launcher", "--state", str(own), "--sockets", str(own), code=1)
        self.assertIn(b"give another folder than the state folder's own", done.stderr)

    def test_the_unit_is_one_that_systemd_reads(self):
        def complaints(text, name="carrel.service"):
            unit = self.folder / name
            unit.write_text(text.replace("/usr/bin/carrel", str(self.programs / "bin/carrel")))
            if shutil.which("systemd-analyze") is None:
                return unknown_lines(text)
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, timeout=60)
            return [line for line in done.stderr.decode().splitlines() if "carrel" in line]
        self.assertNotEqual(complaints(UNIT.read_text().replace("ProtectSystem=", "ProtectSytem=")), [])  # positive control
        self.assertEqual(complaints(UNIT.read_text()), [])
        self.assertEqual(unknown_lines(UNIT.read_text()), [])
        for name in ("carrel-introspect@.service", "carrel-introspect.socket"):  # the socket is read beside its service
            text = UNIT.with_name(name).read_text()
            self.assertNotEqual(complaints(text.replace("Description=", "Descripton="), name), [])
            self.assertEqual(complaints(text, name), [])
            self.assertEqual(unknown_lines(text), [])
        # A stopped service is one that does not answer, as above, and not none: its folder of sockets is there still.
        self.assertEqual(settings("RuntimeDirectoryPreserve"), ["yes"])

    def start_with_what_the_unit_leaves(self):
        """systemd does not run here: the same bounding set, no_new_privs, umask and read-only folders by hand."""
        self.launcher_process.send_signal(signal.SIGTERM)
        self.launcher_process.wait(timeout=30)
        [bounding] = settings("CapabilityBoundingSet")
        names = ",".join("+" + name.removeprefix("CAP_").lower() for name in bounding.split())
        self.assertEqual(settings("NoNewPrivileges"), ["yes"])
        self.assertEqual(settings("ProtectSystem"), ["full"])
        script = ("mount --make-rprivate /; for folder in /usr /etc; do mount --bind $folder $folder; mount -o remount,bind,ro $folder; done; "
                  f'exec setpriv --bounding-set "-all,{names}" --inh-caps "-all" --no-new-privs "$@"')
        self.assertEqual(settings("PrivateNetwork"), [])  # gateways dial from the host's
        self.start_service(wrapper=["unshare", "-m", "/bin/sh", "-ec", script, "sh"])
        status = pathlib.Path(f"/proc/{self.launcher_process.pid}/status").read_text()
        self.assertRegex(status, r"NoNewPrivs:\t1")
        self.assertNotRegex(status, r"CapBnd:\t0*1ffffffffff\n")

    def test_it_works_with_what_the_unit_leaves_it(self):
        self.start_with_what_the_unit_leaves()
        self.grant("mend", ANNA)
        done = self.run_as(ANNA, "open", "mend", "--", "/bin/sh", "-c", "echo x > web/src/new; ls web/src/new")
        self.assertEqual(done.stdout, b"web/src/new\n")
        verified = json.loads(self.run_as(ANNA, "verify", "last", "--json").stdout)
        self.assertEqual(verified["exit"], 0)
        [given] = [row for row in json.loads(self.run_as(ANNA, "sessions", "--json").stdout)]
        shown = json.loads(self.run_as(ANNA, "show", given["session"], "--json").stdout)
        self.with_unit = {item["id"]: item["given"] for item in shown["assurance"]}
        self.assertEqual(self.with_unit, self.without_unit())

    def test_a_way_out_takes_what_the_unit_leaves_too(self):
        """The gateway's namespace, its ports there and its self-test."""
        self.start_with_what_the_unit_leaves()
        profile = self.folder / "way.toml"
        profile.write_text('profile = "way"\nversion = 1\nsummary = "A way out."\n[purpose]\nstatement = "Ticket FE-2"\n'
                           '[[network]]\nhost = "api.example.com"\nports = [443]\n')
        self.grant("way", ANNA, profile=profile)
        script = "import socket; print(socket.gethostbyname('api.example.com')[:7])"
        self.assertRegex(self.run_as(ANNA, "open", "way", "--", "/usr/bin/python3", "-c", script).stdout, rb"198\.1[89]\.")

    def without_unit(self):
        """The guarantees of the same session where nothing restricts the launcher."""
        self.launcher_process.send_signal(signal.SIGTERM)
        self.launcher_process.wait(timeout=30)
        self.start_service()
        self.run_as(ANNA, "open", "mend", "--", "/bin/true")
        return {item["id"]: item["given"] for item in json.loads(self.run_as(ANNA, "show", "last", "--json").stdout)["assurance"]}


if __name__ == "__main__":
    unittest.main()
