"""Resolves the profiles of profiles.json with the standard library alone and compares.

Each vector is a TOML source, its canonical JSON and that one's SHA-256. The values come from here
(`profiles.py --write` recomputes them), the C++ parser has to agree: two writings of one definition.
"""
import hashlib
import json
import pathlib
import sys
import tomllib

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "y": 365 * 86400}
BYTES = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "B": 1}
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
LIMITS = {"cpu": 0, "memory": 4 * 2**30, "processes": 512, "disk": 10 * 2**30, "inodes": 1000000, "tmpfs": 2**30,
          "open_files": 4096}


def seconds(text):
    return int(text[:-1]) * SECONDS[text[-1]]


def size(text):
    unit = next(unit for unit in BYTES if text.endswith(unit))
    return int(text.removesuffix(unit)) * BYTES[unit]


def minutes(text):
    return int(text[:2]) * 60 + int(text[3:])


def days(text):
    bits = 0
    for piece in text.split(","):
        first, _, last = piece.partition("-")
        for day in range(DAYS.index(first), DAYS.index(last or first) + 1):
            bits |= 1 << day
    return bits


def changed(table, **reads):
    """The table with some values read."""
    return table | {key: read(table[key]) for key, read in reads.items() if key in table}


def limits(table):
    read = changed(table, cpu=lambda text: round(float(text) * 1000), memory=size, disk=size, tmpfs=size)
    return {key: value for key, value in read.items() if value != LIMITS[key]}


def http_rule(rule):
    rule = changed(rule, methods=sorted, refs=sorted, headers=sorted, upgrade=int, escaped_slash=int, max_body=size)
    read = rule if "preset" in rule else {"path": "/**"} | rule
    return {key: value for key, value in read.items() if key not in ("upgrade", "escaped_slash") or value}


def network(table):
    table = {"mode": "inspect"} | changed(table, ports=sorted, budget=lambda budget: {k: size(v) for k, v in budget.items()})
    if "http" in table:
        table["http"] = [http_rule(rule) for rule in table["http"]]
    return changed(table, addresses=sorted)


def paths(entries):
    return sorted(entries, key=lambda path: path.split("/"))


def resolve(toml):
    profile = tomllib.loads(toml)
    session = {"assurance": "best", "keystrokes": "off", "max_duration": "0s",
               "on_record_failure": "end", "start_after": "recorded"} | profile.get("session", {})
    session = changed(session, idle_timeout=seconds, hours=lambda hours: changed(
        hours, days=days, **{"from": minutes, "to": minutes}))
    repositories = []
    for table in profile.get("repository", []):
        write = table.get("write", [])
        repositories.append({
            "name": table["name"], "source": table["source"], "ref": table["ref"],
            "history": table.get("history", "none"), "write": paths(write),
            "read": paths(set(table.get("read", [])) - set(write)),
            "never": paths(table.get("never", []))})
        if table.get("enforce", "bind") != "bind":
            repositories[-1]["enforce"] = table["enforce"]
        if "submit" in table:
            submit = changed(table["submit"], reviewers=sorted, two_person=int)
            repositories[-1]["submit"] = {key: value for key, value in submit.items() if value != 0}
    credentials = [{"kind": "jwt"} | table | {"ttl": seconds(table.get("ttl", "2m"))}
                   for table in profile.get("credential", [])]
    credentials = [{key: value for key, value in table.items() if (key, value) not in (("inject", "bearer"), ("alg", "EdDSA"), ("issue", "start"))}
                   for table in credentials]
    purpose = changed({"use": "development"} | profile["purpose"], recipients=sorted, jurisdictions=sorted,
                      agreement=lambda agreement: changed(agreement, survives=seconds))
    lists = {"interface": [{"kind": "schema"} | table for table in profile.get("interface", [])],
             "network": [network(table) for table in profile.get("network", [])],
             "forward": profile.get("forward", [])}
    more = {kind: sorted(tables, key=lambda table: table.get("name", table.get("host", table.get("port"))))
            for kind, tables in lists.items()}
    more["limits"] = limits(profile.get("limits", {}))
    more["retention"] = {key: seconds(text) for key, text in profile.get("retention", {}).items()}
    return {key: value for key, value in more.items() if value} | {
        "profile": profile["profile"], "version": profile["version"],
        "summary": profile["summary"],
        "purpose": purpose,
        "session": session | {"max_duration": seconds(session["max_duration"])},
        "repository": sorted(repositories, key=lambda table: table["name"]),
        "credential": sorted(credentials, key=lambda table: table["name"]),
        "toolchain": {"root": "host"} | changed(profile.get("toolchain", {}), packages=sorted)}


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def main():
    file = pathlib.Path(__file__).with_name("profiles.json")
    old = json.loads(file.read_text(encoding="utf-8"))
    new = []
    for vector in old:
        text = canonical(resolve(vector["toml"]))
        if canonical(json.loads(text)) != text:
            sys.exit(f"{vector['name']}: not canonical")
        new.append({"name": vector["name"], "toml": vector["toml"], "canonical": text,
                    "sha256": hashlib.sha256(text.encode()).hexdigest()})
    if sys.argv[1:] == ["--write"]:
        file.write_text(json.dumps(new, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    elif new != old:
        sys.exit("profiles.json differs from what Python computes: "
                 + ", ".join(a["name"] for a, b in zip(new, old) if a != b))


main()
