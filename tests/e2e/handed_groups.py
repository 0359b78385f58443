"""Control groups of an ordinary user's own, made by root for the time of one test run, with the run itself in
them: the topmost ones that the user may write to, as an admin hands them on."""
import atexit
import os
import pathlib
import sys
import time

CONTROLLERS = ("memory", "pids", "cpu")


def trees():
    """Where the trees are mounted that Carrel uses: {"": the unified one, "memory": …}."""
    places = {}
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup2":
            places.setdefault("", place)
        elif kind == "cgroup":
            places.update({name: place for name in options.split(",") if name in CONTROLLERS})
    return places


def own_groups():
    own = {}
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        own.update({name: path for name in names.split(",")})
    return own


class Handed:
    def __init__(self):
        self.made = []  # (where this process was before, the group)
        self.switched_on = None

    def make(self, uid):
        own = own_groups()
        for name, place in trees().items():
            above = self.place_of_unified(place, own[name]) if name == "" else pathlib.Path(place + own[name])
            group = above / f"carrel-test-{os.getpid()}"
            group.mkdir()
            self.made.append((pathlib.Path(place + own[name]), group))
            for file in ("", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control", "tasks"):
                if (group / file).exists():
                    os.chown(group / file, uid, uid)
        for _, group in self.made:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    def place_of_unified(self, place, own):
        """A group with processes hands on no controllers; the root of the tree does."""
        root = pathlib.Path(place)
        there = (root / "cgroup.controllers").read_text().split()
        on = (root / "cgroup.subtree_control").read_text().split()
        wanted = [each for each in there if each in CONTROLLERS]
        if not wanted:
            return pathlib.Path(place + own)
        missing = [each for each in wanted if each not in on]
        if missing:
            (root / "cgroup.subtree_control").write_text(" ".join("+" + each for each in missing))
            self.switched_on = (root / "cgroup.subtree_control", missing)
        return root

    def leave(self):
        for before, group in self.made:
            (before / "cgroup.procs").write_text(str(os.getpid()))
            self.remove(group)
        if self.switched_on:
            file, names = self.switched_on
            file.write_text(" ".join("-" + each for each in names))
        left = [str(group) for _, group in self.made if group.exists()]
        if left:
            # An exception would be printed here and change nothing.
            for group in left:
                print("still in use:", group, self.users(group), file=sys.stderr, flush=True)
            os._exit(1)

    @staticmethod
    def users(group):
        pids = [pid for file in pathlib.Path(group).rglob("cgroup.procs") for pid in file.read_text().split()]
        return [(pid, pathlib.Path(f"/proc/{pid}/stat").read_text()) for pid in pids if os.path.exists(f"/proc/{pid}")]

    @staticmethod
    def remove(group):
        for _ in range(400):  # what was killed may take a moment
            for folder, _, _ in os.walk(group, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    pass
            if not group.exists():
                return
            time.sleep(0.05)


def enter(uid):
    """Until the end of this process everything that it starts is in groups that are the user's."""
    handed = Handed()
    atexit.register(handed.leave)
    handed.make(uid)
