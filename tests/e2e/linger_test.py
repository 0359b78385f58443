"""A workspace's disk stays mounted for a while after its session: who gets it then, what ends that, what is left."""
import os
import re
import subprocess
import unittest

from carrel_case import Case, NeedsImages


class Linger(NeedsImages, Case):
    def stop(self):
        super().stop()
        self.check_no_disk(5)

    def only_disk(self):
        [disk] = self.loops().items()
        return disk

    def writers_have_ended(self):
        """The launcher has no processes that write back what a session left."""
        self.wait_until(lambda: len(self.processes("carrel-launcher")) == 1 and not self.processes("carrel-disk-end"), what="the launcher is alone")

    def limit(self, disk):
        self.profile.write_text(re.sub(r"\[limits\].*", "", self.profile.read_text(), flags=re.S) + f'[limits]\ndisk = "{disk}"\n')

    # ---- the next session ---------------------------------------------------------------------

    def test_a_workspace_that_is_opened_again_soon_has_the_same_mount(self):
        self.start_launcher()
        self.sh("echo mine > web/src/new.c; mv web/src/util web/src/tools; echo set > ~/.profile-of-mine")
        disk = self.only_disk()
        again = self.sh("cat web/src/new.c ~/.profile-of-mine; ls web/src/tools; stat -c %u web/src/new.c; echo more >> web/src/new.c")
        self.assertEqual(again.out.decode(), "mine\nset\ndata.bin\n1000\n")
        self.assertEqual(self.only_disk(), disk)
        self.assertEqual(self.sh("cat web/src/new.c").out, b"mine\nmore\n")
        self.assertEqual(self.only_disk(), disk)
        self.verify()

    def test_a_workspace_that_is_opened_again_at_once_has_its_mount_while_that_is_written(self):
        self.start_launcher()
        first = self.sh("head -c 150M /dev/urandom > web/src/big; sha256sum web/src/big")
        disk = self.only_disk()
        again = self.sh("sha256sum web/src/big; mv web/src/big web/src/bigger; echo mine > web/src/new.c")
        self.assertEqual(again.out, first.out)
        self.assertEqual(self.only_disk(), disk)
        self.stop()
        self.assertEqual(self.sh("sha256sum < web/src/bigger; cat web/src/new.c").out,
                         first.out.split()[0] + b"  -\nmine\n")

    def test_after_its_time_it_is_unmounted_and_the_next_session_mounts_it(self):
        self.start_launcher(options=("--linger-ms", "2000"))
        self.sh("echo mine > web/src/new.c")
        disk = self.only_disk()
        self.check_no_disk(10)
        self.assertIn("disk.unmounted workspace=", self.logs())
        self.assertEqual(self.sh("cat web/src/new.c").out, b"mine\n")
        self.assertNotEqual(self.only_disk(), disk)

    def test_limits_are_those_of_the_session_that_is_opened(self):
        self.start_launcher()
        self.limit("16MiB")
        write = "head -c 40M /dev/zero > web/src/big; stat -c %s web/src/big"
        self.assertLess(int(self.sh(write).out), 17 << 20)
        disk = self.only_disk()
        self.limit("32MiB")
        more = int(self.sh(write).out)
        self.assertGreater(more, 30 << 20)
        self.assertLess(more, 33 << 20)
        self.limit("16MiB")  # less than lies on it
        self.assertIn(b"No space left", self.sh("echo x > web/src/small", code=1).err)
        self.assertEqual(self.only_disk(), disk)

    def test_no_other_workspace_gets_it_and_at_most_eight_stay(self):
        self.start_launcher()
        for number in range(10):
            self.sh(f"ls web/src/mine-*; echo {number} > web/src/mine-{number}", profile=self.another_profile(f"task{number}"))
        self.wait_until(lambda: len(self.loops()) == 8, 5, "eight disks stay mounted")
        self.assertEqual(self.sh("ls web/src/mine-*", profile=self.folder / "task0.toml").out, b"web/src/mine-0\n")

    def test_one_whose_image_was_exchanged_is_not_given_to_a_session(self):
        self.start_launcher()
        opened = self.sh("echo mine > web/src/new.c")
        self.writers_have_ended()
        image = self.state / "workspaces" / opened.started["workspace"] / "image"
        subprocess.run(["cp", "--sparse=always", image, self.folder / "image"], check=True)
        self.sh("echo later > web/src/new.c")
        disk = self.only_disk()
        os.replace(self.folder / "image", image)
        self.assertEqual(self.sh("cat web/src/new.c").out, b"mine\n")
        self.assertNotEqual(self.only_disk(), disk)
        self.assertIn("disk.refused workspace=", self.logs())

    def test_one_without_its_key_is_not_given_to_a_session(self):
        self.start_launcher()
        self.sh("true")
        self.only_disk()
        keys = self.state / "vault/workspaces.keys"
        keys.write_bytes(bytes(keys.stat().st_size))
        self.assertIn("ENOKEY", self.sh("true", code=123).end["error"])
        self.check_no_disk(5)

    # ---- what a session left -------------------------------------------------------------------

    def test_what_was_not_synced_is_on_the_disk_while_it_lingers(self):
        """As a power cut leaves it: the image is copied with the disk mounted."""
        self.start_launcher()
        opened = self.sh("head -c 30M /dev/urandom > web/src/big; sha256sum web/src/big; echo mine > web/src/new.c")
        self.writers_have_ended()
        self.only_disk()
        image = self.state / "workspaces" / opened.started["workspace"] / "image"
        subprocess.run(["cp", "--sparse=always", image, self.folder / "image"], check=True)
        self.stop()
        os.replace(self.folder / "image", image)
        again = self.sh("sha256sum web/src/big; cat web/src/new.c")
        self.assertEqual(again.out, opened.out + b"mine\n")

    # ---- ends ----------------------------------------------------------------------------------

    def test_a_workspace_that_is_erased_is_unmounted_at_once(self):
        self.start_launcher()
        self.carrel("task", "create", "mend", "--profile", str(self.profile), "--person", "root")
        self.carrel("open", "mend", "--", "/bin/sh", "-c", "head -c 100M /dev/urandom > web/src/big", stdin=subprocess.DEVNULL)
        self.only_disk()
        [workspace] = (self.state / "workspaces").iterdir()
        self.assertIn(workspace.name.encode(), (self.state / "vault/workspaces.keys").read_bytes())
        self.assertIn(b" is erased\n", self.carrel("task", "end", "mend", "--reason", "over", "--now").stdout)
        self.assertEqual(self.loops(), {})  # the kernel has its key as long as it is mounted
        self.assertNotIn(workspace.name.encode(), (self.state / "vault/workspaces.keys").read_bytes())
        self.assertFalse(workspace.exists())
        self.assertIn(f"workspace.erased workspace={workspace.name} how=key erased", self.logs())

    def test_a_launcher_that_is_told_to_end_leaves_none(self):
        self.start_launcher()
        self.sh("head -c 30M /dev/urandom > web/src/big")
        self.only_disk()
        self.launcher_process.terminate()
        self.launcher_process.wait(timeout=30)
        self.assertEqual(self.loops(), {})

    def test_a_launcher_that_nobody_needs_does_not_stay_for_it(self):
        self.start_launcher(options=("--idle-ms", "1500"))
        self.sh("true")
        self.only_disk()
        self.launcher_process.wait(timeout=10)
        self.assertEqual(self.loops(), {})


if __name__ == "__main__":
    unittest.main()
