"""The record as others check it: openssl, a short script, every byte damaged, a record cut short."""
import base64
import json
import pathlib
import re
import shutil
import subprocess
import unittest

import carrel_case
from carrel_case import BUILD, SOURCE, Case, run


class Record(Case):
    def small(self):
        """One small session with a changed file; its id and record folder."""
        opened = self.sh("echo hi; echo x > web/src/old.txt")
        return opened.session, self.record(opened.session)

    def test_the_closing_seal_verifies_with_openssl_and_the_root_with_a_script(self):
        session, record = self.small()
        notes = (record / "seals.notes").read_text()
        done = run("/usr/bin/python3", str(SOURCE / "scripts/verify_root.py"), str(record))
        self.assertIn(b": as sealed", done.stdout)
        # The last note: its text, and the broker's signature under it.
        note = "carrel.local/session/" + notes.rpartition("\ncarrel.local/session/")[2]
        text, signatures = note.split("\n\n", 1)
        text += "\n"
        self.assertIn("state closed\n", text)
        vkey = [line for line in (self.state / "trust.policy").read_text().splitlines() if "carrel.local/broker" in line]
        key = base64.b64decode(vkey[0].split("+", 2)[2])[1:]
        line = [s for s in signatures.splitlines() if s.startswith("\u2014 carrel.local/broker ")][0]
        signature = base64.b64decode(line.split()[-1])[4:]
        work = self.folder
        (work / "text").write_text(text)
        (work / "signature").write_bytes(signature)
        (work / "key.der").write_bytes(bytes.fromhex("302a300506032b6570032100") + key)
        words = ("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(work / "key.der"), "-keyform", "DER",
                 "-rawin", "-in", str(work / "text"), "-sigfile", str(work / "signature"))
        self.assertIn(b"Signature Verified Successfully", run(*words).stdout)
        (work / "text").write_text(text.replace("state closed", "state closee"))
        self.assertNotEqual(subprocess.run(words, capture_output=True).returncode, 0)

    def test_any_damaged_byte_is_noticed_and_named(self):
        session, record = self.small()
        done = subprocess.run([str(BUILD / "tests/damage_record"), str(record), str(self.state / "trust.policy"), session],
                              capture_output=True, timeout=170)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout.decode(), r"[4-9] files, \d{4,} flips")
        # And through the command line, once.
        segment = record / "000001.seg"
        good = segment.read_bytes()
        segment.write_bytes(good[:200] + bytes([good[200] ^ 1]) + good[201:])
        report = self.verify(session, code=4)
        self.assertEqual((report["exit"], report["first_bad"]["file"]), (4, "000001.seg"))
        self.assertIn(b"000001.seg", self.carrel("verify", session, code=4).stdout)

    def test_a_record_cut_short_is_incomplete(self):
        session, record = self.small()
        notes = (record / "seals.notes").read_text()
        first = notes[:notes.index("\ncarrel.local/session/", 1) + 1]
        self.assertLess(len(first), len(notes))
        (record / "seals.notes").write_text(first)
        self.assertEqual(self.verify(session, code=None)["exit"], 5)

    def test_a_policy_of_another_store_does_not_vouch(self):
        session, record = self.small()
        other = self.folder / "other.policy"
        text = (self.state / "trust.policy").read_text()
        key = text.split("+", 2)[2].split()[0]
        raw = bytearray(base64.b64decode(key))
        raw[5] ^= 1
        other.write_text(text.replace(key, base64.b64encode(bytes(raw)).decode()))
        done = self.carrel("verify", session, "--policy", str(other), "--json", code=None)
        self.assertNotEqual(done.returncode, 0)

    def test_the_catalogue_is_only_an_index(self):
        session, record = self.small()
        before = self.sessions()
        self.stop()
        for path in self.state.glob("catalogue.sqlite*"):
            path.unlink()
        after = self.sessions()
        for row in before + after:
            row.pop("started"), row.pop("ended")  # of the first and last event, not of the services
        self.assertEqual(after, before)
        self.assertEqual(self.verify(session)["exit"], 0)

    def test_the_first_event_binds_profile_rules_and_assurance(self):
        session, record = self.small()
        opened = self.events(session)[0]
        data = opened["data"]
        self.assertEqual(data["task"], "local/fix")
        self.assertEqual(data["profile_sha256"], self.sessions()[0]["profile_sha256"])
        check = self.carrel("profile", "check", str(self.profile)).stdout.decode()
        self.assertIn(data["profile_sha256"], check)
        rules = {rule["id"]: rule for rule in data["rules"]}
        self.assertIn("default:network", rules)
        never = rules["repository.app.never.web/src/secrets"]
        self.assertTrue(never["file"].endswith("fix.toml"))
        self.assertEqual(never["line"], 12)
        self.assertEqual(len(data["assurance"]), 9)


if __name__ == "__main__":
    unittest.main()
