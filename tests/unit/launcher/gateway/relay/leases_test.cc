#include "launcher/gateway/relay/leases.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "tests/support/require.h"

namespace carrel::gateway {
namespace {

protocol::GatewayLease header(const std::string& secret) {
  protocol::GatewayLease lease;
  lease.set_name("ci");
  lease.set_lease("l1");
  lease.set_kind("header");
  lease.set_secret(secret);
  return lease;
}

TEST(Leases, AreThereUntilTheyEnd) {
  Leases leases;
  EXPECT_EQ(leases.find("ci"), nullptr);
  ASSERT_TRUE(leases.take(header("a-long-secret")).ok());
  ASSERT_NE(leases.find("ci"), nullptr);
  EXPECT_EQ(leases.find("ci")->secret.expose(), "a-long-secret");
  protocol::GatewayLease renewed = header("another-secret");
  renewed.set_lease("l2");
  ASSERT_TRUE(leases.take(renewed).ok());
  EXPECT_EQ(leases.find("ci")->id, "l2");
  protocol::GatewayLease end;
  end.set_name("ci");
  end.set_ended(true);
  ASSERT_TRUE(leases.take(end).ok());
  EXPECT_EQ(leases.find("ci"), nullptr);
}

TEST(Leases, OneThatCannotBeUsedIsNotThereAndReplacesTheOneBefore) {
  Leases leases;
  ASSERT_TRUE(leases.take(header("a-long-secret")).ok());
  EXPECT_FALSE(leases.take(header("short")).ok());  // too short to be found in an answer
  EXPECT_EQ(leases.find("ci"), nullptr);
  protocol::GatewayLease other = header("a-long-secret");
  other.set_kind("jwt");
  EXPECT_EQ(leases.take(other).error().sys_errno, EINVAL);
  EXPECT_EQ(leases.find("ci"), nullptr);
}

}  // namespace
}  // namespace carrel::gateway
