"""Times a warm `carrel open … -- /bin/true` (recorded, sealed, verified afterwards), one with a gateway too, and bubblewrap with all
namespaces, in shuffled order within each round; then openings with small and large slices (bench_slices.py). Prints
medians, the middle half and the ratio."""
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import bench_slices

build, rounds = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2])
folder = pathlib.Path(tempfile.mkdtemp(prefix="carrel-bench-"))
company = folder / "company"
company.mkdir()
for number in range(10):
    (company / f"file{number}.txt").write_text(f"content {number}\n" * 50)
git = ["git", "-c", "user.name=b", "-c", "user.email=b@example.org", "-C", str(company)]
for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "all"]):
    subprocess.run(git + words, check=True, capture_output=True)
profile = folder / "bench.toml"
profile.write_text('profile = "bench"\nversion = 1\nsummary = "Bench."\n[purpose]\nstatement = "bench"\n'
                   '[[repository]]\nname = "app"\nsource = "company"\nref = "main"\n'
                   'write = [' + ", ".join(f'"file{n}.txt"' for n in range(10)) + ']\n')
empty = folder / "empty.toml"
empty.write_text('profile = "empty"\nversion = 1\nsummary = "Bench."\n[purpose]\nstatement = "bench"\n')
way_out = folder / "way_out.toml"
way_out.write_text(empty.read_text().replace("empty", "way_out", 1) + '[[network]]\nhost = "api.example.com"\nports = [443]\n')
environment = {**os.environ, "CARREL_STATE": str(folder / "state")}
carrel = str(build / "bin/carrel")
binds = [word for name in ("usr", "bin", "lib", "lib64", "sbin") if os.path.exists("/" + name)
         for word in ("--ro-bind", "/" + name, "/" + name)]
commands = {
    "carrel open, 10-file slice": [carrel, "open", "--profile", str(profile), "--", "/bin/true"],
    "carrel open, no repository": [carrel, "open", "--profile", str(empty), "--", "/bin/true"],
    "carrel open, a way out": [carrel, "open", "--profile", str(way_out), "--", "/bin/true"],
    "bubblewrap, all namespaces": ["bwrap", *binds, "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
                                   "--unshare-all", "--die-with-parent", "--new-session", "/bin/true"],
    "plain /bin/true": ["/bin/true"],
}


def timed(words):
    started = time.perf_counter()
    done = subprocess.run(words, env=environment, stdin=subprocess.DEVNULL, capture_output=True)
    took = time.perf_counter() - started
    if done.returncode != 0:
        sys.exit(f"{words[0]} ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
    return took * 1000


times = {name: [] for name in commands}
try:
    for name, words in commands.items():
        timed(words)  # warm
    for done in range(rounds):
        order = list(commands)
        random.shuffle(order)
        for name in order:
            times[name].append(timed(commands[name]))
        if sys.stderr.isatty():
            print(f"\rround {done + 1} of {rounds}", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    base = statistics.median(times["bubblewrap, all namespaces"])
    print(f"{'':32} {'median ms':>10} {'25 %':>8} {'75 %':>8} {'p99':>8} {'x bwrap':>8}")
    for name, values in times.items():
        quarter = statistics.quantiles(values, n=100)
        print(f"{name:32} {statistics.median(values):10.2f} {quarter[24]:8.2f} {quarter[74]:8.2f} "
              f"{quarter[98]:8.2f} {statistics.median(values) / base:8.2f}")
    bench_slices.compare(folder, carrel, environment, max(rounds // 4, 5))
finally:
    log = folder / "state/run/launcher.log"
    if log.exists():
        pids = [line.split("pid=")[1].split()[0] for line in log.read_text().splitlines() if ".ready pid=" in line]
        if pids and os.path.exists(f"/proc/{pids[-1]}"):
            os.kill(int(pids[-1]), 15)
            for _ in range(100):
                if not os.path.exists(f"/proc/{pids[-1]}"):
                    break
                time.sleep(0.1)
    shutil.rmtree(folder, ignore_errors=True)
