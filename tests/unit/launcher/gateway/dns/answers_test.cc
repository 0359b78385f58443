#include "launcher/gateway/dns/answers.h"

#include <gtest/gtest.h>

namespace carrel::gateway {
namespace {

class Answers : public testing::Test {
 protected:
  Decision ask(const std::string& name, uint16_t type = kTypeA, uint16_t klass = kClassIn) {
    Query query;
    query.name = name;
    query.type = type;
    query.klass = klass;
    return decide(
        query,
        [this](const std::string& asked) {
          asked_ += asked + ";";
          return asked == "git.example.org";
        },
        names_);
  }
  SyntheticNames names_{choose_window(1)};
  std::string asked_;  // names that the rules were asked about
};

TEST_F(Answers, AnAllowedNameHasItsSyntheticAddress) {
  const Decision first = ask("Git.Example.ORG.");
  EXPECT_EQ(first.answer.code, Rcode::kNoError);
  EXPECT_EQ(address_text(first.answer.address.value()), "198.18.16.1");
  EXPECT_EQ(first.answer.ttl_s, 60U);
  EXPECT_EQ(first.reason, Reason::kAllowed);
  EXPECT_EQ(first.name, "git.example.org");
  EXPECT_EQ(ask("git.example.org").answer.address, first.answer.address);
  EXPECT_EQ(asked_, "git.example.org;git.example.org;");  // in the one form
}

TEST_F(Answers, OfAnyOtherTypeAnAllowedNameHasNothing) {
  constexpr uint16_t kHttps = 65, kSvcb = 64, kMx = 15, kTxt = 16, kAny = 255, kAxfr = 252;
  for (const uint16_t type : {kTypeAaaa, kHttps, kSvcb, kMx, kTxt, kAny, kAxfr}) {
    const Decision decision = ask("git.example.org", type);
    EXPECT_EQ(decision.answer.code, Rcode::kNoError) << type;
    EXPECT_FALSE(decision.answer.address.has_value()) << type;
    EXPECT_EQ(decision.reason, Reason::kNoRecord) << type;
  }
  EXPECT_FALSE(ask("git.example.org", kTypeA, 3).answer.address.has_value());  // CHAOS
  EXPECT_EQ(names_.size(), 0U);                                                // none was used up
}

TEST_F(Answers, EveryOtherNameDoesNotExist) {
  for (const char* name :
       {"example.org", "git.example.org.evil.example", "x.git.example.org", "localhost"}) {
    const Decision decision = ask(name);
    EXPECT_EQ(decision.answer.code, Rcode::kNameError) << name;
    EXPECT_EQ(decision.answer.extended_error, 15) << name;
    EXPECT_FALSE(decision.answer.extended_text.empty()) << name;
    EXPECT_EQ(decision.reason, Reason::kDenied) << name;
  }
  EXPECT_EQ(names_.size(), 0U);
}

TEST_F(Answers, WhatIsNoNameIsNotShownToTheRules) {
  for (const char* name : {"", "127.0.0.1", "a_b.git.example.org", "git.example.org\x1b"}) {
    const Decision decision = ask(name);
    EXPECT_EQ(decision.answer.code, Rcode::kNameError) << name;
    EXPECT_EQ(decision.reason, Reason::kNoName) << name;
    EXPECT_EQ(decision.name, name);
  }
  EXPECT_EQ(asked_, "");
}

TEST_F(Answers, AnAddressThatWasGivenPointsBack) {
  (void)ask("git.example.org");
  EXPECT_EQ(ask("1.16.18.198.IN-ADDR.arpa", kTypePtr).answer.pointer, "git.example.org");
  EXPECT_EQ(ask("1.16.18.198.in-addr.arpa", kTypePtr).answer.pointer, "git.example.org");
  EXPECT_EQ(ask("1.16.18.198.in-addr.arpa.", kTypePtr).reason, Reason::kPointer);
  for (const char* name :
       {"2.16.18.198.in-addr.arpa", "8.8.8.8.in-addr.arpa", "1.16.18.in-addr.arpa", "in-addr.arpa",
        "0.1.16.18.198.in-addr.arpa", "1.16.18.256.in-addr.arpa", "+1.16.18.198.in-addr.arpa",
        "1..18.198.in-addr.arpa", "git.example.org"})
    EXPECT_EQ(ask(name, kTypePtr).answer.code, Rcode::kNameError) << name;
}

TEST_F(Answers, WhenAllAreGivenTheNextNameWaitsForNobody) {
  for (int i = 0; i < 4094; ++i)
    (void)names_.give("n" + std::to_string(i) + ".example");
  const Decision decision = ask("git.example.org");
  EXPECT_EQ(decision.answer.code, Rcode::kServerFailure);
  EXPECT_EQ(decision.reason, Reason::kFull);
}

TEST(Reason, HasItsWord) {
  EXPECT_EQ(to_word(Reason::kAllowed), "allowed");
  EXPECT_EQ(to_word(Reason::kNoRecord), "no-record");
  EXPECT_EQ(to_word(Reason::kDenied), "denied");
  EXPECT_EQ(to_word(Reason::kNoName), "no-name");
  EXPECT_EQ(to_word(Reason::kFull), "full");
  EXPECT_EQ(to_word(Reason::kPointer), "pointer");
}

}  // namespace
}  // namespace carrel::gateway
