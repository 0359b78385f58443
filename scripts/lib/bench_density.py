"""How much idle sessions take of a host: opens many, each with a shell that waits, and counts the private memory of every
process that belongs to them; times an opening with none and with all of them there, interleaved rounds of each."""
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

build, count = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2])
ROUNDS = 20
folder = pathlib.Path(tempfile.mkdtemp(prefix="carrel-bench-"))
environment = {**os.environ, "CARREL_STATE": str(folder / "state")}
carrel = str(build / "bin/carrel")


def profile(name):
    path = folder / f"{name}.toml"
    path.write_text(f'profile = "{name}"\nversion = 1\nsummary = "Bench."\n[purpose]\nstatement = "bench"\n')
    return str(path)


def opened(name):
    started = time.perf_counter()
    subprocess.run([carrel, "open", "--profile", profile(name), "--", "/bin/true"], env=environment,
                   stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return (time.perf_counter() - started) * 1000


def private_kib(pid):
    """Private_Clean and Private_Dirty of proc_pid_smaps_rollup(5), and what is swapped out."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return 0
    values = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return values["Private_Clean"] + values["Private_Dirty"] + values["Swap"]


def processes():
    """{pid: (parent, name)} of this state folder's services and what they started."""
    found, kept = {}, {}
    for path in pathlib.Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                text = (path / "stat").read_text()
            except OSError:
                continue
            name, rest = text[text.index("(") + 1:text.rindex(")")], text[text.rindex(")") + 2:].split()
            found[int(path.name)] = (int(rest[1]), name)
    roots = {launcher()}
    while True:
        more = {pid for pid, (parent, _) in found.items() if parent in roots | set(kept)} - set(kept)
        if not more:
            break
        kept.update({pid: found[pid] for pid in more})
    kept.update({pid: found[pid] for pid in roots})
    return kept


def launcher():
    log = (folder / "state/run/launcher.log").read_text()
    return int([line.split("pid=")[1].split()[0] for line in log.splitlines() if ".ready pid=" in line][-1])


def sums():
    by_name = {}
    for pid, (_, name) in processes().items():
        number, kib = by_name.get(name, (0, 0))
        by_name[name] = (number + 1, kib + private_kib(pid))
    return by_name


def show(title, values):
    print(f"{title:44} median {statistics.median(values):7.1f} ms, middle half {statistics.quantiles(values, n=4)[0]:.1f} "
          f"to {statistics.quantiles(values, n=4)[2]:.1f}")


clients = []
try:
    opened("warm")
    alone = [opened("measured") for _ in range(ROUNDS)]
    before = sums()
    for number in range(count):
        client = subprocess.Popen([carrel, "open", "--profile", profile(f"idle{number}"), "--", "/bin/sh", "-c",
                                   "echo runs; read x"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL)
        clients.append(client)
        if client.stdout.readline() != b"runs\n":
            sys.exit(f"session {number} did not begin")
        if sys.stderr.isatty():
            print(f"\r{number + 1} of {count}", end="", file=sys.stderr)
    time.sleep(5)  # rings are small until a session is busy; idle is what is measured
    after = sums()
    crowded = [opened("measured") for _ in range(ROUNDS)]
    print(f"\nprivate memory of {count} idle sessions, by program")
    total = 0
    for name in sorted(after, key=lambda each: -after[each][1]):
        number, kib = after[name]
        more = kib - before.get(name, (0, 0))[1]
        total += more
        print(f"  {name:18} {number:5} processes {kib / 1024:9.1f} MiB; {more / count:8.0f} KiB a session")
    print(f"  {'in all':18} {total / count / 1024:.2f} MiB a session, the contractor's shell among it")
    show("opening with no other session", alone)
    show(f"opening beside {count} idle sessions", crowded)
finally:
    for client in clients:
        client.stdin.close()
    for client in clients:
        client.wait()
    try:
        os.kill(launcher(), 15)
        for _ in range(100):
            if not os.path.exists(f"/proc/{launcher()}"):
                break
            time.sleep(0.1)
    except OSError:
        pass
    shutil.rmtree(folder, ignore_errors=True)
