"""What the gateway's tests stand on: a session whose only way out leads to the outside world of outside.py."""
import json
import os
import pathlib
import signal
import subprocess
import time

from carrel_case import CARREL, UID, Case, give
from outside import Outside

LIBRARY = pathlib.Path(__file__).with_name("gateway_client.py").read_text()
LEASE = "lease-of-the-test-7c1f09ab53"


def descriptors_of(pid):
    """None of a process that is gone, or dead and not reaped yet."""
    try:
        return os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return []


class GatewayCase(Case):
    def setUp(self):
        self.world = self.enterContext(Outside())  # before the rest: it outlives the launcher
        super().setUp()
        self.state.mkdir()
        self.settings()
        self.profile.write_text(self.world.profile())

    # ---- what is allowed ---------------------------------------------------------------------

    def settings(self, **options):
        (self.state / "network.toml").write_text(self.world.settings(**options))
        give(self.state)

    def allow(self, *tables):
        """The profile has these tables from now on."""
        self.profile.write_text(self.world.profile(*tables))

    def secret(self, name="ci", value=LEASE):
        """A secret of the admin's, and the table of a credential that is made of it."""
        folder = self.state / "secrets"
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / name).touch(0o600)
        (folder / name).write_text(value)
        give(folder)
        return f'[[credential]]\nname = "{name}"\nkind = "header"\nfrom = "secret:{name}"\n'

    # ---- in a session ------------------------------------------------------------------------

    def inside(self, script, timeout=90, **given):
        """Runs Python with the names of gateway_client.py and `given` inside; what it said (say) as a list."""
        done = self.open("/usr/bin/python3", "-c", LIBRARY + script, json.dumps(given), timeout=timeout)
        return [json.loads(line) for line in done.out.decode().splitlines()]

    def start(self, script):
        """A session that runs Python inside, with lines on both sides."""
        session = self.popen(CARREL, "open", "--profile", str(self.profile), "--", "/usr/bin/python3", "-u", "-c", LIBRARY + script, "{}",
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.reap, session)
        return session

    def reap(self, session):
        if session.poll() is None:
            session.kill()
        session.wait()
        for stream in (session.stdin, session.stdout, session.stderr):
            stream.close()

    def end(self, session):
        session.stdin.close()
        self.assertEqual(session.wait(60), 0)

    def tell(self, session):
        """It goes on; its next line."""
        session.stdin.write(b"\n")
        session.stdin.flush()
        return session.stdout.readline().decode().strip()

    def beside(self, script, timeout=60, **given):
        """The same on the host, without Carrel, by the world's own names: the control."""
        done = self.world.direct("/usr/bin/python3", "-c", LIBRARY + script, json.dumps(given), uid=UID, timeout=timeout)
        return [json.loads(line) for line in done.stdout.decode().splitlines()]

    def one(self, name):
        """The pid of the session's: one that is made ready for the next session is called so for a moment, too."""
        def stays():
            found = self.processes(name)
            for _ in range(3):
                time.sleep(0.05)
                if len(found) != 1 or self.processes(name) != found:
                    return []
            return found
        return self.wait_until(stays, what=f"one {name}")[0]

    def gateway(self):
        return self.one("carrel-gateway")

    def kill_gateway(self):
        """It is dead when this returns."""
        pid = self.gateway()
        os.kill(pid, signal.SIGKILL)
        self.wait_until(lambda: not descriptors_of(pid), what="it is dead")

    # ---- what is known of it afterwards ------------------------------------------------------

    def of_type(self, kind, **wanted):
        """The last session's events of a type whose data has these values."""
        return [event for event in self.events() if event["type"] == kind and
                all(event["data"].get(name) == value for name, value in wanted.items())]

    def told(self, kind, **wanted):
        """The same, at least one."""
        found = self.of_type(kind, **wanted)
        self.assertTrue(found, f"no {kind} with {wanted} in {[e for e in self.events() if e['kind'] in ('dns', 'net', 'tls', 'http')]}")
        return found

    def denied_name(self, name):
        query = self.told("dns.query", name=name)[0]
        self.assertEqual((query["verdict"], query["data"]["answer"], query["data"]["reason"]), ("denied", "no-such-name", "denied"))

    def reached(self, **options):
        """TCP connections that came to the world, those to its DNS server left out."""
        return [each for each in self.world.arrivals(protocol="tcp", **options) if each["port"] != 53]

    def nothing_reached(self):
        """Neither a connection nor a datagram but questions of the gateway's own resolver."""
        strangers = [each for each in self.world.arrivals() if (each["protocol"], each["port"]) != ("udp", 53)]
        self.assertEqual(strangers, [])

    def seen_requests(self):
        """Heads that came to the world's byte-exact server (port `raw`)."""
        return [line["head"] for line in self.world.log("raw") if line["event"] == "request"]
