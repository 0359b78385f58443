#include "launcher/box/storage/key_slots.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/folder.h"

namespace carrel::storage {
namespace {

const std::string kOne = "01JD0000000000000000000001";
const std::string kTwo = "01JD0000000000000000000002";

class Keys : public testing::Test {
 protected:
  KeySlots slots() {
    auto opened = KeySlots::open(fd_.get());
    if (!opened.ok()) abort();
    return opened.take();
  }
  [[nodiscard]] std::string file(const char* name) const {
    std::ifstream in(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const char* name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary | std::ios::trunc) << bytes;
  }

  support::Folder folder_;
  UniqueFd fd_{open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
};

TEST_F(Keys, AreFoundAgainByAnotherProcess) {
  auto made = slots().make(kOne);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made.value().expose().size(), 64U);
  auto found = slots().find(kOne);
  ASSERT_TRUE(found.ok() && found.value().has_value());
  EXPECT_EQ(found.value()->expose(), made.value().expose());
  EXPECT_FALSE(slots().find(kTwo).value().has_value());
}

TEST_F(Keys, DifferForEachWorkspaceAndAreMadeOnce) {
  KeySlots keys = slots();
  const Secret one = keys.make(kOne).take();
  const Secret two = keys.make(kTwo).take();
  EXPECT_NE(one.expose(), two.expose());
  const auto again = keys.make(kOne);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().sys_errno, EEXIST);
}

TEST_F(Keys, AreFoundInWhicheverSlotTheyLie) {
  const Secret made = slots().make(kOne).take();
  const std::string all = file("workspaces.keys");
  for (const size_t at : {size_t{511}, size_t{512}, size_t{513}, KeySlots::kSlots - 1}) {
    std::string moved(all.size(), '\0');
    moved.replace(at * 128, 128, all.substr(0, 128));
    write("workspaces.keys", moved);
    const auto found = slots().find(kOne);
    ASSERT_TRUE(found.ok() && found.value().has_value()) << at;
    EXPECT_EQ(found.value()->expose(), made.expose());
    EXPECT_TRUE(slots().erase(kOne).value());
    EXPECT_EQ(file("workspaces.keys"), std::string(all.size(), '\0'));
  }
  std::string full(all.size(), 'x');
  full.replace(513 * 128, 128, std::string(128, '\0'));
  write("workspaces.keys", full);
  ASSERT_TRUE(slots().make(kTwo).ok());
  EXPECT_EQ(file("workspaces.keys").find(kTwo), 513U * 128);
  EXPECT_EQ(slots().make(kOne).error().sys_errno, ENOSPC);
}

TEST_F(Keys, ErasedAreGoneFromTheFile) {
  KeySlots keys = slots();
  (void)keys.make(kOne).take();
  (void)keys.make(kTwo).take();
  const std::string before = file("workspaces.keys");
  ASSERT_NE(before.find(kOne), std::string::npos);
  EXPECT_TRUE(keys.erase(kOne).value());
  EXPECT_FALSE(keys.find(kOne).value().has_value());
  EXPECT_TRUE(keys.find(kTwo).value().has_value());
  EXPECT_EQ(file("workspaces.keys").substr(0, 128), std::string(128, '\0'));
  EXPECT_FALSE(keys.erase(kOne).value());
}

TEST_F(Keys, DoNotLieInClear) {
  const Secret key = slots().make(kOne).take();
  const std::string part(key.expose().substr(0, 16));
  EXPECT_EQ(file("workspaces.keys").find(part), std::string::npos);
}

TEST_F(Keys, OfAChangedSlotAreRefusedAndNotReplaced) {
  (void)slots().make(kOne).take();
  std::string bytes = file("workspaces.keys");
  for (const size_t at : {size_t{36}, size_t{60}, size_t{120}}) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    write("workspaces.keys", changed);
    const auto found = slots().find(kOne);
    ASSERT_FALSE(found.ok()) << at;
    EXPECT_EQ(found.error().sys_errno, EBADMSG);
  }
  write("workspaces.keys", bytes);
  EXPECT_TRUE(slots().find(kOne).value().has_value());
}

/// A slot that was copied under another name opens nothing.
TEST_F(Keys, BelongToTheirName) {
  (void)slots().make(kOne).take();
  std::string bytes = file("workspaces.keys");
  bytes.replace(0, kTwo.size(), kTwo);
  write("workspaces.keys", bytes);
  const auto found = slots().find(kTwo);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().sys_errno, EBADMSG);
}

TEST_F(Keys, WithoutTheirHostKeyAreNotWrittenOver) {
  (void)slots().make(kOne).take();
  const std::string host = file("host.key");
  write("host.key", host.substr(1));
  EXPECT_FALSE(KeySlots::open(fd_.get()).ok());
  write("host.key", host);
  EXPECT_TRUE(slots().find(kOne).value().has_value());
}

TEST_F(Keys, WhoseHostKeyIsGoneAreNotMadeAnew) {
  (void)slots().make(kOne).take();
  const std::string host = file("host.key");
  ASSERT_EQ(unlink((folder_ / "host.key").c_str()), 0);
  EXPECT_FALSE(KeySlots::open(fd_.get()).ok());
  ASSERT_NE(file("workspaces.keys").find(kOne), std::string::npos);
  write("host.key", host);
  ASSERT_EQ(chmod((folder_ / "host.key").c_str(), 0600), 0);
  EXPECT_TRUE(slots().find(kOne).value().has_value());
}

TEST_F(Keys, ReadableByOthersAreRefused) {
  (void)slots();
  ASSERT_EQ(chmod((folder_ / "host.key").c_str(), 0644), 0);
  EXPECT_FALSE(KeySlots::open(fd_.get()).ok());
}

TEST_F(Keys, RefuseNamesThatAreNone) {
  KeySlots keys = slots();
  EXPECT_EQ(keys.make("").error().sys_errno, EINVAL);
  EXPECT_EQ(keys.make(kOne + "x").error().sys_errno, EINVAL);
  EXPECT_EQ(keys.find("../x").error().sys_errno, EINVAL);
}

}  // namespace
}  // namespace carrel::storage
