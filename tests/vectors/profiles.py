"""Resolves the profiles of profiles.json with the standard library alone and compares.

Each vector is a TOML source, its canonical JSON and that one's SHA-256. The values come from here
(`profiles.py --write` recomputes them), the C++ parser has to agree: two writings of one definition.
"""
import hashlib
import json
import pathlib
import sys
import tomllib

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text):
    return int(text[:-1]) * SECONDS[text[-1]]


def paths(entries):
    return sorted(entries, key=lambda path: path.split("/"))


def resolve(toml):
    profile = tomllib.loads(toml)
    session = {"assurance": "best", "keystrokes": "off", "max_duration": "0s",
               "on_record_failure": "end", "start_after": "recorded"} | profile.get("session", {})
    repositories = []
    for table in profile.get("repository", []):
        write = table.get("write", [])
        repositories.append({
            "name": table["name"], "source": table["source"], "ref": table["ref"],
            "history": table.get("history", "none"), "write": paths(write),
            "read": paths(set(table.get("read", [])) - set(write)),
            "never": paths(table.get("never", []))})
    credentials = [{"kind": "jwt"} | table | {"ttl": seconds(table.get("ttl", "2m"))}
                   for table in profile.get("credential", [])]
    return {
        "profile": profile["profile"], "version": profile["version"],
        "summary": profile["summary"],
        "purpose": {"use": "development"} | profile["purpose"],
        "session": session | {"max_duration": seconds(session["max_duration"])},
        "repository": sorted(repositories, key=lambda table: table["name"]),
        "credential": sorted(credentials, key=lambda table: table["name"]),
        "toolchain": {"root": "host"} | profile.get("toolchain", {})}


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
