"""Ways out that are ready before an opening asks: each is used once, none outlives its launcher, and an opening without one
makes its own."""
import os
import pathlib
import re
import shutil
import signal
import unittest

import carrel_case
from carrel_case import PROGRAMS, alive, give
from gateway_case import GatewayCase

API = "api.example.com"
READY = "carrel-ready"
SAY_NETWORK = "import os\nsay(os.readlink('/proc/self/ns/net'))\n"


def network(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        return None


def holders(name):
    """Pids that are in a network namespace or hold a descriptor of it. Numbers are given again: those that wait are not counted."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if not entry.name.isdigit() or (entry / "comm").read_text().strip() in (READY, "carrel-network"):
                continue
            links = [entry / "ns/net", *(entry / "fd").iterdir()]
        except OSError:
            continue
        if name in map(link_of, links):
            found.append(int(entry.name))
    return found


def link_of(path):
    try:
        return os.readlink(path)
    except OSError:
        return None


class Pool(GatewayCase):
    def setUp(self):
        super().setUp()
        self.allow(self.world.rule(API))

    def filled(self):
        """Pids of the two programs of each of two ways out, once all have got ready."""
        self.wait_until(lambda: len(self.processes(READY)) == 4, 30, "two ways out are ready")
        return self.processes(READY)

    def namespaces(self, pids):
        """Those that were made: a gateway is in the host's."""
        return {network(pid) for pid in pids} - {network(os.getpid()), network(self.service_pid())}

    def test_each_session_has_a_namespace_of_its_own_that_is_used_once(self):
        self.open("/bin/true")  # of an empty pool: made on the spot
        ready = self.filled()
        made = self.namespaces(ready)
        self.assertEqual(len(made), 2)
        first, second = self.inside(SAY_NETWORK)[0], self.inside(SAY_NETWORK)[0]
        self.assertEqual({first, second}, made)
        for used in made:
            self.wait_until(lambda: not holders(used), what="a used namespace is gone")
        self.wait_until(lambda: not set(ready) & set(self.processes(READY)), what="what was used does not wait again")
        self.filled()

    def test_a_session_holds_its_namespace_as_a_control(self):
        session = self.popen(carrel_case.CARREL, "open", "--profile", str(self.profile), "--", "/bin/sh", "-c", "readlink /proc/self/ns/net; read x",
                             stdin=-1, stdout=-1, stderr=-1)
        name = session.stdout.readline().decode().strip()
        self.assertTrue(holders(name))
        session.communicate(b"\n", 60)
        self.assertEqual(session.returncode, 0)
        self.wait_until(lambda: not holders(name), what="its namespace is gone")

    def test_no_way_out_is_made_ready_before_one_was_needed(self):
        self.profile.write_text(re.sub(r"(?s)\[\[network\]\].*", "", self.profile.read_text()))
        self.assertNotIn("network", self.profile.read_text())
        self.open("/bin/true")
        self.open("/bin/sleep", "0.5")
        self.assertEqual(self.processes(READY), [])

    def test_a_killed_launcher_leaves_none(self):
        self.open("/bin/true")
        ready = self.filled()
        self.assertTrue(all(map(alive, ready)))
        os.kill(self.service_pid(), signal.SIGKILL)
        self.wait_until(lambda: not any(map(alive, ready)), what="what waited has ended")
        self.open("/bin/true")  # by another launcher, which cleans up

    def test_settings_of_the_network_count_at_the_opening(self):
        fetch = f"say(attempt(lambda: get('/small.txt', '{API}')['status']))\n"
        self.assertEqual(self.inside(fetch), [200])
        self.filled()
        self.settings(resolvers=["10.213.255.254:53"])  # nobody's
        self.assertEqual(self.inside(fetch), [502])
        self.settings()
        self.filled()
        self.assertEqual(self.inside(fetch), [200])

    def test_one_that_ended_is_not_used(self):
        self.open("/bin/true")
        for pid in self.filled():
            os.kill(pid, signal.SIGKILL)
        self.open("/bin/true")
        self.assertIn("ways.dropped count=2 why=ended by itself", self.logs().replace('"', ""))

    def launcher_of_copies(self):
        """A launcher whose programs can be changed."""
        folder = self.folder / "programs"
        self.folder.chmod(0o755)  # a gateway is of an uid of its own
        shutil.copytree(PROGRAMS / "libexec/carrel", folder / "libexec/carrel", symlinks=True)
        give(folder)
        programs, carrel_case.PROGRAMS = carrel_case.PROGRAMS, folder
        try:
            self.start_launcher()
        finally:
            carrel_case.PROGRAMS = programs
        return folder / "libexec/carrel"

    def test_what_was_started_of_other_programs_is_not_used(self):
        programs = self.launcher_of_copies()
        self.open("/bin/true")
        before = self.filled()
        os.utime(programs / "carrel-gateway", (1, 1))
        self.open("/bin/true")
        self.assertIn("ways.dropped count=2 why=the programs are others now", self.logs().replace('"', ""))
        self.assertFalse(set(before) & set(self.filled()))

    def test_a_namespace_that_cannot_be_made_stops_the_opening(self):
        programs = self.launcher_of_copies()
        self.open("/bin/true")  # the control
        (programs / "carrel-network").rename(programs / "whole")
        (programs / "carrel-network").write_text("#!/bin/sh\nexit 1\n")
        (programs / "carrel-network").chmod(0o755)
        give(programs)
        for _ in range(2):  # made on the spot, or ready for a while
            refused = self.open("/bin/true", code=123)
            self.assertIn("make the workspace's network: it ended without a word", refused.err.decode())
        (programs / "whole").rename(programs / "carrel-network")
        self.open("/bin/true")


if __name__ == "__main__":
    unittest.main()
