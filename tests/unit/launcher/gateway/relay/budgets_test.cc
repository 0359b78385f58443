#include "launcher/gateway/relay/budgets.h"

#include <gtest/gtest.h>

#include "launcher/gateway/relay/flow_numbers.h"

namespace carrel::gateway {
namespace {

TEST(Budgets, NeverGrantsAByteMoreThanThereIs) {
  Allowance allowance(1000);
  EXPECT_EQ(allowance.take(600), 600U);
  EXPECT_EQ(allowance.take(600), 400U);
  EXPECT_EQ(allowance.take(1), 0U);
  allowance.give_back(3);
  EXPECT_EQ(allowance.take(10), 3U);
  EXPECT_EQ(allowance.used(), 1000U);
}

TEST(Budgets, ABudgetOfNothingGrantsNothingAndNoneGrantsAll) {
  EXPECT_EQ(Allowance(0).take(1), 0U);
  Allowance endless;
  EXPECT_EQ(endless.take(UINT64_MAX), UINT64_MAX);
  EXPECT_FALSE(endless.near());
}

TEST(Budgets, SaysOnceThatFourFifthsAreUsed) {
  Allowance allowance(1000);
  allowance.take(799);
  EXPECT_FALSE(allowance.near());
  allowance.take(1);
  EXPECT_TRUE(allowance.near());
  EXPECT_FALSE(allowance.near());
  EXPECT_TRUE(allowance.spent());
  EXPECT_FALSE(allowance.spent());
}

TEST(Budgets, AreOneForAllConnectionsToANameAndOneForEachWay) {
  model::Network network;
  network.host = "a.example";
  network.budget.up = 10;
  Budgets budgets;
  EXPECT_EQ(budgets.of(network, Way::kUp).take(6), 6U);
  EXPECT_EQ(budgets.of(network, Way::kUp).take(6), 4U);
  EXPECT_EQ(budgets.of(network, Way::kDown).take(100), 100U);
  network.host = "b.example";
  EXPECT_EQ(budgets.of(network, Way::kUp).take(6), 6U);
}

TEST(FlowNumbers, OneFromTheQueryToTheConnectionBehindIt) {
  uint64_t next = 1;
  FlowNumbers numbers(next);
  const uint64_t asked = numbers.asked("a.example");
  EXPECT_EQ(numbers.asked("a.example"), asked);
  EXPECT_NE(numbers.asked("b.example"), asked);
  EXPECT_EQ(numbers.opened("a.example"), asked);
  const uint64_t second = numbers.opened("a.example");  // without a query of its own
  EXPECT_NE(second, asked);
  EXPECT_NE(numbers.asked("a.example"), second);
}

}  // namespace
}  // namespace carrel::gateway
