"""In the guest: the tests of some unittest modules, each in a process of its own as CTest has it, with the patience that an
emulated machine takes. run_modules.py root|rootless MODULE[.Class[.test]]… ; what failed is said at once, and a table last."""
import collections
import os
import subprocess
import sys
import time
import unittest

PATIENCE = 900
mode, names = sys.argv[1], sys.argv[2:]
environment = {**os.environ, "CARREL_TEST_MODE": mode}


def each(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from each(item)
        else:
            yield item.id()


def run(name):
    """What became of it: passed, failed or skipped, and what it said."""
    try:
        done = subprocess.run([sys.executable, "-m", "unittest", name], env=environment, timeout=PATIENCE, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired as late:
        return "failed", (late.stdout or b"") + b"\nnot finished in time"
    if done.returncode == 0:
        return ("skipped" if b"(skipped=" in done.stdout else "passed"), b""
    return "failed", done.stdout


table = collections.defaultdict(collections.Counter)
failed = []
for name in each(unittest.defaultTestLoader.loadTestsFromNames(names)):
    begin = time.monotonic()
    result, said = run(name)
    table[name.split(".")[0]][result] += 1
    print(f"{time.monotonic() - begin:6.1f} s  {result:8} {mode:8} {name}", flush=True)
    if result == "failed":
        failed.append(name)
        print(said.decode(errors="replace")[-6000:], flush=True)
print(f"\n{mode:26} {'passed':>7} {'failed':>7} {'skipped':>7}")
for module, counts in table.items():
    print(f"{module:26} {counts['passed']:7} {counts['failed']:7} {counts['skipped']:7}")
for name in failed:
    print(f"FAILED {mode} {name}")
sys.exit(1 if failed or not table else 0)
