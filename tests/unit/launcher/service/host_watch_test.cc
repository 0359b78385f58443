#include "launcher/service/host_watch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "profiles/base/unique_fd.h"

namespace carrel::service {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

TEST(HostWatch, LowBeginsBelowTheMarkAndEndsWellAboveIt) {
  HostWatch watch(256 * kMiB);
  watch.take({256 * kMiB, 0});
  EXPECT_FALSE(watch.low());
  watch.take({256 * kMiB - 1, 0});
  EXPECT_TRUE(watch.low());
  watch.take({319 * kMiB, 0});
  EXPECT_TRUE(watch.low());
  watch.take({320 * kMiB, 0});
  EXPECT_FALSE(watch.low());
  watch.take({300 * kMiB, 0});
  EXPECT_FALSE(watch.low());
}

TEST(HostWatch, CountsWhatWaitsInMemoryAsWritten) {
  HostWatch watch(256 * kMiB);
  watch.take({1024 * kMiB, 700 * kMiB});
  EXPECT_FALSE(watch.low());
  watch.take({1024 * kMiB, 900 * kMiB});
  EXPECT_TRUE(watch.low());
  EXPECT_EQ(watch.left_bytes(), 124 * kMiB);
  watch.take({100 * kMiB, 900 * kMiB});
  EXPECT_EQ(watch.left_bytes(), 0U);
}

TEST(HostWatch, LooksMoreOftenWhenLittleIsLeft) {
  HostWatch watch(256 * kMiB);
  EXPECT_EQ(watch.look_again_ms(), 1000U);
  watch.take({uint64_t{1} << 40, 0});
  EXPECT_EQ(watch.look_again_ms(), 1000U);
  watch.take({2048 * kMiB, 0});
  EXPECT_EQ(watch.look_again_ms(), 100U);
  watch.take({1, 0});
  watch.rest();
  EXPECT_FALSE(watch.low());
  EXPECT_EQ(watch.look_again_ms(), 1000U);
}

TEST(HostWatch, WithoutAMarkNobodyIsHeld) {
  HostWatch watch(0);
  EXPECT_FALSE(watch.is_on());
  watch.take({0, kMiB});
  EXPECT_FALSE(watch.low());
  EXPECT_EQ(watch.look_again_ms(), 1000U);
}

TEST(HostWatch, ReadsWhatWaitsToBeWritten) {
  EXPECT_EQ(
      unwritten_in("MemTotal: 8 kB\nDirty:    120 kB\nWriteback:      4 kB\nWritebackTmp: 9 kB"),
      124 * 1024U);
  EXPECT_EQ(unwritten_in("Dirty:"), 0U);
  EXPECT_EQ(unwritten_in("Dirty: x kB\n\nWriteback: 18446744073709551616 kB\n"), 0U);
  EXPECT_EQ(unwritten_in(""), 0U);
  const UniqueFd root(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto room = look_at_host(root.get());
  ASSERT_TRUE(room.ok()) << to_string(room.error());
  EXPECT_GT(room.value().free_bytes, 0U);
}

}  // namespace
}  // namespace carrel::service
