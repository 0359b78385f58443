#include "launcher/service/slots.h"

#include <gtest/gtest.h>

#include <set>

#include "launcher/box/plan/plan.h"

namespace carrel::service {
namespace {

TEST(Slots, GiveEverySessionEightUidsOfItsOwnAboveTheReservedOnes) {
  Slots slots;
  std::set<uint32_t> seen;
  for (uint32_t i = 0; i < Slots::kSlots; ++i) {
    const auto base = slots.take();
    ASSERT_TRUE(base.has_value());
    EXPECT_GE(*base, plan::kBlockBase + 8);
    EXPECT_EQ((*base - plan::kBlockBase) % 8, 0U);
    EXPECT_TRUE(seen.insert(*base).second);
  }
  EXPECT_FALSE(slots.take().has_value());
}

TEST(Slots, TakeBackWhatWasGivenAndIgnoreTheRest) {
  Slots slots;
  const uint32_t first = slots.take().value();
  const uint32_t second = slots.take().value();
  slots.give_back(first);
  slots.give_back(0);
  slots.give_back(0xFFFFFFFF);
  EXPECT_EQ(slots.take().value(), first);
  EXPECT_NE(slots.take().value(), second);
}

}  // namespace
}  // namespace carrel::service
