#pragma once
// A workspace's disk on a real image, to be worked with as the uids of two slots.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <string>

#include "launcher/box/kernel/id_map.h"
#include "launcher/box/kernel/mount_api.h"
#include "launcher/box/plan/plan.h"
#include "launcher/box/storage/image.h"
#include "launcher/box/storage/workspace_disk.h"
#include "tests/support/folder.h"

namespace carrel::storage {

inline constexpr uint32_t kFirst = plan::kBlockBase + 8 * 4000;  // slots nobody has here
inline constexpr uint32_t kSecond = plan::kBlockBase + 8 * 4001;
inline constexpr uint64_t kMiB = uint64_t{1} << 20;
inline constexpr uint64_t kBytes = 64 * kMiB;

template <typename T>
std::string why(const Result<T>& result) {
  return result.ok() ? "" : to_string(result.error());
}

inline Secret key_of(char letter) {
  return Secret(std::string(kernel::kFileKeyBytes, letter));
}

/// What `act` answers when it runs as that uid in the folder, without any capability; 0 is success.
inline int as(uint32_t uid, int folder_fd, const std::function<int()>& act) {
  const pid_t pid = fork();
  if (pid == 0) {
    if (fchdir(folder_fd) != 0 || setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0) {
      _exit(200);
    }
    _exit(act());
  }
  int status = -1;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 201;
}

inline int put(const char* path, const std::string& text) {
  const UniqueFd file(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file.valid()) return errno;
  return write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0
                                                                                          : errno;
}

class Disk : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    for (const char* name : {"lower", "upper", "slice", "slice/src"})
      ASSERT_EQ(mkdir((host_ / name).c_str(), 0755), 0);
    lower_.reset(open((host_ / "lower").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    upper_.reset(open((host_ / "upper").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(put((host_ / "slice/src/a").c_str(), "of the slice"), 0);
    for (const char* name : {"slice", "slice/src", "slice/src/a"})
      ASSERT_EQ(chown((host_ / name).c_str(), plan::kOnDiskOwner, plan::kOnDiskOwner), 0);
    slice_.reset(open((host_ / "slice").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    format({kBytes, 4096});
  }

  void format(const DiskSize& size) {
    folder_.reset(open(host_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    (void)unlinkat(folder_.get(), "image", 0);
    ASSERT_TRUE(make_image_file(folder_.get(), "image", image_bytes(size)).ok());
    std::string command = "/usr/sbin/mkfs.ext4";
    for (const std::string& word : format_arguments(size, host_ / "image"))
      command += " '" + word + "'";
    ASSERT_EQ(system(command.c_str()), 0);
  }

  Result<WorkspaceDisk> mount_with(char letter) {
    ASSIGN_OR_RETURN(UniqueFd image, open_image(folder_.get(), "image", 20'000));
    return WorkspaceDisk::mount(std::move(image), key_of(letter));
  }

  /// The working tree as `uid` has it, or its read-only view.
  UniqueFd tree(const WorkspaceDisk& disk, uint32_t uid, bool view) {
    EXPECT_TRUE(disk.add_repository("app").ok());
    const auto map = kernel::make_id_map({plan::kOnDiskOwner, uid});
    EXPECT_TRUE(map.ok());
    const Viewer viewer{map.value().get(), uid};
    const Places places{lower_.get(), upper_.get()};
    const auto mount = view ? disk.view("app", slice_.get(), viewer, places)
                            : disk.working_tree("app", slice_.get(), viewer, places);
    EXPECT_TRUE(mount.ok()) << why(mount);
    if (!mount.ok()) return UniqueFd();
    return UniqueFd(openat(mount.value().get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }

  support::Folder host_;
  UniqueFd folder_, lower_, upper_, slice_;
};

}  // namespace carrel::storage
