#include "launcher/watch/session/leases.h"

#include <gtest/gtest.h>

namespace carrel::session {
namespace {

using Asks = std::vector<Leases::Ask>;

Lease lease(const std::string& name, uint64_t issued, uint64_t life) {
  return {name, "id-" + std::to_string(issued), "aud", issued, issued + life};
}

TEST(Leases, AsksOnceAndThenAtHalfOfTheLife) {
  Leases leases({"b", "a"});
  EXPECT_FALSE(leases.complete());
  EXPECT_EQ(leases.due(100), (Asks{{"a", false}, {"b", false}}));
  EXPECT_EQ(leases.due(500), Asks{});
  EXPECT_FALSE(leases.next_due_s().has_value());
  ASSERT_TRUE(leases.take(lease("a", 100, 120), false).ok());
  EXPECT_FALSE(leases.complete());
  ASSERT_TRUE(leases.take(lease("b", 101, 61), false).ok());
  EXPECT_TRUE(leases.complete());
  EXPECT_EQ(leases.next_due_s(), 132U);
  EXPECT_EQ(leases.due(131), Asks{});
  EXPECT_EQ(leases.due(132), (Asks{{"b", true}}));
  EXPECT_EQ(leases.next_due_s(), 160U);
  EXPECT_EQ(leases.due(200), (Asks{{"a", true}}));
  ASSERT_TRUE(leases.take(lease("a", 200, 120), true).ok());
  EXPECT_EQ(leases.due(259), Asks{});
  EXPECT_EQ(leases.due(260), (Asks{{"a", true}}));
}

TEST(Leases, NameWhatWasRefusedOnce) {
  for (const char* why : {"no answer", "credential a: no answer"}) {
    Leases leases({"a"});
    (void)leases.due(10);
    const Status refused = leases.refuse("a", why, 11);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().what, "credential a: no answer");
  }
}

TEST(Leases, AskAtMostOnceASecondHoweverShortTheLife) {
  Leases leases({"a"});
  (void)leases.due(10);
  ASSERT_TRUE(leases.take(lease("a", 10, 0), false).ok());
  EXPECT_EQ(leases.due(10), Asks{});
  EXPECT_EQ(leases.due(11), (Asks{{"a", true}}));
}

TEST(Leases, AreAskedForAgainWhenWhoeverHeldThemHasLostThem) {
  Leases leases({"a", "b"});
  leases.ask_again("a");  // nothing is held yet
  EXPECT_EQ(leases.due(100), (Asks{{"a", false}, {"b", false}}));
  ASSERT_TRUE(leases.take(lease("a", 100, 120), false).ok());
  ASSERT_TRUE(leases.take(lease("b", 100, 120), false).ok());
  leases.ask_again("a");
  leases.ask_again("none");
  EXPECT_EQ(leases.next_due_s(), 0U);
  EXPECT_EQ(leases.due(101), (Asks{{"a", true, true}}));
  EXPECT_EQ(leases.due(102), Asks{});
  // One that is refused is asked for again as such.
  ASSERT_TRUE(leases.refuse("a", "no answer", 103).ok());
  EXPECT_EQ(leases.due(107), Asks{});
  EXPECT_EQ(leases.due(108), (Asks{{"a", true, true}}));
  ASSERT_TRUE(leases.take(lease("a", 108, 120), true).ok());
  EXPECT_EQ(leases.due(159), Asks{});
  EXPECT_EQ(leases.due(160), (Asks{{"b", true}}));
  EXPECT_EQ(leases.due(168), (Asks{{"a", true}}));
}

TEST(Leases, AreNotAskedForAgainWhileAQuestionIsOutOrHasJustBeenRefused) {
  Leases leases({"a"});
  (void)leases.due(100);
  ASSERT_TRUE(leases.take(lease("a", 100, 120), false).ok());
  EXPECT_EQ(leases.due(160), (Asks{{"a", true}}));
  leases.ask_again("a");
  EXPECT_EQ(leases.due(161), Asks{}) << "its answer goes to the new gateway";
  ASSERT_TRUE(leases.refuse("a", "no answer", 162).ok());
  leases.ask_again("a");
  EXPECT_EQ(leases.due(163), Asks{}) << "the broker would end the session";
  EXPECT_EQ(leases.due(167), (Asks{{"a", true, true}}));
  ASSERT_TRUE(leases.take(lease("a", 167, 120), true).ok());
  EXPECT_EQ(leases.due(168), Asks{});
}

TEST(Leases, WhatLastsAsLongAsItsGrantIsAskedForAgainAllTheSame) {
  Leases leases({});
  leases.grant("a", 200);
  (void)leases.due(100);
  ASSERT_TRUE(leases.take(lease("a", 100, 100), false).ok());
  EXPECT_EQ(leases.due(190), Asks{});
  leases.ask_again("a");
  EXPECT_EQ(leases.due(150), (Asks{{"a", true, true}}));
}

TEST(Leases, RefuseAnswersToOtherQuestions) {
  Leases leases({"a"});
  EXPECT_FALSE(leases.take(lease("a", 1, 2), false).ok());
  (void)leases.due(1);
  EXPECT_FALSE(leases.take(lease("a", 1, 2), true).ok());
  EXPECT_FALSE(leases.take(lease("../a", 1, 2), false).ok());
  EXPECT_TRUE(leases.take(lease("a", 1, 2), false).ok());
  EXPECT_FALSE(leases.take(lease("a", 1, 2), true).ok());
}

TEST(Leases, AskAgainAfterARefusalUntilTheLeaseEnds) {
  Leases leases({"a"});
  (void)leases.due(100);
  ASSERT_TRUE(leases.take(lease("a", 100, 20), false).ok());
  EXPECT_EQ(leases.due(110), (Asks{{"a", true}}));
  ASSERT_TRUE(leases.refuse("a", "no answer", 111).ok());
  EXPECT_EQ(leases.next_due_s(), 116U);
  EXPECT_EQ(leases.due(115), Asks{});
  EXPECT_EQ(leases.due(116), (Asks{{"a", true}}));
  ASSERT_TRUE(leases.refuse("a", "no answer", 117).ok());
  EXPECT_EQ(leases.next_due_s(), 120U);  // no later than its end
  EXPECT_EQ(leases.due(120), (Asks{{"a", true}}));
  EXPECT_EQ(leases.refuse("a", "no answer", 120).error().what,
            "credential a has ended and could not be renewed: no answer");
}

TEST(Leases, ForgetARefusalWithTheNextLease) {
  Leases leases({"a"});
  (void)leases.due(100);
  ASSERT_TRUE(leases.take(lease("a", 100, 20), false).ok());
  (void)leases.due(110);
  ASSERT_TRUE(leases.refuse("a", "no answer", 119).ok());
  EXPECT_EQ(leases.next_due_s(), 121U);  // not at once
  (void)leases.due(121);
  ASSERT_TRUE(leases.take(lease("a", 121, 20), true).ok());
  EXPECT_EQ(leases.next_due_s(), 131U);
}

TEST(Leases, RefuseAtFirstWithTheReason) {
  Leases leases({"a"});
  EXPECT_EQ(leases.refuse("a", "missing", 1).error().what,
            "a credential was refused that was not asked for");
  (void)leases.due(1);
  EXPECT_EQ(leases.refuse("a", "missing", 1).error().what, "credential a: missing");
}

TEST(Leases, EndWithWhatIsHeld) {
  Leases leases({"a", "b"});
  (void)leases.due(1);
  ASSERT_TRUE(leases.take(lease("b", 1, 120), false).ok());
  EXPECT_EQ(leases.end(), std::vector<Lease>{lease("b", 1, 120)});
  EXPECT_EQ(leases.due(1'000), Asks{});
  EXPECT_TRUE(leases.end().empty());
}

TEST(Leases, WithoutCredentialsNothingIsMissing) {
  const Leases leases({});
  EXPECT_TRUE(leases.complete());
}

TEST(Leases, AreAskedForWhileTheyAreGranted) {
  Leases leases({});
  EXPECT_EQ(leases.due(100), Asks{});
  leases.grant("a", 400);
  EXPECT_TRUE(leases.is_granted("a"));
  EXPECT_EQ(leases.due(100), (Asks{{"a", false}}));
  ASSERT_TRUE(leases.take(lease("a", 100, 200), false).ok());
  EXPECT_EQ(leases.due(200), (Asks{{"a", true}}));
  ASSERT_TRUE(leases.take(lease("a", 200, 200), true).ok());
  EXPECT_EQ(leases.due(390), Asks{}) << "it lasts as long as the grant";
  EXPECT_FALSE(leases.next_due_s().has_value());
  EXPECT_EQ(leases.end("a"), lease("a", 200, 200));
  EXPECT_FALSE(leases.is_granted("a"));
  EXPECT_FALSE(leases.end("a").has_value());
  EXPECT_EQ(leases.due(500), Asks{});
  leases.grant("a", 900);
  EXPECT_EQ(leases.due(500), (Asks{{"a", false}})) << "as if for the first time";
}

TEST(Leases, DropTheAnswerToAGrantThatHasEnded) {
  Leases leases({});
  leases.grant("a", 400);
  EXPECT_EQ(leases.due(100), (Asks{{"a", false}}));
  EXPECT_FALSE(leases.end("a").has_value());
  leases.grant("a", 900);
  EXPECT_EQ(leases.due(101), Asks{}) << "one answer at a time";
  EXPECT_TRUE(leases.drop_late("a"));
  EXPECT_FALSE(leases.drop_late("a")) << "once";
  EXPECT_EQ(leases.due(101), (Asks{{"a", false}}));
}

}  // namespace
}  // namespace carrel::session
