#include "launcher/gateway/relay/queries.h"

#include <gtest/gtest.h>

namespace carrel::gateway {
namespace {

events::DnsQuery query(const std::string& name, const std::string& reason = "denied") {
  events::DnsQuery out;
  out.name = name;
  out.type = "A";
  out.reason = reason;
  return out;
}

TEST(Queries, AreToldOnceAMinuteWithTheirCount) {
  Queries queries;
  const auto first = queries.add(query("a.example"), 1000);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->count, 1U);
  EXPECT_FALSE(queries.add(query("a.example"), 2000).has_value());
  EXPECT_FALSE(queries.add(query("a.example"), 3000).has_value());
  EXPECT_TRUE(queries.add(query("b.example"), 3000).has_value());
  EXPECT_TRUE(queries.add(query("a.example", "allowed"), 3000).has_value());  // another answer
  EXPECT_TRUE(queries.tick(1000 + Queries::kMinuteNs - 1).empty());
  const auto again = queries.tick(1000 + Queries::kMinuteNs);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].name, "a.example");
  EXPECT_EQ(again[0].count, 2U);
  EXPECT_TRUE(queries.add(query("a.example"), 2 * Queries::kMinuteNs).has_value());
}

TEST(Queries, OfAMinuteThatHasOnlyBegunAtTheEnd) {
  Queries queries;
  EXPECT_TRUE(queries.add(query("a.example"), 1000).has_value());
  EXPECT_FALSE(queries.add(query("a.example"), 2000).has_value());
  const auto rest = queries.tick(UINT64_MAX);
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].count, 1U);
}

TEST(Queries, FillNoMemory) {
  Queries queries;
  size_t told = 0;
  for (size_t i = 0; i < 3 * Queries::kMostKept; ++i)
    told += queries.add(query(std::to_string(i)), 1).has_value() ? 1U : 0U;
  EXPECT_EQ(told, Queries::kMostKept + 1);  // the rest are one
  const auto rest = queries.tick(Queries::kMinuteNs + 1);
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].count, 2 * Queries::kMostKept - 1);
}

TEST(Queries, FiftyASecondAreAnswered) {
  Queries queries;
  for (unsigned i = 0; i < Queries::kASecond; ++i)
    EXPECT_TRUE(queries.may_ask(10 * Queries::kSecondNs));
  EXPECT_FALSE(queries.may_ask(10 * Queries::kSecondNs + 1));
  EXPECT_TRUE(queries.may_ask(11 * Queries::kSecondNs));
}

TEST(Queries, TypesHaveTheirNames) {
  EXPECT_EQ(type_text(1), "A");
  EXPECT_EQ(type_text(65), "HTTPS");
  EXPECT_EQ(type_text(65280), "TYPE65280");
}

}  // namespace
}  // namespace carrel::gateway
