#include "launcher/service/lingering.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace carrel::service {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Whose number is counted as mounted while it is there.
using Disk = std::shared_ptr<int>;

class LingeringDisks : public testing::Test {
 protected:
  Disk disk() { return mounted_; }
  [[nodiscard]] long mounted() const { return mounted_.use_count() - 1; }

  Disk mounted_ = std::make_shared<int>(0);
  Lingering<Disk> disks_{{.keep_ms = 60'000, .most = 3}};
};

TEST_F(LingeringDisks, AreTakenOverOnceAndByTheirOwnWorkspaceOnly) {
  disks_.add("a", disk(), 1000);
  EXPECT_FALSE(disks_.take("b").has_value());
  EXPECT_TRUE(disks_.take("a").has_value());
  EXPECT_FALSE(disks_.take("a").has_value());
  EXPECT_TRUE(disks_.empty());
  EXPECT_EQ(mounted(), 0);
}

TEST_F(LingeringDisks, GoWhenTheirTimeIsOver) {
  disks_.add("a", disk(), 1000);
  disks_.add("b", disk(), 2000);
  EXPECT_THAT(disks_.give_up(60'999, false), IsEmpty());
  EXPECT_EQ(mounted(), 2);
  EXPECT_THAT(disks_.give_up(61'000, false), ElementsAre("a"));
  EXPECT_EQ(mounted(), 1);
  EXPECT_FALSE(disks_.take("a").has_value());
  EXPECT_THAT(disks_.give_up(62'000, false), ElementsAre("b"));
  EXPECT_TRUE(disks_.empty());
}

TEST_F(LingeringDisks, BeginAnewWithEachSession) {
  disks_.add("a", disk(), 1000);
  disks_.add("b", disk(), 2000);
  (void)disks_.take("a");
  disks_.add("a", disk(), 50'000);
  EXPECT_THAT(disks_.give_up(62'000, false), ElementsAre("b"));
  EXPECT_THAT(disks_.give_up(110'000, false), ElementsAre("a"));
}

TEST_F(LingeringDisks, OfTooManyTheOldestGoes) {
  for (const char* name : {"a", "b", "c", "d", "e"})
    disks_.add(name, disk(), 1000);
  EXPECT_THAT(disks_.give_up(1001, false), ElementsAre("a", "b"));
  EXPECT_EQ(mounted(), 3);
}

TEST_F(LingeringDisks, AllGoWhereTheHostHasNoRoom) {
  disks_.add("a", disk(), 1000);
  disks_.add("b", disk(), 1000);
  EXPECT_THAT(disks_.give_up(1001, true), ElementsAre("a", "b"));
  EXPECT_EQ(mounted(), 0);
}

TEST_F(LingeringDisks, ASecondOfOneWorkspaceTakesThePlaceOfTheFirst) {
  disks_.add("a", disk(), 1000);
  disks_.add("a", disk(), 2000);
  EXPECT_EQ(mounted(), 1);
  EXPECT_THAT(disks_.give_up(61'999, false), IsEmpty());
}

TEST_F(LingeringDisks, OfNoTimeGoAtOnce) {
  Lingering<Disk> none({.keep_ms = 0});
  none.add("a", disk(), 1000);
  EXPECT_THAT(none.give_up(1000, false), ElementsAre("a"));
}

}  // namespace
}  // namespace carrel::service
