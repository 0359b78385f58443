#include "broker/service/monitor/tickets.h"

#include <gtest/gtest.h>

namespace carrel::monitor {
namespace {

struct FakeWorld {
  uint64_t now_ns = 1000;
  int drawn = 0;
  World world() {
    return {[this] { return now_ns; },
            [this](size_t n) {
              std::string bytes = std::to_string(++drawn);
              bytes.resize(n, '.');
              return Result<std::string>(bytes);
            }};
  }
};

evidence::SigningKey key() {
  return evidence::SigningKey::from_seed(Secret(std::string(32, 'k'))).take();
}

ticket::Claims of(uid_t uid) {
  ticket::Claims claims;
  claims.uid = uid;
  return claims;
}

Granted granted(const std::string& session) {
  Granted out;
  out.row.session = session;
  return out;
}

TEST(Tickets, AreWorthWhatTheyWereGivenForOnce) {
  FakeWorld fake;
  Tickets tickets;
  const std::string a = tickets.issue(granted("a"), of(1000), key(), fake.world()).take();
  const std::string b = tickets.issue(granted("b"), of(1000), key(), fake.world()).take();
  EXPECT_TRUE(ticket::check_ticket(a, key().public_key(), ticket::Purpose::kOpen, 1000, 1000).ok());
  EXPECT_NE(a, b);
  EXPECT_EQ(tickets.redeem(b, 1000, fake.now_ns).take().row.session, "b");
  EXPECT_FALSE(tickets.redeem(b, 1000, fake.now_ns).ok());
  EXPECT_EQ(tickets.redeem(a, 1000, fake.now_ns).take().row.session, "a");
}

TEST(Tickets, AreWorthNothingToAnotherUidAndUsedUpByTheAttempt) {
  FakeWorld fake;
  Tickets tickets;
  const std::string a = tickets.issue(granted("a"), of(1000), key(), fake.world()).take();
  EXPECT_FALSE(tickets.redeem(a, 1001, fake.now_ns).ok());
  EXPECT_FALSE(tickets.redeem(a, 1000, fake.now_ns).ok());
}

TEST(Tickets, EndAfterThirtySeconds) {
  FakeWorld fake;
  Tickets tickets;
  const std::string a = tickets.issue(granted("a"), of(1000), key(), fake.world()).take();
  const std::string b = tickets.issue(granted("b"), of(1000), key(), fake.world()).take();
  EXPECT_TRUE(tickets.redeem(a, 1000, fake.now_ns + kTicketLifeNs - 1).ok());
  EXPECT_FALSE(tickets.redeem(b, 1000, fake.now_ns + kTicketLifeNs).ok());
}

TEST(Tickets, AreBoundedAndMakeRoomAsTheyEnd) {
  FakeWorld fake;
  Tickets tickets;
  for (size_t i = 0; i < kMaxTickets; ++i)
    ASSERT_TRUE(tickets.issue(granted("x"), of(1000), key(), fake.world()).ok());
  EXPECT_FALSE(tickets.issue(granted("x"), of(1000), key(), fake.world()).ok());
  fake.now_ns += kTicketLifeNs;
  EXPECT_TRUE(tickets.issue(granted("x"), of(1000), key(), fake.world()).ok());
  EXPECT_EQ(tickets.size(), 1U);
}

TEST(Tickets, OfOneUidLeaveRoomForOthers) {
  FakeWorld fake;
  Tickets tickets(2);
  ASSERT_TRUE(tickets.issue(granted("x"), of(1000), key(), fake.world()).ok());
  ASSERT_TRUE(tickets.issue(granted("x"), of(1000), key(), fake.world()).ok());
  EXPECT_FALSE(tickets.issue(granted("x"), of(1000), key(), fake.world()).ok());
  EXPECT_TRUE(tickets.issue(granted("y"), of(1001), key(), fake.world()).ok());
}

TEST(Tickets, RefuseWhatWasNeverIssued) {
  FakeWorld fake;
  Tickets tickets;
  ASSERT_TRUE(tickets.issue(granted("a"), of(1000), key(), fake.world()).ok());
  for (const std::string& guess : {std::string(), std::string(32, '\0'), std::string(1 << 16, 'x')})
    EXPECT_FALSE(tickets.redeem(guess, 1000, fake.now_ns).ok());
}

}  // namespace
}  // namespace carrel::monitor
