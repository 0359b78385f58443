#!/usr/bin/python3
"""Recomputes the root of a record's closing seal from its raw segments, as docs/evidence-format.md says.

Usage: verify_root.py RECORD_FOLDER. Needs only the zstd program. Checks no signature: openssl does that.
"""
import base64, hashlib, io, pathlib, struct, subprocess, sys  # noqa: E401


def H(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def varint(stream):
    byte = stream.read(1)[0]
    return byte if byte < 128 else byte - 128 + 128 * varint(stream)


def fields(message):  # of protobuf; the ones needed here are varints and bytes
    stream, found = io.BytesIO(message), {}
    while stream.tell() < len(message):
        key, value = varint(stream), varint(stream)
        found[key >> 3] = stream.read(value) if key & 7 == 2 else value
    return found


def leaf_hash(seq, kind, mono, real, payload, node):
    for bit in format(seq % 256, "08b"):
        node = H(b"\x10", bytes([int(bit)]), node)
    head = fields(payload)
    rule, actor = H(head[2])[:16] if 2 in head else bytes(16), fields(head.get(4, b"")).get(1, 0)
    header = struct.pack(">HQQQII", head[1], seq, mono % 2**64, real % 2**64, actor, len(payload))
    return H(b"\0CRL1", kind, header, rule, H(b"\2", node[:16], payload))


def leaves(segment):
    assert H(segment[:-32]) == segment[-32:], "a segment does not match its trailer"
    stream = io.BytesIO(segment[78:-48])
    while block := stream.read(28):
        first, count, size = struct.unpack(">QII", block[4:20])
        raw = io.BytesIO(subprocess.run(["zstd", "-dc"], input=stream.read(size), capture_output=True).stdout)
        roots = [raw.read(32) for _ in range(first // 256, (first + count - 1) // 256 + 1)]
        mono = offset = 0
        for seq in range(first, first + count):
            kind, dm, do, size = raw.read(2), varint(raw), varint(raw), varint(raw)
            mono, offset = mono + (dm >> 1 ^ -(dm & 1)), offset + (do >> 1 ^ -(do & 1))
            yield leaf_hash(seq, kind, mono, mono + offset, raw.read(size), roots[seq // 256 - first // 256])


def root(hashes):
    k = 1 << (len(hashes) - 1).bit_length() - 1 if len(hashes) > 1 else 0
    return H(b"\1", root(hashes[:k]), root(hashes[k:])) if k else hashes[0]


record = pathlib.Path(sys.argv[1])
tree = [leaf for file in sorted(record.glob("*.seg")) for leaf in leaves(file.read_bytes())]
seal = (record / "seals.notes").read_text().rpartition("\ncarrel.local/session/")[2].split("\n")
good = seal[1:3] == [str(len(tree)), base64.b64encode(root(tree)).decode()] and "state closed" in seal
print(f"{len(tree)} events, root {root(tree).hex()}:", "as sealed" if good else "NOT as sealed")
sys.exit(not good)
