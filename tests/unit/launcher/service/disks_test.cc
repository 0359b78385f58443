#include "launcher/service/disks.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "launcher/box/storage/key_slots.h"
#include "launcher/service/workspace.h"
#include "tests/support/folder.h"

namespace carrel::service {
namespace {

const std::string kOne = "01jd0000000000000000000001";
const std::string kTwo = "01jd0000000000000000000002";

class Disks : public testing::Test {
 protected:
  void SetUp() override {
    for (auto [name, fd] : {std::pair{"workspaces", &state_.workspaces},
                            {"slices", &state_.slices},
                            {"pool", &state_.pool},
                            {"vault", &state_.vault}}) {
      ASSERT_EQ(mkdir((folder_ / name).c_str(), 0700), 0);
      fd->reset(open((folder_ / name).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
  }
  void make_slice(const std::string& name) {
    ASSERT_EQ(mkdir((folder_ / ("slices/" + name)).c_str(), 0755), 0);
    std::ofstream(folder_ / ("slices/" + name + "/manifest")) << "x";
  }
  Workspace keep(const std::string& name, const std::string& slice) {
    Workspace made = Workspace::open(state_.workspaces.get(), name, nullptr).take();
    std::ofstream(folder_ / ("workspaces/" + name + "/image")) << "x";
    (void)storage::KeySlots::open(state_.vault.get()).take().make(name).take();
    EXPECT_TRUE(made.keep({{"app", "00", slice}}).ok());
    return made;
  }
  [[nodiscard]] bool is_there(const std::string& path) const {
    return std::filesystem::exists(folder_ / path);
  }
  bool has_key(const std::string& name) {
    return storage::KeySlots::open(state_.vault.get()).take().find(name).take().has_value();
  }

  support::Folder folder_;
  State state_;
};

TEST_F(Disks, EndWithTheirKey) {
  keep(kOne, "a");
  keep(kTwo, "a");
  const auto erased = erase_workspace(state_, kOne, [] {});
  ASSERT_TRUE(erased.ok()) << to_string(erased.error());
  EXPECT_EQ(erased.value(), "key erased");
  EXPECT_FALSE(has_key(kOne));
  EXPECT_FALSE(is_there("workspaces/" + kOne));
  EXPECT_TRUE(has_key(kTwo));
  EXPECT_TRUE(is_there("workspaces/" + kTwo + "/image"));
  EXPECT_EQ(erase_workspace(state_, kOne, [] {}).error().sys_errno, ENOENT);
}

TEST_F(Disks, AreNotEndedUnderASession) {
  const Workspace live = keep(kOne, "a");
  EXPECT_EQ(erase_workspace(state_, kOne, [] {}).error().sys_errno, EWOULDBLOCK);
  EXPECT_TRUE(has_key(kOne));
  EXPECT_TRUE(is_there("workspaces/" + kOne + "/image"));
}

TEST_F(Disks, AreUnmountedWhenTheirKeyIsGone) {
  keep(kOne, "a");
  int had_key = -1;
  const auto erased =
      erase_workspace(state_, kOne, [&] { had_key = static_cast<int>(has_key(kOne)); });
  EXPECT_TRUE(erased.ok());
  EXPECT_EQ(had_key, 0);
}

TEST_F(Disks, AreNotCalledErasedWhileTheyAreMounted) {
  keep(kOne, "a");
  const std::string image = folder_ / ("workspaces/" + kOne + "/image");
  UniqueFd mounted(open(image.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(flock(mounted.get(), LOCK_EX), 0);  // as a loop device's file is
  EXPECT_EQ(erase_workspace(state_, kOne, [] {}).error().sys_errno, EWOULDBLOCK);
  EXPECT_FALSE(has_key(kOne));
  EXPECT_TRUE(is_there("workspaces/" + kOne + "/image"));
  const auto erased = erase_workspace(state_, kOne, [&] { mounted.reset(); });
  ASSERT_TRUE(erased.ok()) << to_string(erased.error());
  EXPECT_EQ(erased.value(), "key erased");
  EXPECT_FALSE(is_there("workspaces/" + kOne));
}

TEST_F(Disks, AreEndedByTheirNameAlone) {
  EXPECT_EQ(erase_workspace(state_, "../vault", [] {}).error().sys_errno, EINVAL);
  EXPECT_EQ(erase_workspace(state_, "", [] {}).error().sys_errno, EINVAL);
}

TEST_F(Disks, SweepingKeepsEveryWorkspaceThatHadASessionAndItsSlice) {
  keep(kOne, "a");
  make_slice("a");
  make_slice("b");
  make_slice("new-01jd");
  { const Workspace dead = Workspace::open(state_.workspaces.get(), kTwo, nullptr).take(); }
  ASSERT_TRUE(is_there("workspaces/" + kTwo));
  ASSERT_TRUE(sweep_all(state_).ok());
  EXPECT_TRUE(is_there("workspaces/" + kOne + "/image"));
  EXPECT_TRUE(has_key(kOne));
  EXPECT_TRUE(is_there("slices/a/manifest"));
  EXPECT_FALSE(is_there("slices/b"));
  EXPECT_FALSE(is_there("slices/new-01jd"));
  EXPECT_FALSE(is_there("workspaces/" + kTwo));
}

TEST_F(Disks, SlicesStayWhereAWorkspacesListCannotBeRead) {
  keep(kOne, "a");
  make_slice("a");
  std::ofstream(folder_ / ("workspaces/" + kOne + "/slices")) << "damaged";
  EXPECT_EQ(clear_unused_slices(state_).error().sys_errno, EBADMSG);
  EXPECT_TRUE(is_there("slices/a/manifest"));
}

TEST_F(Disks, HostsWithoutRoomAreSaidWithBothFigures) {
  EXPECT_TRUE(check_host_space(state_.pool.get(), 0).ok());
  const Status full = check_host_space(state_.pool.get(), uint64_t{1} << 60);
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().sys_errno, ENOSPC);
  EXPECT_NE(full.error().what.find("1099511627776 MiB must be free"), std::string::npos);
}

}  // namespace
}  // namespace carrel::service
