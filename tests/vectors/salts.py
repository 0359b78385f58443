"""Recomputes tests/vectors/salts.json with the standard library alone and compares."""
import hashlib
import json
import pathlib


def child(bit, node):
    return hashlib.sha256(bytes([0x10, bit]) + node).digest()


def salt(root, index):
    node = root
    for level in range(7, -1, -1):
        node = child(index >> level & 1, node)
    return node[:16]


vectors = json.loads(pathlib.Path(__file__).with_name("salts.json").read_text())
for entry in vectors["roots"]:
    root = bytes.fromhex(entry["root_hex"])
    every = [salt(root, i) for i in range(256)]
    assert all(every[int(i)].hex() == want for i, want in entry["salts_hex"].items())
    assert hashlib.sha256(b"".join(every)).hexdigest() == entry["sha256_of_all_256_salts_hex"]
print("salts.json: every vector holds")
