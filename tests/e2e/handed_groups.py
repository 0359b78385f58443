"""Control groups of an ordinary user's own, as a service manager's `Delegate=yes` hands them on: made by root
for the time of one test run, with the run itself in them."""
import atexit
import os
import pathlib
import time


def trees():
    """Where the trees are mounted that Carrel uses: {"": the unified one, "memory": …}."""
    places = {}
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup2":
            places.setdefault("", place)
        elif kind == "cgroup":
            places.update({name: place for name in options.split(",") if name in ("memory", "pids", "cpu")})
    return places


def own_groups():
    own = {}
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        own.update({name: path for name in names.split(",")})
    return own


def enter(uid):
    """Until the end of this process everything that it starts is in groups that are the user's."""
    own, made = own_groups(), []
    for name, place in trees().items():
        above = pathlib.Path(place + own[name])
        if name == "":
            there = (pathlib.Path(place) / "cgroup.controllers").read_text().split()
            wanted = [f"+{each}" for each in there if each in ("memory", "pids", "cpu")]
            if wanted:
                # A group with processes hands on no controllers; the root of the tree does.
                above = pathlib.Path(place)
                (above / "cgroup.subtree_control").write_text(" ".join(wanted))
        group = above / f"carrel-test-{os.getpid()}"
        group.mkdir()
        for file in ("", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control", "tasks"):
            if (group / file).exists():
                os.chown(group / file, uid, uid)
        made.append((pathlib.Path(place + own[name]), group))
    for _, group in made:
        (group / "cgroup.procs").write_text(str(os.getpid()))
    atexit.register(leave, made)


def leave(made):
    for before, group in made:
        (before / "cgroup.procs").write_text(str(os.getpid()))
        for _ in range(100):  # a process that was killed may take a moment
            for folder, _, _ in os.walk(group, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    pass
            if not group.exists():
                break
            time.sleep(0.05)
        assert not group.exists(), f"{group} is still in use"
