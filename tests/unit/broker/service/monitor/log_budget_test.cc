#include "broker/service/monitor/log_budget.h"

#include <gtest/gtest.h>

namespace carrel::monitor {
namespace {

constexpr uint64_t kNow = 1'700'000'000'000'000'000;
constexpr uint64_t kMinute = 60ULL * 1'000'000'000;

TEST(LogBudget, LeavesOutWhatIsTooMuchAndSaysHowMuch) {
  LogBudget budget;
  for (uint64_t i = 0; i < kLogLines; ++i)
    ASSERT_TRUE(budget.take(7, kNow + i).write);
  for (int i = 0; i < 5; ++i)
    EXPECT_FALSE(budget.take(7, kNow + kMinute - 1).write);
  const auto later = budget.take(7, kNow + kMinute);
  EXPECT_TRUE(later.write);
  EXPECT_EQ(later.left_out, 5U);
  EXPECT_EQ(budget.take(7, kNow + kMinute).left_out, 0U);
}

TEST(LogBudget, IsEachCallersOwn) {
  LogBudget budget;
  for (uint64_t i = 0; i <= kLogLines; ++i)
    (void)budget.take(7, kNow);
  EXPECT_FALSE(budget.take(7, kNow).write);
  EXPECT_TRUE(budget.take(8, kNow).write);
}

TEST(LogBudget, IsBoundedByManyCallersToo) {
  LogBudget budget;
  uint64_t written = 0;
  for (uid_t uid = 0; uid < 100'000; ++uid)
    written += budget.take(uid, kNow).write ? 1U : 0U;
  EXPECT_EQ(written, kLogCallers + kLogLines);
}

TEST(LogBudget, OutlivesAClockThatIsSetBack) {
  LogBudget budget;
  for (uint64_t i = 0; i <= kLogLines; ++i)
    (void)budget.take(7, kNow);
  EXPECT_TRUE(budget.take(7, kNow - kMinute).write);
}

}  // namespace
}  // namespace carrel::monitor
