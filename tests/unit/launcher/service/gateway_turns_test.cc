// How often a gateway that has died is started again.

#include "launcher/service/gateway_turns.h"

#include <gtest/gtest.h>

namespace carrel::service {
namespace {

TEST(GatewayTurns, TheFirstIsAtOnceAndEachWaitsLonger) {
  GatewayTurns turns;
  EXPECT_FALSE(turns.due_ms().has_value());
  EXPECT_FALSE(turns.is_due(UINT64_MAX));
  uint64_t now = 1'000'000;
  for (const uint64_t wait : {0U, 1000U, 2000U, 4000U, 8000U}) {
    EXPECT_FALSE(turns.spent());
    turns.lost(now);
    EXPECT_EQ(turns.due_ms(), now + wait);
    EXPECT_TRUE(turns.is_due(now + wait));
    if (wait > 0) {
      EXPECT_FALSE(turns.is_due(now + wait - 1));
    }
    now += wait;
    turns.begin();
    EXPECT_FALSE(turns.due_ms().has_value());
  }
  EXPECT_TRUE(turns.spent());
  EXPECT_EQ(turns.begun(), 5U);
  turns.lost(now + 1'000'000'000);
  EXPECT_FALSE(turns.due_ms().has_value()) << "a session has five, however long it lasts";
}

}  // namespace
}  // namespace carrel::service
