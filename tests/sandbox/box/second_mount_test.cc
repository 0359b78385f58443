// Openings share the launcher's mount namespace and make their mounts at the same time.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "launcher/box/kernel/mount_api.h"
#include "tests/sandbox/box/stand.h"
#include "tests/support/folder.h"

namespace carrel::kernel {
namespace {

constexpr int kOpenings = 4;
constexpr int kRounds = 300;

/// In a child: 0 when every second mount could be made and was left nowhere.
int make_many(const std::string& place) {
  const UniqueFd folder(open(place.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int round = 0; round < kRounds; ++round) {
    const auto first = new_tmpfs({0, 0, 0755, 0, 0});
    if (!first.ok() || !second_mount(first.value().get(), folder.get()).ok()) return 1;
  }
  return 0;
}

TEST(SecondMount, IsMadeByManyAtOnceEachAtItsOwnPlace) {
  support::take_stand();
  const support::Folder places;
  ASSERT_EQ(unshare(CLONE_NEWNS), 0);
  ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  std::vector<pid_t> openings;
  for (int i = 0; i < kOpenings; ++i) {
    const std::string place = places / std::to_string(i);
    ASSERT_EQ(mkdir(place.c_str(), 0755), 0);
    openings.push_back(fork());
    if (openings.back() == 0) _exit(make_many(place));
  }
  for (const pid_t opening : openings) {
    int status = -1;
    EXPECT_EQ(waitpid(opening, &status, 0), opening);
    EXPECT_EQ(status, 0);
  }
}

}  // namespace
}  // namespace carrel::kernel
