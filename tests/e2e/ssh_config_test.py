"""`carrel ssh-config` and `carrel connect`, up to where the session's ssh server begins: what ssh is told, what is
prepared for it and for whom, and the bytes of a connection."""
import array
import os
import pathlib
import re
import socket
import stat
import struct
import subprocess
import threading
import time
import unittest

from carrel_case import AS_USER, CARREL, ROOTLESS, UID, Case, give
from service_case import ANNA, BERT, ServiceCase, decode, encode, talk

ATTACH_REQUEST, ATTACH_REPLY, CERTIFICATE_REQUEST, FAILURE = 22, 23, 24, 1


def shown(certificate):
    """What ssh-keygen says of a certificate."""
    done = subprocess.run(["ssh-keygen", "-L", "-f", str(certificate)], capture_output=True, check=True, env={**os.environ, "TZ": "UTC"})
    return done.stdout.decode()


class SshCase(Case):
    def setUp(self):
        super().setUp()
        self.keys = self.folder / "state of 100% \"it's\"" / "carrel-ssh"

    def environment(self):
        return {**super().environment(), "XDG_STATE_HOME": str(self.keys.parent), "SHELL": "/bin/sh"}

    def running(self, profile=None):
        """A session that lasts until its stdin ends; its id."""
        process = self.popen(CARREL, "open", "--profile", str(profile or self.profile), "--", "/bin/sh", "-c", "echo there; cat",
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.reap, process)
        self.assertEqual(process.stdout.readline(), b"there\n", self.logs())
        self.process = process
        return self.sessions()[0]["session"]

    def reap(self, process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def finish(self, process):
        process.communicate(timeout=40)
        self.assertEqual(process.returncode, 0)

    def refused(self, *words, code=121):
        done = self.carrel(*words, code=code)
        self.assertEqual(done.stdout, b"")
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        return done.stderr.decode()

    def ssh(self, config, *words):
        path = self.folder / "ssh_config"
        path.write_bytes(config)
        return subprocess.run([*self.as_somebody(), "ssh", "-F", str(path), *words], capture_output=True, timeout=60,
                              env=self.environment(), stdin=subprocess.DEVNULL)

    def as_somebody(self):
        """ssh runs for nobody whom no passwd file names: the test's user is in one that this program alone sees."""
        if not ROOTLESS:
            return []
        passwd = self.folder / "passwd"
        passwd.write_text(f"{pathlib.Path('/etc/passwd').read_text()}tester:x:{UID}:{UID}::{self.folder}:/bin/sh\n")
        script = 'mount --bind "$0" /etc/passwd && uid=$1 && shift && exec setpriv --reuid $uid --regid $uid --clear-groups "$@"'
        return ["unshare", "--mount", "/bin/sh", "-c", script, str(passwd), str(UID)]

    def file(self, name, alias="carrel-fix"):
        return self.keys / alias / name

    def prepare(self, word="fix"):
        done = self.carrel("connect", "--prepare", word)
        self.assertEqual((done.stdout, done.stderr), (b"", b""))


class SshConfig(SshCase):
    def test_ssh_reads_what_it_says_and_gets_what_it_needs(self):
        session = self.running()
        config = self.carrel("ssh-config").stdout
        self.assertEqual(config.splitlines()[0], b"# carrel: task local/fix; made by `carrel ssh-config fix`")
        self.assertEqual(self.carrel("ssh-config", "local/fix").stdout, config)
        done = self.ssh(config, "-T", "-G", "carrel-fix")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        said = dict(line.split(" ", 1) for line in done.stdout.decode().splitlines())
        self.assertEqual([said[key] for key in ("user", "hostkeyalias", "stricthostkeychecking", "identitiesonly", "identityagent", "kexalgorithms")],
                         ["contractor", "carrel-fix", "true", "yes", "none", "curve25519-sha256"])
        self.assertIn("connect --state ", said["proxycommand"])
        # Reading it has prepared the connection.
        self.assertIn(f"                {session}\n", shown(self.file("key-cert.pub")))
        for name in ("key", "key-cert.pub", "known_hosts"):
            self.assertEqual(stat.S_IMODE(self.file(name).stat().st_mode), 0o600)
        self.finish(self.process)
        done = self.ssh(config, "carrel-fix", "true")
        self.assertEqual(done.returncode, 255)
        self.assertEqual(done.stderr.decode().splitlines()[0].rstrip(),
                         "carrel connect: no session of task local/fix runs; open it with `carrel open --profile FILE`")
        self.assertEqual(done.stderr.count(b"no session of task"), 1)

    def test_what_is_the_default_is_not_named(self):
        home = self.folder / "home"
        self.state = home / ".local/state/carrel"
        self.state.mkdir(parents=True)
        give(home)
        environment = {**self.environment(), "HOME": str(home)}
        del environment["XDG_STATE_HOME"]
        if UID != 0:  # root's default is the host's own
            del environment["CARREL_STATE"]
        said = "" if UID != 0 else f"--state '{self.state}' "
        done = subprocess.run([CARREL, "open", "--profile", str(self.profile), "--", "/bin/true"], capture_output=True, env=environment, **AS_USER)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = subprocess.run([CARREL, "ssh-config"], capture_output=True, env=environment, **AS_USER)
        self.assertIn(f"  ProxyCommand '{CARREL}' connect {said}--stdio fix\n", done.stdout.decode())
        self.assertIn(f'  IdentityFile "{home}/.local/state/carrel-ssh/carrel-fix/key"\n', done.stdout.decode())

    def test_names_the_tasks_that_are_the_callers_and_go_on(self):
        self.assertIn("there is no state folder", self.refused("ssh-config"))
        self.sh("true")
        self.open("/bin/true", profile=self.another_profile())
        config = self.carrel("ssh-config").stdout.decode()
        self.assertEqual(re.findall(r"^Host (.*)$", config, re.M), ["carrel-fix", "carrel-other"])
        self.assertEqual(re.findall(r"^Host (.*)$", self.carrel("ssh-config", "other").stdout.decode(), re.M), ["carrel-other"])
        self.assertIn("no task local/nought is yours", self.refused("ssh-config", "fix", "nought"))
        self.assertIn("names no task", self.refused("ssh-config", "No Task", code=120))
        self.carrel("task", "end", "other", "--reason", "done")
        self.assertEqual(re.findall(r"^Host (.*)$", self.carrel("ssh-config").stdout.decode(), re.M), ["carrel-fix"])
        self.assertIn(f"task local/other was ended by local:{UID}: done", self.refused("ssh-config", "other"))
        self.carrel("task", "end", "fix", "--reason", "done")
        self.assertIn("no task is yours", self.refused("ssh-config"))

    def test_the_same_state_folder_is_meant_from_anywhere(self):
        self.sh("true")
        environment = self.environment()
        del environment["CARREL_STATE"]
        done = subprocess.run([CARREL, "ssh-config", "--state", "state"], capture_output=True, env=environment, cwd=self.folder, **AS_USER)
        self.assertIn(f" connect --state '{self.state}' --stdio fix\n", done.stdout.decode())


class SshPrepare(SshCase):
    def test_a_certificate_for_the_running_session_of_its_person(self):
        session = self.running()
        self.prepare()
        text = shown(self.file("key-cert.pub"))
        self.assertIn("Type: ssh-ed25519-cert-v01@openssh.com user certificate\n", text)
        self.assertIn(f'Key ID: "carrel:{session}:local:{UID}"\n', text)
        self.assertIn(f"Principals: \n                {session}\n        Critical Options: (none)\n"
                      "        Extensions: \n                permit-port-forwarding\n                permit-pty\n", text)
        start, end = (time.mktime(time.strptime(moment, "%Y-%m-%dT%H:%M:%S")) for moment in re.search(r"Valid: from (\S+) to (\S+)", text).groups())
        self.assertEqual(end - start, 360)
        key = subprocess.run(["ssh-keygen", "-y", "-f", str(self.file("key"))], capture_output=True, check=True).stdout
        (self.folder / "key.pub").write_bytes(key)
        fingerprint = subprocess.run(["ssh-keygen", "-l", "-f", str(self.folder / "key.pub")], capture_output=True, check=True).stdout.split()[1].decode()
        self.assertIn(f"Public key: ED25519-CERT {fingerprint}\n", text)
        self.assertRegex(self.file("known_hosts").read_text(), r"\Acarrel-fix ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI\S{43}\n\Z")
        self.assertEqual(sorted(os.listdir(self.keys / "carrel-fix")), ["key", "key-cert.pub", "known_hosts"])
        for folder in (self.keys, self.keys / "carrel-fix"):
            self.assertEqual(stat.S_IMODE(folder.stat().st_mode), 0o700)
        self.assertIn(f"broker.certificate session={session} serial=1 person=local:{UID}\n", self.logs())

    def test_the_key_stays_and_the_certificate_is_new(self):
        self.running()
        self.prepare()
        key, hosts = self.file("key").read_bytes(), self.file("known_hosts").read_bytes()
        self.prepare()
        self.assertEqual((self.file("key").read_bytes(), self.file("known_hosts").read_bytes()), (key, hosts))
        self.assertIn("Serial: 2\n", shown(self.file("key-cert.pub")))
        self.file("key").chmod(0o644)
        self.prepare()
        self.assertNotEqual(self.file("key").read_bytes(), key)

    def test_many_at_once_leave_a_key_and_its_own_certificate(self):
        self.running()
        many = [self.popen(CARREL, "connect", "--prepare", "fix", stderr=subprocess.PIPE) for _ in range(12)]
        for each in many:
            self.assertEqual((each.communicate(timeout=60)[1], each.returncode), (b"", 0))
        fingerprint = subprocess.run(["ssh-keygen", "-l", "-f", str(self.file("key"))], capture_output=True, check=True).stdout.split()[1].decode()
        self.assertIn(f"Public key: ED25519-CERT {fingerprint}\n", shown(self.file("key-cert.pub")))

    def test_two_sessions_have_keys_of_their_own(self):
        fix = self.running()
        other = self.running(self.another_profile())
        for name, session in (("fix", fix), ("other", other)):
            self.prepare(name)
            self.assertIn(f"                {session}\n", shown(self.file("key-cert.pub", f"carrel-{name}")))
        keys = {self.file("known_hosts", f"carrel-{name}").read_text().split()[2] for name in ("fix", "other")}
        self.assertEqual(len(keys), 2)

    def test_by_the_session_too(self):
        session = self.running()
        for word in (session, session[:12], "last"):
            self.prepare(word)
            self.assertIn(f"                {session}\n", shown(self.file("key-cert.pub", f"carrel-{word}")))
            self.assertTrue(self.file("known_hosts", f"carrel-{word}").read_text().startswith(f"carrel-{word} "))

    def test_nothing_runs(self):
        self.assertIn("there is no state folder", self.refused("connect", "--prepare", "fix"))
        self.sh("true")
        self.running(self.another_profile())  # the services answer
        message = "carrel connect: no session of task local/{} runs; open it with `carrel open {}`\n"
        for way in ("--prepare", "--stdio"):
            self.assertEqual(self.refused("connect", way, "fix"), message.format("fix", "--profile FILE"))
            self.assertEqual(self.refused("connect", way, "nought"), message.format("nought", "nought"))
            self.assertEqual(self.refused("connect", way, "0" * 26), f"carrel connect: no session {'0' * 26} runs\n")
        self.assertFalse(self.file("key-cert.pub").exists())
        self.finish(self.process)
        self.wait_until(lambda: self.sessions()[0]["state"] == "closed", 20, "it has ended")
        self.assertIn("no session last runs", self.refused("connect", "--prepare", "last"))

    def test_says_what_is_wrong_with_its_words(self):
        for words in (["fix"], ["--stdio"], ["--prepare", "a", "b"], ["--stdio", "--prepare", "a"], ["--prepare", "../a"], ["--stdio", "a\nb"]):
            self.assertIn("(see: carrel connect --help)", self.refused("connect", *words, code=120))

    def test_follows_no_link_of_its_folder(self):
        self.running()
        self.prepare()
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        give(elsewhere)
        for name in ("key", "key-cert.pub", "known_hosts"):
            self.file(name).unlink()
            self.file(name).symlink_to(elsewhere / name)
        self.prepare()
        self.assertEqual(os.listdir(elsewhere), [])
        subprocess.run(["rm", "-r", str(self.keys / "carrel-fix")], check=True)
        (self.keys / "carrel-fix").symlink_to(elsewhere)
        self.assertIn("/carrel-fix: ENOTDIR", self.refused("connect", "--prepare", "fix", code=123))
        self.assertEqual(os.listdir(elsewhere), [])


class SshOfOthers(ServiceCase):
    def test_a_certificate_is_the_persons_alone(self):
        self.grant("mend", ANNA, BERT)
        process = self.start_as(ANNA, "open", "mend", "--", "/bin/sh", "-c", "echo there; cat")
        self.assertEqual(process.stdout.readline(), b"there\n", self.logs())
        session = self.last_session()
        homes = {}
        for uid in (ANNA, BERT, 0):
            homes[uid] = self.folder / f"home-{uid}"
            homes[uid].mkdir(mode=0o700)
            os.chown(homes[uid], uid, uid)
        environments = {uid: {**self.user_environment(), "HOME": str(home)} for uid, home in homes.items()}
        self.run_as(ANNA, "connect", "--prepare", "mend", env=environments[ANNA])
        cert = ".local/state/carrel-ssh/carrel-mend/key-cert.pub"
        self.assertIn(f'Key ID: "carrel:{session}:local:{ANNA}"\n', shown(homes[ANNA] / cert))
        for uid in (BERT, 0):
            for way in ("--prepare", "--stdio"):
                done = self.run_as(uid, "connect", way, "mend", env=environments[uid], code=121)
                self.assertIn(b"no session of task local/mend runs; open it with `carrel open mend`", done.stderr)
                self.run_as(uid, "connect", way, session, env=environments[uid], code=121)
            self.assertFalse((homes[uid] / cert).exists())
        done = self.run_as(0, "connect", "--prepare", session, env=environments[0], code=121)
        self.assertIn(b"another person's session: no role allows to open it", done.stderr)
        # Somebody else's home is no place for keys, root's neither.
        done = self.run_as(0, "connect", "--prepare", "mend", env=environments[ANNA], code=123)
        self.assertRegex(done.stderr.decode(), f"belongs to uid {ANNA}: set XDG_STATE_HOME")
        # Without the program: the broker looks at every byte itself.
        broker = self.sockets / "broker.sock"
        for fields, code in (({1: session, 3: b"k" * 32}, 121), ({2: "mend", 3: b"k" * 32}, 121), ({2: "mend", 3: b"k" * 31}, 120),
                             ({1: session, 2: "mend", 3: b"k" * 32}, 120), ({2: "../mend", 3: b"k" * 32}, 120)):
            kind, answer, _ = talk(broker, CERTIFICATE_REQUEST, encode(fields))
            self.assertEqual((kind, answer[1]), (FAILURE, [code]), answer)
        config = self.run_as(ANNA, "ssh-config", env=environments[ANNA]).stdout.decode()
        self.assertIn(f"ProxyCommand env CARREL_SERVICE='{self.sockets}' '", config)
        self.assertIn("no task local/mend is yours", self.run_as(0, "ssh-config", "mend", env=environments[0], code=121).stderr.decode())
        process.communicate(timeout=30)


class Broker(threading.Thread):
    """Answers attaching as a broker does, and has the session's end of the stream served by a function."""

    def __init__(self, path, serve, refusals=()):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        os.chown(path, UID, UID)
        self.listener.listen()
        self.serve, self.refusals, self.asked = serve, list(refusals), []
        self.start()

    def run(self):
        connection, _ = self.listener.accept()
        with connection:
            while True:
                head, control, _, _ = connection.recvmsg(8, socket.CMSG_SPACE(64))
                if not head:
                    return
                head += connection.recv(8 - len(head), socket.MSG_WAITALL) if len(head) < 8 else b""
                size, kind, _ = struct.unpack("<IHH", head)
                body = connection.recv(size, socket.MSG_WAITALL)
                [fd] = [fd for _, _, words in control for fd in array.array("i", words)]
                self.asked.append((kind, decode(body)))
                stream = socket.socket(fileno=fd)
                answer = self.refusals.pop(0) if self.refusals else None
                if answer is not None:
                    stream.close()
                    kind, reply = FAILURE, encode({1: answer[0], 2: answer[1]})
                else:
                    kind, reply = ATTACH_REPLY, encode({1: "0" * 26, 2: "local/fix", 3: 2})
                connection.sendall(struct.pack("<IHH", len(reply), kind, 0) + reply)
                if answer is None:
                    with stream:
                        self.serve(stream)


class SshStdio(SshCase):
    def setUp(self):
        super().setUp()
        (self.state / "run").mkdir(parents=True)
        give(self.state)

    def broker(self, serve, refusals=()):
        broker = Broker(self.state / "run/broker.sock", serve, refusals)
        self.addCleanup(broker.listener.close)
        return broker

    def test_bytes_go_both_ways_to_each_end(self):
        def serve(stream):
            stream.sendall(b"SSH-2.0-test\r\n")
            got = b""
            while part := stream.recv(65536):
                got += part
            stream.sendall(got[::-1])  # after the other's end

        broker = self.broker(serve)
        much = os.urandom(3_000_001)
        done = self.carrel("connect", "--stdio", "fix", input=much)
        self.assertEqual(done.stdout, b"SSH-2.0-test\r\n" + much[::-1])
        self.assertEqual(done.stderr, b"")
        self.assertEqual(broker.asked, [(ATTACH_REQUEST, {110: [b"fix"], 111: [1]})])

    def test_a_session_that_says_nothing_has_refused(self):
        self.broker(lambda stream: None)
        self.assertEqual(self.refused("connect", "--stdio", "fix", code=123),
                         "carrel connect: the session refused the connection; see `carrel status`\n")

    def test_the_task_comes_first_and_then_the_session(self):
        broker = self.broker(lambda stream: stream.sendall(b"x"), [(121, "no session of task local/01hz runs")])
        self.assertEqual(self.carrel("connect", "--stdio", "01hz").stdout, b"x")
        self.assertEqual([fields for _, fields in broker.asked], [{110: [b"01hz"], 111: [1]}, {1: [b"01hz"], 111: [1]}])

    def test_of_two_refusals_the_one_is_shown_that_was_meant(self):
        first = (121, "no session of task local/fix1 runs; open it with `carrel open fix1`")
        for word, second, shown_text in (("fix1", "no session fix1 runs", first[1]), ("last", "no session last runs", "no session last runs"),
                                         ("fix1", "session fix1 is paused", "session fix1 is paused")):
            broker = self.broker(None, [first, (121, second)])
            self.assertEqual(self.refused("connect", "--stdio", word), f"carrel connect: {shown_text}\n")
            broker.listener.close()
            (self.state / "run/broker.sock").unlink()

    def test_what_the_broker_cannot_do_is_no_reason_to_ask_again(self):
        broker = self.broker(None, [(123, "the catalogue is gone")])
        self.assertEqual(self.refused("connect", "--stdio", "last", code=123), "carrel connect: the catalogue is gone\n")
        self.assertEqual(len(broker.asked), 1)

    def test_ends_when_ssh_is_gone(self):
        over = threading.Event()

        def serve(stream):
            stream.sendall(b"hello")
            while stream.recv(65536):
                pass
            over.set()

        self.broker(serve)
        process = self.popen(CARREL, "connect", "--stdio", "fix", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self.reap, process)
        self.assertEqual(process.stdout.read(5), b"hello")
        process.stdout.close()
        self.assertEqual(process.wait(20), 0)
        self.assertTrue(over.wait(20))
        process.stdin.close()
        process.stdin = process.stdout = None

    def test_nothing_is_started(self):
        self.assertIn("no session runs here: connect broker.sock: ENOENT", self.refused("connect", "--stdio", "fix"))
        self.assertEqual(os.listdir(self.state / "run"), [])


if __name__ == "__main__":
    unittest.main()
