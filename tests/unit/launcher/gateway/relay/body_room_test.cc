#include "launcher/gateway/relay/body_room.h"

#include <gtest/gtest.h>

namespace carrel::gateway {
namespace {

TEST(BodyRooms, AreSharedByAllAndGivenBack) {
  BodyRoom room(10);
  BodyRoom::Share first(room);
  EXPECT_TRUE(first.grow(4));
  {
    BodyRoom::Share second(room);
    EXPECT_TRUE(second.grow(6));
    EXPECT_FALSE(second.grow(1));
    EXPECT_FALSE(first.grow(1));
    EXPECT_TRUE(first.grow(0));
  }
  EXPECT_FALSE(first.grow(7));
  EXPECT_TRUE(first.grow(6));
  first.give_back();
  first.give_back();
  EXPECT_FALSE(first.grow(11));
  EXPECT_FALSE(first.grow(UINT64_MAX));
  EXPECT_TRUE(first.grow(10));
}

}  // namespace
}  // namespace carrel::gateway
