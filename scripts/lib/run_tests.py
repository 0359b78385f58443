"""Runs CTest, reads its JUnit report and prints the table kind x mode. Exit 1 on a failure or an empty cell."""
import collections
import os
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET

build, extra = sys.argv[1], sys.argv[2:]
partial = bool(extra)
table = tomllib.load(open("tests/table.toml", "rb"))
report = os.path.join(os.path.abspath(build), "junit.xml")
if os.path.exists(report):
    os.unlink(report)
if os.geteuid() != 0 and not partial:
    print("carrel: most tests need root (namespaces, BPF, cgroups); run scripts/test as root", file=sys.stderr)
    sys.exit(1)

command = ["ctest", "--test-dir", build, "--output-on-failure", "-j", str(os.cpu_count() or 2),
           "--output-junit", report, "--no-label-summary", *extra]
with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as run:
    done = 0
    for line in run.stdout:
        if re.match(r"\s*\d+/\d+ Test\s+#\d+:", line):
            done += 1
            if " Passed " in line:
                if done % 100 == 0:
                    print(line.strip(), flush=True)
                continue
        if re.match(r"\s*(Start\s+\d+:|\d+% tests passed)", line) or not line.strip():
            continue
        if line.startswith("[") or "Passed" in line:
            continue
        print(line, end="", flush=True)

cells = collections.defaultdict(collections.Counter)
skips = collections.Counter()
failures = []
for case in ET.parse(report).getroot().iter("testcase"):
    name = case.get("name", "")
    match = re.match(r"(\w+)\.(root|rootless)\.", name)
    cell = match.groups() if match else ("?", "?")
    output = (case.findtext("system-out") or "")
    status = case.get("status")
    if status == "run":
        cells[cell]["passed"] += 1
    elif status in ("notrun", "disabled") or case.find("skipped") is not None:
        cells[cell]["skipped"] += 1
        found = re.search(r"SKIP (kernel-feature|guarantee)=([\w.-]+)", output)
        if found:
            skips[found.group(1).replace("-", " ") + " " + found.group(2)] += 1
        else:
            failures.append(f"{name}: skipped without naming a kernel feature or a guarantee")
            cells[cell]["failed"] += 1
            cells[cell]["skipped"] -= 1
    else:
        cells[cell]["failed"] += 1
        failures.append(name)

print(f"\n{'kind':10} {'root: passed failed skipped':>30}   {'rootless: passed failed skipped':>34}")
for kind in table["kinds"]:
    row = f"{kind:10}"
    for mode, width in (("root", 30), ("rootless", 36)):
        counts = cells.get((kind, mode), collections.Counter())
        why = table["not_built"].get(f"{kind}/{mode}")
        if counts["passed"] == 0 and why and not counts["failed"]:
            row += f" {'not built (' + why + ')':>{width}}"
        else:
            row += f" {counts['passed']:>{width - 16}} {counts['failed']:>7} {counts['skipped']:>7}"
            if counts["passed"] == 0 and not partial:
                failures.append(f"{kind}/{mode}: no test passed, and tests/table.toml does not say why")
    print(row)
if cells.get(("?", "?")):
    failures.append("a test has no kind: its CTest name must begin with KIND.MODE.")
for feature, count in sorted(skips.items()):
    print(f"skipped for the {feature}: {count}")
for name in failures:
    print(f"FAILED {name}")
total = collections.Counter()
for counts in cells.values():
    total.update(counts)
extra_failures = max(0, len(failures) - total["failed"])
print(f"{total['passed']} passed, {total['failed'] + extra_failures} failed, {total['skipped']} skipped")
sys.exit(1 if failures or total["passed"] == 0 else 0)
