#include "launcher/service/way_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carrel::service {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PoolOfWays : public testing::Test {
 protected:
  std::optional<int> take(const std::string& made_of = "1") {
    return pool_.take(
        made_of, [this](int way) { return way != dead_; }, dropped_);
  }

  WayPool<int> pool_{{.most = 2, .quiet_ms = 100, .again_ms = 60'000}};
  std::vector<int> dropped_;
  int dead_ = 0;
};

TEST_F(PoolOfWays, StaysEmptyUntilAWayOutIsNeeded) {
  EXPECT_FALSE(pool_.should_add(false, 1000));
  EXPECT_EQ(pool_.look_again_ms(false, 1000, 500), 500U);
  pool_.need();
  EXPECT_TRUE(pool_.should_add(false, 1000));
}

TEST_F(PoolOfWays, IsFilledToItsSize) {
  pool_.need();
  pool_.add(1, "1");
  EXPECT_TRUE(pool_.should_add(false, 1000));
  pool_.add(2, "1");
  EXPECT_FALSE(pool_.should_add(false, 1000));
  EXPECT_TRUE(take().has_value());
  EXPECT_TRUE(pool_.should_add(false, 1000));
}

TEST_F(PoolOfWays, IsNeverFilledBesideAnOpening) {
  pool_.need();
  EXPECT_FALSE(pool_.should_add(true, 1000));
  EXPECT_EQ(pool_.look_again_ms(true, 1000, 500), 500U);
  pool_.stir(1000);
  EXPECT_FALSE(pool_.should_add(false, 1099));
  EXPECT_EQ(pool_.look_again_ms(false, 1099, 500), 1U);
  EXPECT_EQ(pool_.look_again_ms(false, 1000, 50), 50U);
  EXPECT_TRUE(pool_.should_add(false, 1100));
  EXPECT_EQ(pool_.look_again_ms(false, 1100, 500), 0U);
}

TEST_F(PoolOfWays, IsFilledAtOnceAfterASession) {
  pool_.need();
  pool_.stir(1000);
  pool_.settle(1010);
  EXPECT_TRUE(pool_.should_add(false, 1010));
  pool_.settle(2000);
  EXPECT_TRUE(pool_.should_add(false, 1010));
}

TEST_F(PoolOfWays, WaitsAfterAFailureWhateverHappensMeanwhile) {
  pool_.need();
  pool_.fail(1000);
  pool_.stir(2000);
  pool_.settle(2010);
  EXPECT_FALSE(pool_.should_add(false, 60'999));
  EXPECT_TRUE(pool_.should_add(false, 61'000));
}

TEST_F(PoolOfWays, GivesEachWayOnceTheOldestFirst) {
  pool_.add(1, "1");
  pool_.add(2, "1");
  EXPECT_EQ(take(), 1);
  EXPECT_EQ(take(), 2);
  EXPECT_EQ(take(), std::nullopt);
  EXPECT_THAT(dropped_, IsEmpty());
}

TEST_F(PoolOfWays, NeverGivesOneThatWasMadeOfSomethingElse) {
  pool_.add(1, "1");
  pool_.add(2, "2");
  pool_.add(3, "2");
  EXPECT_EQ(take("2"), 2);
  EXPECT_THAT(dropped_, ElementsAre(1));
  EXPECT_EQ(take("3"), std::nullopt);
  EXPECT_THAT(dropped_, ElementsAre(1, 3));
  EXPECT_EQ(pool_.size(), 0U);
}

TEST_F(PoolOfWays, NeverGivesOneThatEnded) {
  pool_.add(1, "1");
  pool_.add(2, "1");
  dead_ = 1;
  EXPECT_EQ(take(), 2);
  EXPECT_THAT(dropped_, ElementsAre(1));
}

TEST_F(PoolOfWays, GivesAllUpAndMakesNoMore) {
  pool_.need();
  pool_.add(1, "1");
  pool_.add(2, "1");
  EXPECT_THAT(pool_.give_up(), ElementsAre(1, 2));
  EXPECT_FALSE(pool_.should_add(false, 1'000'000));
  EXPECT_EQ(take(), std::nullopt);
}

}  // namespace
}  // namespace carrel::service
