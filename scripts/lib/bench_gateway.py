"""Times ways out of a network namespace side by side: the gateway (mode tcp, and inspect where it ends TLS) and peers, each to
the same servers (tests/e2e/outside.py) with the same client, in shuffled order within each round. A way that is not there is
left out by name. Prints one table of medians, with the middle half in parentheses."""
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

build, rounds = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2])
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/e2e"))
import outside  # noqa: E402

CLIENT = pathlib.Path(__file__).with_name("bench_gateway_client.py").read_text()
PYTHON = "/usr/bin/python3"
MTU = 65520  # as pasta, slirp4netns and lo have it: what is compared are the relays
TCP, WEB = "tcp.example.com", "files.example.com"
LATENCY, FLOWS = 200, 1000
PATIENCE = 120  # seconds for one measurement
TICK = os.sysconf("SC_CLK_TCK")


def cpu_of(pid):
    """Seconds of user and system time, of its ended children too (proc_pid_stat(5))."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11:15]) / TICK


def named(name, below=None):
    """Pids of programs of that name, below a process where one is given."""
    found, parents = [], {}
    for path in pathlib.Path("/proc").iterdir():
        if path.name.isdigit():
            with contextlib.suppress(OSError):
                text = (path / "stat").read_text()
                parents[int(path.name)] = int(text.rsplit(")", 1)[1].split()[1])
                if text[text.index("(") + 1:text.rindex(")")] == name[:15]:
                    found.append(int(path.name))

    def descends(pid):
        while pid > 1:
            if pid == below:
                return True
            pid = parents.get(pid, 0)
        return False
    return [pid for pid in found if below is None or descends(pid)]


def waited(condition, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Way:
    """One way to the servers: how the client is started, which processes relay for it, what it cannot do."""
    prefix, proxy, tls, leaves_out = (), None, False, ()
    environment = dict(os.environ)

    def __init__(self, world, folder, undo):
        self.world, self.folder, self.undo = world, folder, undo
        self.process = None
        self.log = undo.enter_context(open(folder / f"{type(self).__name__}.log", "ab"))
        self.start()

    def start(self):
        pass

    def spawn(self, *words):
        self.process = subprocess.Popen(list(map(str, words)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log)
        self.undo.callback(end, self.process)
        return self.process

    def host(self, port):
        return self.world.address

    def relays(self):
        return [self.process.pid] if self.process else []

    def run(self, what, port, number):
        """What the client says, and the CPU seconds of those who relayed."""
        words = [*self.prefix, PYTHON, "-c", CLIENT, what, self.host(port), str(port), str(number), *(map(str, self.proxy or ("-", 0)))]
        before = {pid: cpu_of(pid) for pid in self.relays()}
        done = subprocess.Popen(words + (["tls"] if self.tls else []), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env=self.environment)
        watched, deadline = dict(before), time.monotonic() + PATIENCE
        while done.poll() is None:  # a session's gateway comes and goes with the client
            for pid in self.relays():
                watched[pid] = cpu_of(pid)
            if time.monotonic() > deadline:
                end(done)
                raise RuntimeError(f"not within {PATIENCE} s")
            time.sleep(0.05)
        out, err = done.communicate()
        if done.returncode != 0:
            raise RuntimeError(f"{what} ended with {done.returncode}: {err[-500:]}")
        return json.loads(out), sum(max(watched[pid], cpu_of(pid)) - before.get(pid, 0) for pid in watched)


def end(process):
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        if process.poll() is None:
            process.kill()
    process.wait()


class Loopback(Way):
    title = "direct, loopback"

    def start(self):
        servers = pathlib.Path(__file__).with_name("bench_gateway_servers.py")
        self.spawn(PYTHON, servers, self.world.ports["drain"], self.world.ports["source"], self.world.ports["echo"])
        waited(lambda: answers(self.world.ports["echo"]), "servers on loopback")

    def host(self, port):
        return "127.0.0.1"

    def relays(self):
        return []


class Direct(Way):
    title = "direct, veth pair"


class InNamespace(Way):
    """A user-space network stack that serves a namespace of another process."""
    more = enter = ()

    def start(self):
        self.holder = subprocess.Popen(["unshare", "--net", *self.more, "sleep", "infinity"])
        self.undo.callback(end, self.holder)
        own = os.readlink("/proc/self/ns/net")
        waited(lambda: os.readlink(f"/proc/{self.holder.pid}/ns/net") != own, "a namespace")
        self.prefix = ("nsenter", "--target", str(self.holder.pid), "--net", *self.enter)
        self.attach()
        waited(lambda: subprocess.run([*self.prefix, "ip", "route", "get", self.world.address], capture_output=True).returncode == 0,
               f"{self.title}: a route")


class Pasta(InNamespace):
    title, program = "pasta", "pasta"
    more, enter = ("--user", "--map-root-user"), ("--user", "--preserve-credentials")  # it joins by a user namespace only

    def attach(self):
        self.spawn("pasta", "--foreground", "--quiet", "--config-net", "--runas", "0", "-m", MTU, "-i", self.world.device, "-a", "10.214.0.2",
                   "-n", "24", "-g", "10.214.0.1", "-t", "none", "-u", "none", "-T", "none", "-U", "none", self.holder.pid)


class Slirp(InNamespace):
    title, program = "slirp4netns", "slirp4netns"

    def attach(self):
        self.spawn("slirp4netns", "--configure", f"--mtu={MTU}", self.holder.pid, "tap0")


class Squid(Way):
    title, program = "squid (CONNECT)", "squid"

    def start(self):
        self.proxy = ("127.0.0.1", free_port())
        own = self.folder / "squid"
        own.mkdir(exist_ok=True)
        shutil.chown(own, "proxy", "proxy")
        configuration = own / f"squid{self.proxy[1]}.conf"
        configuration.write_text(f"http_port 127.0.0.1:{self.proxy[1]}\nhttp_access allow all\ncache deny all\naccess_log none\n"
                                 f"cache_log {own}/cache.log\npid_filename none\ncache_store_log none\nmax_filedescriptors 8192\n"
                                 f"coredump_dir {own}\nnetdb_filename none\nicon_directory /usr/share/squid/icons\n")
        self.spawn("squid", "-N", "-f", configuration)
        waited(lambda: answers(self.proxy[1]), "squid")


class Mitm(Way):
    title, program = "mitmproxy (not decrypting)", "mitmdump"
    more = ("--ignore-hosts", ".*")

    def start(self):
        self.proxy = ("127.0.0.1", free_port())
        home = self.folder / "mitm"
        self.spawn("mitmdump", "-q", "--listen-host", "127.0.0.1", "-p", self.proxy[1], "--set", f"confdir={home}", "--ssl-insecure",
                   "--set", "stream_large_bodies=1m", *self.more)
        waited(lambda: answers(self.proxy[1]), "mitmproxy", 60)


class DirectTls(Way):
    title, tls = "https: direct, veth pair", True

    def host(self, port):
        return self.world.address


class SquidTls(Squid):
    title, tls = "https: squid (CONNECT)", True


class MitmTls(Mitm):
    title, tls, more = "https: mitmproxy, decrypting", True, ()


class Carrel(Way):
    """A session of its own for each measurement, its client inside."""
    title, rules = "carrel, mode tcp", staticmethod(lambda world: [world.rule(TCP, ports=[world.ports[name] for name in ("drain", "source", "echo")],
                                                                               mode="tcp", up="1000GiB", down="1000GiB")])
    name = TCP

    def start(self):
        state = self.folder / "state"
        state.mkdir(exist_ok=True)
        (state / "network.toml").write_text(self.world.settings())
        profile = self.folder / f"{type(self).__name__.lower()}.toml"
        profile.write_text(self.world.profile(*self.rules(self.world), name=type(self).__name__.lower()))
        self.environment = {**os.environ, "CARREL_STATE": str(state)}
        self.prefix = (str(build / "bin/carrel"), "open", "--profile", str(profile), "--")
        opened = subprocess.run([*self.prefix, "/bin/true"], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.undo.callback(self.stop, state)
        if opened.returncode != 0:
            raise RuntimeError(opened.stderr.strip().split("\n")[0])

    def host(self, port):
        return self.name

    def launcher(self):
        log = self.folder / "state/run/launcher.log"
        found = [line.split("pid=")[1].split()[0] for line in log.read_text().splitlines() if ".ready pid=" in line] if log.exists() else []
        return int(found[-1]) if found else None

    def relays(self):
        return named("carrel-gateway", self.launcher())

    def stop(self, state):
        pid = self.launcher()
        if pid and os.path.exists(f"/proc/{pid}"):
            os.kill(pid, signal.SIGTERM)
            waited(lambda: not os.path.exists(f"/proc/{pid}"), "the launcher ends")


class CarrelPassthrough(Carrel):
    title, tls, name = "https: carrel, passthrough", True, WEB
    rules = staticmethod(lambda world: [world.rule(WEB, mode="passthrough", up="1000GiB", down="1000GiB")])


class CarrelInspect(Carrel):
    title, tls, name = "https: carrel, inspect", True, WEB
    rules = staticmethod(lambda world: [world.rule(WEB, mode="inspect", up="1000GiB", down="1000GiB")])


WAYS = (Loopback, Direct, Pasta, Slirp, Squid, Mitm, Carrel, DirectTls, SquidTls, MitmTls, CarrelPassthrough, CarrelInspect)


def measurements(way):
    """(column, what, port, number) of a way; https has no upload here, its numbers are of downloads."""
    ports = way.world.ports
    if way.tls:
        return (("one", "down", 443, 1), ("eight", "down", 443, 8), ("latency", "latency", 443, LATENCY), ("flows", "flows", 443, FLOWS))
    return (("one", "up", ports["drain"], 1), ("eight", "up", ports["drain"], 8), ("down", "down", ports["source"], 1),
            ("latency", "latency", ports["echo"], LATENCY), ("flows", "flows", ports["echo"], FLOWS))


class Figures:
    def __init__(self):
        self.values, self.failures = {}, {}

    def add(self, way, column, value):
        self.values.setdefault((way.title, column), []).append(value)

    def take(self, way, column, what, port, number):
        if (way.title, column) in self.failures:
            return
        try:
            said, cpu = way.run(what, port, number)
        except (RuntimeError, ValueError) as why:
            self.failures[way.title, column] = str(why)
            return
        if what in ("up", "down"):
            self.add(way, column, said["bytes"] * 8 / said["seconds"] / 1e9)
            self.add(way, "cpu", cpu / said["bytes"] * 1e9)
        elif what == "latency":
            self.add(way, "connect", statistics.median(said["connects"]) * 1e6)
            self.add(way, "first", statistics.median(said["firsts"]) * 1e6)
        else:
            self.add(way, "flows", said["seconds"] * 1e3)

    def cell(self, title, column, digits):
        if column in ("connect", "first") and (title, "latency") in self.failures or (title, column) in self.failures:
            return "failed"
        values = self.values.get((title, column))
        if not values:
            return "-"
        low, middle, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
        return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"

    def show(self, ways):
        columns = (("one", "1 stream Gb/s", 1), ("eight", "8 streams Gb/s", 1), ("down", "1 down Gb/s", 1), ("cpu", "CPU s/GB", 2),
                   ("connect", "connect us", 0), ("first", "first byte us", 0), ("flows", f"{FLOWS} flows ms", 0))
        print(f"{'':28}" + "".join(f"{title:>20}" for _, title, _ in columns))
        for way in ways:
            print(f"{way.title:28}" + "".join(f"{self.cell(way.title, column, digits):>20}" for column, _, digits in columns))
        base = statistics.median(self.values.get(("direct, loopback", "one"), [0]) or [0])
        mine = self.values.get((Carrel.title, "one"))
        if base and mine:
            print(f"carrel, mode tcp, one stream: {statistics.median(mine) / base:.2f} of direct loopback (goal 0.75)")
        for (title, column), why in self.failures.items():
            print(f"failed: {title}, {column}: {why}")


def started(world, folder, undo):
    ways = []
    for kind in WAYS:
        program = getattr(kind, "program", None)
        if program and not shutil.which(program):
            print(f"left out: {kind.title} ({program} is not installed)")
            continue
        try:
            ways.append(kind(world, folder, undo))
        except RuntimeError as why:
            print(f"left out: {kind.title} ({why})")
    return ways


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as undo:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="carrel-bench-"))
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)
        world = undo.enter_context(outside.Outside(mtu=MTU))
        world.big()
        ways, figures = started(world, folder, undo), Figures()
        for number in range(rounds):
            plan = [(way, *measurement) for way in ways for measurement in measurements(way)]
            random.shuffle(plan)
            for each in plan:
                figures.take(*each)
            if sys.stderr.isatty():
                print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr)
        figures.show(ways)


main()
