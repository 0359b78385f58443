// The disk of a workspace on a real image: encrypted, seen by one uid a session, limited exactly,
// one user at a time.

#include "tests/sandbox/storage/disk.h"

#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>

#include <fstream>
#include <utility>

#include "launcher/box/kernel/ext4_mount.h"
#include "launcher/box/kernel/id_map.h"
#include "launcher/box/kernel/loop_device.h"
#include "launcher/box/kernel/mount_api.h"

namespace carrel::storage {
namespace {

constexpr const char* kWords = "the-words-that-must-not-lie-in-clear";

int look(const char* path, const std::string& text) {
  std::ifstream file(path);
  const std::string found((std::istreambuf_iterator<char>(file)), {});
  return found == text ? 0 : 1;
}

/// Writes so many mebibytes, then single blocks until there is no room: 0 when that comes within
/// `blocks_mib` mebibytes more, else an errno, EFBIG when there was room for all.
int fill(const char* path, int mib, int blocks_mib) {
  const UniqueFd file(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid()) return errno;
  const std::string much(1 << 20, 'b');
  for (int i = 0; i < mib; ++i) {
    if (write(file.get(), much.data(), much.size()) != static_cast<ssize_t>(much.size())) {
      return errno == 0 ? EIO : errno;
    }
  }
  for (int i = 0; i < blocks_mib * 256 + 16; ++i) {
    if (write(file.get(), much.data(), 4096) != 4096) return errno == ENOSPC ? 0 : errno;
  }
  return EFBIG;
}

TEST_F(Disk, ShowsTheSliceAsThePayloadsOwnAndKeepsItsChanges) {
  auto disk = mount_with('k');
  ASSERT_TRUE(disk.ok()) << why(disk);
  const UniqueFd tree = this->tree(disk.value(), kFirst, false);
  struct stat what {};
  ASSERT_EQ(fstatat(tree.get(), "src/a", &what, 0), 0);
  EXPECT_EQ(what.st_uid, kFirst);
  EXPECT_EQ(as(kFirst, tree.get(), [] { return put("src/a", "changed"); }), 0);
  EXPECT_EQ(as(kFirst, tree.get(), [] { return rename("src", "moved") == 0 ? 0 : errno; }), 0);
  EXPECT_EQ(as(kSecond, tree.get(), [] { return put("moved/a", "not mine"); }), EACCES);
  std::ifstream slice(host_ / "slice/src/a");
  const std::string untouched((std::istreambuf_iterator<char>(slice)), {});
  EXPECT_EQ(untouched, "of the slice");
}

/// Kernels before 6.15 clone attached trees only.
TEST_F(Disk, GivesOutAFolderWhereTheKernelClonesNothingThatIsDetached) {
  auto image = open_image(folder_.get(), "image", 0);
  ASSERT_TRUE(image.ok()) << why(image);
  auto loop = kernel::attach_loop(image.value().get());
  ASSERT_TRUE(loop.ok()) << why(loop);
  const auto first = kernel::mount_ext4(loop.value().path);
  ASSERT_TRUE(first.ok()) << why(first);
  ASSERT_EQ(mkdirat(first.value().get(), "below", 0755), 0);
  ASSERT_EQ(mkdirat(first.value().get(), "below/there", 0755), 0);
  struct stat before {};
  ASSERT_EQ(stat((host_ / "upper").c_str(), &before), 0);
  const auto second = kernel::mount_ext4_folder(loop.value().path, "below", upper_.get());
  ASSERT_TRUE(second.ok()) << why(second);
  struct stat root {};
  struct stat above {};
  struct stat place {};
  EXPECT_EQ(fstatat(second.value().get(), "there", &root, 0), 0);
  ASSERT_EQ(fstatat(second.value().get(), ".", &root, 0), 0);
  ASSERT_EQ(fstatat(second.value().get(), "..", &above, 0), 0);
  EXPECT_EQ(root.st_ino, above.st_ino);
  ASSERT_EQ(stat((host_ / "upper").c_str(), &place), 0);
  EXPECT_EQ(std::pair(place.st_dev, place.st_ino), std::pair(before.st_dev, before.st_ino));
  const auto map = kernel::make_id_map({plan::kOnDiskOwner, kFirst});
  ASSERT_TRUE(map.ok()) << why(map);
  EXPECT_TRUE(kernel::idmap_mount(second.value().get(), map.value().get()).ok());
  EXPECT_FALSE(kernel::mount_ext4_folder(loop.value().path, "absent", upper_.get()).ok());
}

TEST_F(Disk, KeepsTheWorkForTheNextSessionUnderAnotherUid) {
  {
    auto disk = mount_with('k');
    ASSERT_TRUE(disk.ok()) << why(disk);
    const UniqueFd tree = this->tree(disk.value(), kFirst, false);
    ASSERT_EQ(as(kFirst, tree.get(), [] { return put("src/b", kWords); }), 0);
    ASSERT_EQ(as(kFirst, tree.get(), [] { return rename("src", "moved") == 0 ? 0 : errno; }), 0);
  }
  auto disk = mount_with('k');
  ASSERT_TRUE(disk.ok()) << why(disk);
  const UniqueFd tree = this->tree(disk.value(), kSecond, false);
  EXPECT_EQ(as(kSecond, tree.get(), [] { return look("moved/b", kWords); }), 0);
  EXPECT_EQ(as(kSecond, tree.get(), [] { return look("moved/a", "of the slice"); }), 0);
  EXPECT_EQ(as(kSecond, tree.get(), [] { return put("moved/b", "again"); }), 0);
  EXPECT_EQ(as(kFirst, tree.get(), [] { return open("moved/b", O_RDONLY) < 0 ? errno : 0; }),
            EACCES);
}

TEST_F(Disk, ViewOfAnotherUidHasWhatWasDoneAfterItWasMade) {
  auto disk = mount_with('k');
  ASSERT_TRUE(disk.ok()) << why(disk);
  const UniqueFd tree = this->tree(disk.value(), kFirst, false);
  const UniqueFd view = this->tree(disk.value(), kSecond, true);
  ASSERT_EQ(as(kFirst, tree.get(), [] { return put("src/b", kWords); }), 0);
  ASSERT_EQ(as(kFirst, tree.get(), [] { return rename("src", "moved") == 0 ? 0 : errno; }), 0);
  ASSERT_EQ(as(kFirst, tree.get(), [] { return unlink("moved/a") == 0 ? 0 : errno; }), 0);
  EXPECT_EQ(as(kSecond, view.get(), [] { return look("moved/b", kWords); }), 0);
  EXPECT_EQ(as(kSecond, view.get(), [] { return open("src/a", O_RDONLY) < 0 ? errno : 0; }),
            ENOENT);
  EXPECT_EQ(as(kSecond, view.get(), [] { return open("moved/a", O_RDONLY) < 0 ? errno : 0; }),
            ENOENT);
  EXPECT_EQ(as(kSecond, view.get(), [] { return put("moved/b", "x"); }), EROFS);
}

TEST_F(Disk, IsNotInClearOnTheHost) {
  {
    auto disk = mount_with('k');
    ASSERT_TRUE(disk.ok()) << why(disk);
    const UniqueFd tree = this->tree(disk.value(), kFirst, false);
    ASSERT_EQ(as(kFirst, tree.get(), [] { return put(kWords, kWords); }), 0);
    const UniqueFd plain(
        openat(disk.value().folder_fd(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // The control: what lies beside the encrypted folder can be found.
    ASSERT_EQ(as(0, plain.get(), [] { return put("beside", "words-in-clear"); }), 0);
  }
  ASSERT_TRUE(open_image(folder_.get(), "image", 20'000).ok());
  EXPECT_EQ(system(("grep -q -a words-in-clear '" + (host_ / "image") + "'").c_str()), 0);
  EXPECT_NE(system(("grep -q -a " + std::string(kWords) + " '" + (host_ / "image") + "'").c_str()),
            0);
}

TEST_F(Disk, RefusesAnotherKeyAndLosesNothing) {
  {
    auto disk = mount_with('k');
    ASSERT_TRUE(disk.ok()) << why(disk);
    const UniqueFd tree = this->tree(disk.value(), kFirst, false);
    ASSERT_EQ(as(kFirst, tree.get(), [] { return put("mine", kWords); }), 0);
  }
  const auto other = mount_with('x');
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().sys_errno, EEXIST) << why(other);
  auto disk = mount_with('k');
  ASSERT_TRUE(disk.ok()) << why(disk);
  const UniqueFd tree = this->tree(disk.value(), kFirst, false);
  EXPECT_EQ(as(kFirst, tree.get(), [] { return look("mine", kWords); }), 0);
}

TEST_F(Disk, HasOneUserAtATime) {
  auto disk = mount_with('k');
  ASSERT_TRUE(disk.ok()) << why(disk);
  const auto second = open_image(folder_.get(), "image", 50);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().sys_errno, EWOULDBLOCK);
}

TEST_F(Disk, StopsAtItsBytesAndAtItsInodes) {
  format({uint64_t{16} << 20, 1024});
  auto disk = mount_with('k');
  ASSERT_TRUE(disk.ok()) << why(disk);
  const UniqueFd tree = this->tree(disk.value(), kFirst, false);
  ASSERT_TRUE(disk.value().limit(uint64_t{16} << 20).ok());
  EXPECT_EQ(as(kFirst, tree.get(), [] { return fill("big", 15, 1); }), 0);
  ASSERT_EQ(as(kFirst, tree.get(), [] { return unlink("big") == 0 ? 0 : errno; }), 0);
  const auto many = [] {
    for (int i = 0; i < 4096; ++i) {
      const UniqueFd file(open(std::to_string(i).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
      if (!file.valid()) return errno;
    }
    return 0;
  };
  EXPECT_EQ(as(kFirst, tree.get(), many), ENOSPC);
}

TEST_F(Disk, IsHeldToEachNewLimitAtOnce) {
  auto disk = mount_with('k');
  ASSERT_TRUE(disk.ok()) << why(disk);
  const UniqueFd tree = this->tree(disk.value(), kFirst, false);
  ASSERT_TRUE(disk.value().limit(2 * kBytes).ok());  // more than it was made for
  EXPECT_EQ(as(kFirst, tree.get(), [] { return fill("big", 127, 1); }), 0);
  ASSERT_TRUE(disk.value().limit(kBytes / 2).ok());  // less than there is
  EXPECT_EQ(as(kFirst, tree.get(), [] { return put("more", "x"); }), ENOSPC);
  EXPECT_EQ(as(0, disk.value().folder_fd(), [] { return put("more", "x"); }), ENOSPC);
  EXPECT_GE(disk.value().used().take().bytes, 127 * kMiB);
  ASSERT_EQ(as(kFirst, tree.get(), [] { return truncate("big", 31 << 20) == 0 ? 0 : errno; }), 0);
  ASSERT_EQ(syncfs(disk.value().folder_fd()), 0);
  EXPECT_EQ(as(kFirst, tree.get(), [] { return put("more", "x"); }), 0);
  const uint64_t most = disk.value().most().take().bytes;
  EXPECT_GE(most, 4 * kBytes);
  EXPECT_TRUE(disk.value().limit(most).ok());
  EXPECT_EQ(disk.value().limit(most + kBytes).error().sys_errno, EFBIG);
}

TEST_F(Disk, HoldsWhatItsSizeSays) {
  const DiskSize sizes[] = {{16 * kMiB, 100'000}, {512 * kMiB, 2'000}, {10240 * kMiB, 1'000'000}};
  for (const DiskSize& size : sizes) {
    format(size);
    auto disk = mount_with('k');
    ASSERT_TRUE(disk.ok()) << why(disk);
    EXPECT_GE(disk.value().most().take().bytes, 4 * size.bytes);
    ASSERT_TRUE(disk.value().add_repository("app").ok());
    ASSERT_TRUE(disk.value().limit(size.bytes).ok());
    struct statfs about {};
    ASSERT_EQ(fstatfs(disk.value().folder_fd(), &about), 0);
    const uint64_t free = about.f_bavail * static_cast<uint64_t>(about.f_bsize);
    EXPECT_GE(free, size.bytes);
    EXPECT_LE(free, size.bytes + 65536);
    const uint64_t groups = image_bytes(size) / (128 * kMiB) + 1;
    EXPECT_GE(about.f_ffree, size.inodes);
    EXPECT_LE(about.f_ffree, size.inodes + kOwnInodes + groups * kInodesRounding);
  }
}

TEST_F(Disk, IsTakenOverAsItStandsAndLimitedAnew) {
  DiskParts parts;
  struct stat before {};
  {
    auto disk = mount_with('k');
    ASSERT_TRUE(disk.ok()) << why(disk);
    const UniqueFd tree = this->tree(disk.value(), kFirst, false);
    ASSERT_TRUE(disk.value().limit(16 * kMiB).ok());
    ASSERT_EQ(as(kFirst, tree.get(), [] { return put("mine", kWords); }), 0);
    ASSERT_EQ(as(kFirst, tree.get(), [] { return fill("big", 15, 1); }), 0);
    ASSERT_EQ(fstat(disk.value().folder_fd(), &before), 0);
    WorkspaceDisk had = disk.take();
    parts = had.give_parts();
  }
  EXPECT_EQ(open_image(folder_.get(), "image", 50).error().sys_errno, EWOULDBLOCK);
  const UniqueFd image(open((host_ / "image").c_str(), O_RDONLY | O_CLOEXEC));
  {
    const WorkspaceDisk disk = WorkspaceDisk::of(std::move(parts));
    ASSERT_EQ(as(0, disk.folder_fd(), [] { return put("more", "x"); }), ENOSPC);
    const Status ready = disk.resume(image.get());
    ASSERT_TRUE(ready.ok()) << to_string(ready.error());
    EXPECT_EQ(as(0, disk.folder_fd(), [] { return put("more", "x"); }), 0);
    struct stat after {};
    ASSERT_EQ(fstat(disk.folder_fd(), &after), 0);
    EXPECT_EQ(before.st_dev, after.st_dev);
    const UniqueFd tree = this->tree(disk, kSecond, false);
    EXPECT_EQ(as(kSecond, tree.get(), [] { return look("mine", kWords); }), 0);
    ASSERT_TRUE(disk.limit(32 * kMiB).ok());
    EXPECT_EQ(as(kSecond, tree.get(), [] { return fill("bigger", 15, 2); }), 0);
  }
  EXPECT_TRUE(open_image(folder_.get(), "image", 20'000).ok());
}

TEST_F(Disk, OfAnotherImageIsNotTakenOver) {
  auto disk = mount_with('k');
  ASSERT_TRUE(disk.ok()) << why(disk);
  ASSERT_EQ(rename((host_ / "image").c_str(), (host_ / "image.first").c_str()), 0);
  format({kBytes, 4096});
  const UniqueFd image(open((host_ / "image").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(disk.value().resume(image.get()).error().sys_errno, ESTALE);
  const UniqueFd first(open((host_ / "image.first").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(disk.value().resume(first.get()).ok());
}

TEST_F(Disk, ThatMetAnErrorIsNotTakenOverAndIsWholeWhenItIsMountedAgain) {
  const UniqueFd image(open((host_ / "image").c_str(), O_RDONLY | O_CLOEXEC));
  {
    auto disk = mount_with('k');
    ASSERT_TRUE(disk.ok()) << why(disk);
    const UniqueFd tree = this->tree(disk.value(), kFirst, false);
    ASSERT_EQ(as(kFirst, tree.get(), [] { return put("mine", kWords); }), 0);
    ASSERT_EQ(syncfs(disk.value().folder_fd()), 0);
    ASSERT_TRUE(disk.value().resume(image.get()).ok());
    constexpr unsigned long kShutdown = _IOR('X', 125, uint32_t);  // ext4's, as xfs has it
    uint32_t without_the_log = 2;
    ASSERT_EQ(ioctl(disk.value().folder_fd(), kShutdown, &without_the_log), 0);
    EXPECT_EQ(disk.value().resume(image.get()).error().sys_errno, EIO);
  }
  auto disk = mount_with('k');
  ASSERT_TRUE(disk.ok()) << why(disk);
  const UniqueFd tree = this->tree(disk.value(), kFirst, false);
  EXPECT_EQ(as(kFirst, tree.get(), [] { return look("mine", kWords); }), 0);
}

TEST_F(Disk, TwoWorkspacesSeeTheSameInodesOfTheSlice) {
  auto disk = mount_with('k');
  ASSERT_TRUE(disk.ok()) << why(disk);
  const UniqueFd tree = this->tree(disk.value(), kFirst, false);
  struct stat one {};
  ASSERT_EQ(fstatat(tree.get(), "src/a", &one, 0), 0);
  const UniqueFd first_image = std::move(folder_);
  ASSERT_EQ(rename((host_ / "image").c_str(), (host_ / "image.first").c_str()), 0);
  format({kBytes, 4096});
  auto other = mount_with('o');
  ASSERT_TRUE(other.ok()) << why(other);
  const UniqueFd second = this->tree(other.value(), kSecond, false);
  struct stat two {};
  ASSERT_EQ(fstatat(second.get(), "src/a", &two, 0), 0);
  EXPECT_EQ(one.st_ino, two.st_ino);
  EXPECT_NE(one.st_dev, two.st_dev);
}

}  // namespace
}  // namespace carrel::storage
