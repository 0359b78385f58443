#include "launcher/watch/session/flow_join.h"

#include <gtest/gtest.h>

namespace carrel::session {
namespace {

constexpr uint64_t kNow = 1'000'000'000;

FlowJoin::Owner owner(uint32_t id, std::string channel = "") {
  return {{.id = id, .pid = 1000 + id, .parent = 1, .exe = "/usr/bin/p" + std::to_string(id)},
          std::move(channel)};
}

NetworkEvent told(events::Data data, uint64_t cookie,
                  events::Verdict verdict = events::Verdict::kAllowed) {
  NetworkEvent event;
  event.event.verdict = verdict;
  event.event.data = std::move(data);
  event.cookie = cookie;
  return event;
}

NetworkEvent opened(uint64_t flow, uint64_t cookie) {
  return told(events::NetOpen{flow, "a.example", "198.18.0.1", 443, "tcp"}, cookie);
}
NetworkEvent closed(uint64_t flow, uint64_t cookie) {
  events::NetClose close;
  close.flow = flow;
  return told(close, cookie);
}

/// How far the sensor has been read.
struct Feed {
  uint64_t read = 0;
  FlowJoin::Passed passed() {
    return [this](uint64_t mark) { return read >= mark; };
  }
};

/// The ids of the processes, 0 where none is known.
std::vector<uint32_t> ids(const std::vector<events::Event>& events) {
  std::vector<uint32_t> out;
  for (const events::Event& event : events)
    out.push_back(event.process.has_value() ? event.process->id : 0);
  return out;
}

using Ids = std::vector<uint32_t>;

class FlowJoins : public testing::Test {
 protected:
  std::vector<events::Event> take(uint64_t now_ns = kNow) {
    return join.take(feed.passed(), now_ns);
  }
  FlowJoin join;
  Feed feed;
};

TEST_F(FlowJoins, NameTheProcessAndTheChannelOfAConnectionToItsEnd) {
  join.connects(7, owner(3, "2"));
  join.connects(8, owner(4));
  join.tell(opened(1, 7), 0, kNow);
  join.tell(opened(2, 8), 0, kNow);
  events::HttpRequest request;
  request.flow = 1;
  join.tell(told(request, 7), 0, kNow);
  events::TlsHello hello;
  hello.flow = 2;
  join.tell(told(hello, 8), 0, kNow);
  events::NetBudget budget;
  budget.flow = 1;
  join.tell(told(budget, 7), 0, kNow);
  join.tell(closed(1, 7), 0, kNow);
  join.tell(closed(2, 8), 0, kNow);
  const auto events = take();
  EXPECT_EQ(ids(events), (Ids{3, 4, 3, 4, 3, 3, 4}));
  EXPECT_EQ(events[0].channel, "2");
  EXPECT_EQ(events[1].channel, "");
  EXPECT_EQ(events[0].process->exe, "/usr/bin/p3");
  join.tell(closed(1, 7), 0, kNow);  // it has ended
  EXPECT_EQ(ids(take()), Ids{0});
}

TEST_F(FlowJoins, WaitForTheSensorAndKeepTheOrder) {
  join.tell(opened(1, 7), 10, kNow);
  join.tell(told(events::DnsQuery{}, 0), 10, kNow);
  EXPECT_TRUE(take().empty());
  EXPECT_EQ(join.until_ns(), kNow + FlowJoin::kPatienceNs);
  feed.read = 9;
  EXPECT_TRUE(take().empty());
  join.connects(7, owner(3));
  feed.read = 10;
  const auto events = take();
  ASSERT_EQ(ids(events), (Ids{3, 0}));
  EXPECT_TRUE(std::holds_alternative<events::NetOpen>(events[0].data));
  EXPECT_FALSE(join.waiting());
  EXPECT_EQ(join.until_ns(), std::nullopt);
}

TEST_F(FlowJoins, DoNotMakeWaitWhatHasNoSocket) {
  join.tell(told(events::DnsQuery{}, 0), 10, kNow);
  join.tell(opened(1, 0), 10, kNow);
  EXPECT_EQ(ids(take()), (Ids{0, 0}));
}

TEST_F(FlowJoins, AreOfNobodyWhenTheSensorIsSilentTooLong) {
  join.connects(7, owner(3));  // another may have connected it since
  join.tell(opened(1, 7), 10, kNow);
  EXPECT_TRUE(take(kNow + FlowJoin::kPatienceNs - 1).empty());
  EXPECT_EQ(ids(take(kNow + FlowJoin::kPatienceNs)), Ids{0});
  join.connects(7, owner(4));  // late
  join.tell(closed(1, 7), 0, kNow);
  EXPECT_EQ(ids(take()), Ids{0});
}

TEST_F(FlowJoins, BeginToWaitAnewWhereNothingCouldBeRead) {
  join.tell(opened(1, 7), 10, kNow);
  join.wait_from(kNow + FlowJoin::kPatienceNs);
  EXPECT_TRUE(take(kNow + FlowJoin::kPatienceNs).empty());
  join.connects(7, owner(3));
  feed.read = 10;
  EXPECT_EQ(ids(take(kNow + FlowJoin::kPatienceNs)), Ids{3});
}

TEST_F(FlowJoins, AreOfNobodyWhereNoneIsKnown) {
  join.connects(7, owner(3));
  join.tell(opened(1, 8), 0, kNow);  // beside it
  join.connects(0, owner(3));
  join.tell(opened(2, 0), 0, kNow);
  EXPECT_EQ(ids(take()), (Ids{0, 0}));
}

TEST_F(FlowJoins, AreOfNobodyWhereTwoHaveConnectedOneSocket) {
  join.connects(7, owner(3));
  join.connects(7, owner(4));
  join.connects(7, owner(3));
  join.tell(opened(1, 7), 0, kNow);
  EXPECT_EQ(ids(take()), Ids{0});
  // One that tried twice is one; one that became another program meanwhile is not.
  join.connects(8, owner(5));
  join.connects(8, owner(5));
  join.tell(opened(2, 8), 0, kNow);
  EXPECT_EQ(ids(take()), Ids{5});
  FlowJoin::Owner other = owner(5);
  join.connects(9, other);
  other.process.exe = "/usr/bin/other";
  join.connects(9, other);
  join.tell(opened(3, 9), 0, kNow);
  EXPECT_EQ(ids(take()), Ids{0});
}

TEST_F(FlowJoins, OfASocketThatIsConnectedAgainAreItsLatestProcesss) {
  join.connects(7, owner(3));
  join.tell(opened(1, 7), 0, kNow);
  EXPECT_EQ(ids(take()), Ids{3});
  join.connects(7, owner(4));
  join.tell(closed(1, 7), 0, kNow);
  join.tell(opened(2, 7), 0, kNow);
  EXPECT_EQ(ids(take()), (Ids{3, 4}));
}

TEST_F(FlowJoins, AreNotRememberedByAnotherSocketsWord) {
  join.connects(7, owner(3));
  join.tell(opened(1, 7), 0, kNow);
  events::TlsHello hello;
  hello.flow = 1;
  join.tell(told(hello, 8), 0, kNow);
  EXPECT_EQ(ids(take()), (Ids{3, 0}));
  // Its number again, of an unknown process: not of the one before.
  join.tell(opened(1, 9), 0, kNow);
  join.tell(closed(1, 9), 0, kNow);
  EXPECT_EQ(ids(take()), (Ids{0, 0}));
}

TEST_F(FlowJoins, ThatAreDeniedAreNotRemembered) {
  join.connects(7, owner(3));
  NetworkEvent denied = opened(1, 7);
  denied.event.verdict = events::Verdict::kDenied;
  join.tell(denied, 0, kNow);
  join.tell(closed(1, 7), 0, kNow);
  EXPECT_EQ(ids(take()), (Ids{3, 0}));
}

TEST_F(FlowJoins, AreBounded) {
  join.connects(1, owner(3));
  for (uint64_t cookie = 2; cookie <= FlowJoin::kMostSockets; ++cookie)
    join.connects(cookie, owner(4));
  join.tell(opened(1, 1), 0, kNow);
  EXPECT_EQ(ids(take()), Ids{3});  // still among the last
  join.connects(1, owner(5));      // and the one that is forgotten for it is the oldest: 1 of old
  join.connects(1'000'000, owner(5));
  join.tell(opened(2, 2), 0, kNow);
  join.tell(opened(3, 1), 0, kNow);
  EXPECT_EQ(ids(take()), (Ids{0, 5}));
  for (uint64_t i = 0; i < FlowJoin::kMostHeld; ++i) {
    EXPECT_FALSE(join.full());
    join.tell(opened(i + 10, 77), 10, kNow);
  }
  EXPECT_TRUE(join.full());
}

}  // namespace
}  // namespace carrel::session
