"""Holds schema.json against the library and against profiles with a mistake, with a small validator of the few
JSON Schema words that the schema uses; an unknown word fails."""
import json
import pathlib
import re
import sys
import tomllib

root = pathlib.Path(sys.argv[1])
schema = json.loads((root / "tests/golden/profiles/schema.json").read_text())
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
KNOWN = {"$schema", "title", "description", "type", "additionalProperties", "required", "properties", "if", "then",
         "not", "enum", "pattern", "items", "maxItems", "uniqueItems", "minimum", "minLength"}


def errors(rule, value, where):
    assert set(rule) <= KNOWN, set(rule) - KNOWN
    if "not" in rule and not errors(rule["not"], value, where):
        return [f"{where}: refused"]
    if "type" in rule and (type(value) is not TYPES[rule["type"]]):
        return [f"{where}: no {rule['type']}"]
    found = []
    if isinstance(value, dict):
        found += [f"{where}: {key} is missing" for key in rule.get("required", []) if key not in value]
        properties = rule.get("properties", {})
        for key, inner in value.items():
            if key in properties:
                found += errors(properties[key], inner, f"{where}.{key}")
            elif rule.get("additionalProperties") is False:
                found.append(f"{where}: {key} is unknown")
    if isinstance(value, list):
        found += [error for i, item in enumerate(value) for error in errors(rule.get("items", {}), item, f"{where}[{i}]")]
    if isinstance(value, str) and "pattern" in rule and not re.search(rule["pattern"], value):
        found.append(f"{where}: does not match {rule['pattern']}")
    if "enum" in rule and value not in rule["enum"]:
        found.append(f"{where}: not one of {rule['enum']}")
    if "if" in rule and not errors(rule["if"], value, where):
        found += errors(rule["then"], value, where)
    return found


library = [path for path in (root / "profiles/library").rglob("*.toml") if not path.name.endswith("-cases.toml")]
assert len(library) >= 5, library
for path in library:
    found = errors(schema, tomllib.loads(path.read_text()), path.name)
    assert not found, found
good = tomllib.loads((root / "profiles/library/demo.toml").read_text())
for change in ({"versoin": 1}, {"version": "1"}, {"profile": "No Name"}, {"service": []}, {"repository": {}},
               {"session": {"max_duration": "8 h"}}, {"session": {"keystrokes": "loud"}}, {"credential": [{"kind": "jwt"}]}):
    assert errors(schema, good | change, "changed"), change
assert errors(schema, {key: value for key, value in good.items() if key != "purpose"}, "cut")
whole = json.loads((root / "tests/golden/profiles/schema_whole.json").read_text())
vectors = json.loads((root / "tests/vectors/profiles.json").read_text(encoding="utf-8"))
language = tomllib.loads(next(one["toml"] for one in vectors if one["name"] == "the whole language"))
assert not errors(whole, language, "whole"), errors(whole, language, "whole")
host = {"host": "a.example", "ports": [443]}
for change in ({"addresses": ["10.0.0.0"]}, {"waiver": {"by": "lena"}}, {"http": [{"preset": "git-clone"}]},
               {"http": [{"headers": ["X-Id"]}]}, {"http": [{"upgrade": 1}]}, {"http": [{"escaped_slash": 1}]}, {"http": [{"refs": ["main"]}]}):
    assert errors(whole, language | {"network": [host | change]}, "changed"), change
print(f"{len(library)} profiles of the library hold")
