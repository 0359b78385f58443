#include "launcher/gateway/relay/leases.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "tests/support/require.h"

namespace carrel::gateway {
namespace {

constexpr uint64_t kNsPerS = 1'000'000'000;
constexpr BothClocks kNow{1000 * kNsPerS, 50 * kNsPerS};

protocol::GatewayLease header(const std::string& secret) {
  protocol::GatewayLease lease;
  lease.set_name("ci");
  lease.set_lease("l1");
  lease.set_kind("header");
  lease.set_secret(secret);
  lease.set_not_after(1100);
  return lease;
}

TEST(Leases, AreThereUntilTheyEnd) {
  Leases leases;
  EXPECT_EQ(leases.find("ci"), nullptr);
  ASSERT_TRUE(leases.take(header("a-long-secret"), kNow).ok());
  ASSERT_NE(leases.find("ci"), nullptr);
  EXPECT_EQ(leases.find("ci")->secret.expose(), "a-long-secret");
  protocol::GatewayLease renewed = header("another-secret");
  renewed.set_lease("l2");
  ASSERT_TRUE(leases.take(renewed, kNow).ok());
  EXPECT_EQ(leases.find("ci")->id, "l2");
  protocol::GatewayLease end;
  end.set_name("ci");
  end.set_ended(true);
  ASSERT_TRUE(leases.take(end, kNow).ok());
  EXPECT_EQ(leases.find("ci"), nullptr);
}

TEST(Leases, OneThatCannotBeUsedIsNotThereAndReplacesTheOneBefore) {
  Leases leases;
  ASSERT_TRUE(leases.take(header("a-long-secret"), kNow).ok());
  EXPECT_FALSE(leases.take(header("short"), kNow).ok());  // too short to be found in an answer
  EXPECT_EQ(leases.find("ci"), nullptr);
  protocol::GatewayLease other = header("a-long-secret");
  other.set_kind("jwt");
  EXPECT_EQ(leases.take(other, kNow).error().sys_errno, EINVAL);
  EXPECT_EQ(leases.find("ci"), nullptr);
}

TEST(Leases, EndByThemselvesWhateverTheClockSays) {
  Leases leases;
  ASSERT_TRUE(leases.take(header("a-long-secret"), kNow).ok());
  protocol::GatewayLease longer = header("another-secret");
  longer.set_name("other");
  longer.set_not_after(1101);
  ASSERT_TRUE(leases.take(longer, kNow).ok());
  const uint64_t end = kNow.boot_ns + 100 * kNsPerS;
  EXPECT_TRUE(leases.over({5000 * kNsPerS, end - 1}).empty());  // the clock was set
  EXPECT_NE(leases.find("ci"), nullptr);
  EXPECT_EQ(leases.over({0, end}), std::vector<std::string>{"ci"});
  EXPECT_EQ(leases.find("ci"), nullptr);
  EXPECT_NE(leases.find("other"), nullptr);
  EXPECT_TRUE(leases.over({0, end}).empty());  // once
}

TEST(Leases, ARenewedOneHasTheNewEnd) {
  Leases leases;
  ASSERT_TRUE(leases.take(header("a-long-secret"), kNow).ok());
  protocol::GatewayLease renewed = header("a-long-secret");
  renewed.set_not_after(1200);
  ASSERT_TRUE(leases.take(renewed, kNow).ok());
  EXPECT_TRUE(leases.over({0, kNow.boot_ns + 150 * kNsPerS}).empty());
  EXPECT_EQ(leases.over({0, kNow.boot_ns + 200 * kNsPerS}).size(), 1U);
}

TEST(Leases, OneThatHasEndedIsNotTaken) {
  Leases leases;
  for (const uint64_t not_after : {uint64_t{0}, uint64_t{999}, uint64_t{1000}, UINT64_MAX}) {
    protocol::GatewayLease late = header("a-long-secret");
    late.set_not_after(not_after);
    EXPECT_EQ(leases.take(late, kNow).error().sys_errno, EINVAL) << not_after;
    EXPECT_EQ(leases.find("ci"), nullptr);
  }
}

}  // namespace
}  // namespace carrel::gateway
