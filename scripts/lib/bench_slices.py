"""What an opening costs with a slice of 10 and of 100,000 files, all of it with write access and with a read entry. Rounds
are shuffled. Opened are workspaces that are there, in which git was used; new workspaces of a slice that is there; and
once each, as a figure of its own, workspaces whose slice has to be made."""
import os
import pathlib
import random
import statistics
import subprocess
import time

SIZES = (10, 100_000)
GOAL = 1.10
KINDS = {"write access": ([], ["docs", "src"]), "a read entry": (["docs"], ["src"])}
WORDS = ("alpha", "core", "data", "lib", "model", "net", "store", "test", "util", "view")
WORK = ["/bin/sh", "-c", "cd /workspaces/app && git status --porcelain && git commit -q --allow-empty -m x"]


def make_tree(folder, files):
    """Folders of 10 files, three deep; from a few bytes to 8 KiB each, most of them small."""
    sizes = random.Random(files)
    for number in range(files):
        place = folder / ("src" if number % 10 else "docs") / WORDS[number // 10_000 % 10] / f"{number // 100}" / f"{number % 100 // 10}"
        place.mkdir(parents=True, exist_ok=True)
        size = min(int(sizes.paretovariate(1.1) * 60), 8192)
        (place / f"file{number}.txt").write_bytes((b"line %d\n" % number * (size // 7 + 1))[:size])
    git = ["git", "-c", "user.name=b", "-c", "user.email=b@example.org", "-C", str(folder)]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run(git + words, check=True, capture_output=True)


def profile(folder, name, source, kind):
    read, write = ([f'"{path}"' for path in paths] for paths in KINDS[kind])
    path = folder / f"{name}.toml"
    path.write_text(f'profile = "{name}"\nversion = 1\nsummary = "Bench."\n[purpose]\nstatement = "bench"\n[[repository]]\n'
                    f'name = "app"\nsource = "{source}"\nref = "main"\n' + (f'read = [{", ".join(read)}]\n' if read else "") +
                    f'write = [{", ".join(write)}]\n')
    return str(path)


def opened(carrel, environment, path, command=("/bin/true",)):
    """Milliseconds to the first status line, and to the end."""
    read_end, write_end = os.pipe()
    started = time.perf_counter()
    with subprocess.Popen([carrel, "open", "--profile", path, "--status-fd", str(write_end), "--", *command],
                          env=environment, pass_fds=(write_end,), stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        os.close(write_end)
        with os.fdopen(read_end, "rb") as status:
            first = status.readline()
            to_status = time.perf_counter() - started
            status.read()
        said = process.stderr.read()
        process.wait()
    took = time.perf_counter() - started
    if process.returncode != 0 or b"session" not in first:
        raise SystemExit(f"carrel open --profile {path} ended with {process.returncode}: {said.decode(errors='replace')}")
    return to_status * 1000, took * 1000


def row(name, values):
    quarters = statistics.quantiles(values, n=4)
    print(f"{name:52} {statistics.median(values):10.2f} {quarters[0]:8.2f} {quarters[2]:8.2f}", end="")
    return statistics.median(values)


def table(times):
    print(f"\n{'':52} {'median ms':>10} {'25 %':>8} {'75 %':>8} {'ratio':>8}  (goal: {GOAL:.2f} or less)")
    for case in dict.fromkeys((kind, state) for kind, state, _ in times):
        for part, what in enumerate(("to the status line", "to the end of /bin/true")):
            few = 0.0
            for size in SIZES:
                label = f"{size:,} files, {case[0]}, {case[1]}, {what}".replace("to the end of /bin/true", "end")
                median = row(label.replace("to the status line", "status"), [each[part] for each in times[(*case, size)]])
                print(f" {median / few:8.2f}" if few else "")
                few = few or median


def compare(folder, carrel, environment, rounds):
    cases = [(kind, size) for kind in KINDS for size in SIZES]
    for size in SIZES:
        (folder / f"files{size}").mkdir()
        make_tree(folder / f"files{size}", size)
    os.sync()  # or the first slice waits for all of it
    print("\nonce each, no goal, ms to the status line: the first opening ever, in which the slice is made; the opening after "
          "git was used")
    kept = {}
    for kind, size in cases:
        kept[kind, size] = profile(folder, f"kept-{kind.split()[0]}-{kind.split()[1]}-{size}", f"files{size}", kind)
        first = opened(carrel, environment, kept[kind, size])[0]
        opened(carrel, environment, kept[kind, size], WORK)
        after = opened(carrel, environment, kept[kind, size])[0]
        print(f"{size:>9,} files, {kind:14} {first:10.0f} {after:10.0f}", flush=True)
    times = {(kind, state, size): [] for kind in KINDS for state in ("kept", "new") for size in SIZES}
    for number in range(rounds):
        order = list(times)
        random.shuffle(order)
        for kind, state, size in order:
            path = kept[kind, size]
            if state == "new":
                path = profile(folder, f"new{number}-{kind.split()[1]}-{size}", f"files{size}", kind)
            times[kind, state, size].append(opened(carrel, environment, path))
    table(times)
