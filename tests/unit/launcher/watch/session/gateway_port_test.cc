#include "launcher/watch/session/gateway_port.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "tests/support/require.h"

namespace carrel::session {
namespace {

protocol::GatewayEvent message_of(const events::Event& event, uint64_t mono_ns = 50) {
  protocol::GatewayEvent message;
  message.set_mono_ns(mono_ns);
  message.set_code(events::type_code(event.data));
  message.set_payload(events::encode_payload(event));
  message.set_cookie(7);
  return message;
}

events::Event query() {
  events::Event event;
  event.verdict = events::Verdict::kDenied;
  event.rule = "default:network";
  event.data = events::DnsQuery{0, "a.example", "A", "no-such-name", "denied", "", 1};
  return event;
}

TEST(GatewayPort, TakesWhatIsTheGatewaysToTell) {
  const auto told = read_network_event(message_of(query()), 10, 100);
  ASSERT_TRUE(told.ok());
  EXPECT_EQ(told.value().event.data, query().data);
  EXPECT_EQ(told.value().event.mono_ns, 50U);
  EXPECT_EQ(told.value().cookie, 7U);
  events::Event request;
  request.verdict = events::Verdict::kAllowed;
  request.rule = "network.a.example";
  request.data = events::HttpRequest();
  EXPECT_TRUE(read_network_event(message_of(request), 10, 100).ok());
}

TEST(GatewayPort, BelievesNoTimeBeforeTheLastOrAfterNow) {
  EXPECT_EQ(read_network_event(message_of(query(), 5), 10, 100).value().event.mono_ns, 10U);
  EXPECT_EQ(read_network_event(message_of(query(), 500), 10, 100).value().event.mono_ns, 100U);
}

TEST(GatewayPort, TakesNothingThatAnotherTells) {
  const auto refused = [](events::Event event) {
    const auto told = read_network_event(message_of(event), 10, 100);
    return !told.ok() && told.error().sys_errno == EPROTO;
  };
  events::Event other = query();
  other.data = events::FileOpen{"/etc/passwd", 0, false, 1, 1};
  EXPECT_TRUE(refused(other));
  other.data = events::TerminalOutput{"pty", "x"};
  EXPECT_TRUE(refused(other));
  other.data = events::NetConnect{"inet", "8.8.8.8", 53};  // the sensor's
  EXPECT_TRUE(refused(other));
  other.data = events::GrantChange{"approved", "g", "", "", "", "", 0};
  EXPECT_TRUE(refused(other));
  other = query();
  other.rule = "repository.app";
  EXPECT_TRUE(refused(other));
  other = query();
  other.process = events::Process{1, 2, 0, "/bin/sh"};
  EXPECT_TRUE(refused(other));
  other = query();
  other.data = events::NetAnomaly{"beacon", "a.example", ""};
  EXPECT_FALSE(refused(other));
  other.data = events::NetAnomaly{"gateway-lost", "", ""};
  EXPECT_TRUE(refused(other)) << "the session's own words";
  other = query();
  other.channel = "1";
  EXPECT_TRUE(refused(other));
  protocol::GatewayEvent damaged = message_of(query());
  damaged.set_payload("\x08");
  EXPECT_FALSE(read_network_event(damaged, 10, 100).ok());
  damaged = message_of(query());
  damaged.set_code(0x10701);
  EXPECT_FALSE(read_network_event(damaged, 10, 100).ok());
}

struct Ends {
  Ends() {
    auto made = protocol::make_socket_pair().take();
    ours = protocol::Connection(std::move(made.first));
    theirs.emplace(std::move(made.second));
  }
  protocol::Connection ours;
  std::optional<GatewayPort> theirs;
};

TEST(GatewayPort, OneWordThatIsNoneOfItsOwnEndsIt) {
  Ends ends;
  ASSERT_TRUE(
      protocol::send_message(ends.ours, protocol::Type::kGatewayEvent, message_of(query())).ok());
  ASSERT_TRUE(ends.ours.send(protocol::Type::kGo, "").ok());
  EXPECT_EQ(ends.theirs->receive(100).size(), 1U);
  EXPECT_TRUE(ends.theirs->gone());
  EXPECT_TRUE(ends.theirs->lost());
  EXPECT_FALSE(ends.theirs->lost());
}

TEST(GatewayPort, AnOrderlyEndIsNoLoss) {
  Ends ends;
  ends.theirs->end();
  const auto heard = ends.ours.receive(1000);
  ASSERT_TRUE(heard.ok() && heard.value().has_value());
  EXPECT_EQ(heard.value()->type, protocol::Type::kGatewayEnd);
  EXPECT_FALSE(ends.theirs->ended());
  ASSERT_TRUE(ends.ours.send(protocol::Type::kGatewayEnded, "").ok());
  EXPECT_TRUE(ends.theirs->receive(100).empty());
  EXPECT_TRUE(ends.theirs->ended());
  ends.ours.close();
  EXPECT_TRUE(ends.theirs->receive(100).empty());
  EXPECT_TRUE(ends.theirs->gone());
  EXPECT_FALSE(ends.theirs->lost());
}

TEST(GatewayPort, AnotherOneTakesThePlaceOfOneThatHasGone) {
  Ends ends;
  Ends next;
  UniqueFd channel(dup(next.theirs->fd()));
  ends.theirs->replace(UniqueFd(dup(channel.get())));  // the one that is there is not replaced
  EXPECT_NE(ends.theirs->fd(), channel.get());
  ASSERT_TRUE(ends.ours.send(protocol::Type::kGatewayEnded, "").ok());
  EXPECT_TRUE(ends.theirs->receive(100).empty());
  EXPECT_TRUE(ends.theirs->ended());
  Ends lost;
  ASSERT_TRUE(lost.ours.send(protocol::Type::kGatewayEnded, "").ok());  // its last word is a lie
  EXPECT_TRUE(lost.theirs->receive(100).empty());
  lost.ours.close();
  EXPECT_TRUE(lost.theirs->receive(100).empty());
  EXPECT_TRUE(lost.theirs->lost());
  lost.theirs->replace(std::move(channel));
  EXPECT_FALSE(lost.theirs->gone());
  EXPECT_FALSE(lost.theirs->ended()) << "the one before had said so";
  lost.theirs->go();
  const auto heard = next.ours.receive(1000);
  ASSERT_TRUE(heard.ok() && heard.value().has_value());
  EXPECT_EQ(heard.value()->type, protocol::Type::kGo);
  ASSERT_TRUE(
      protocol::send_message(next.ours, protocol::Type::kGatewayEvent, message_of(query())).ok());
  EXPECT_EQ(lost.theirs->receive(200).size(), 1U);
  next.ours.close();
  EXPECT_TRUE(lost.theirs->receive(200).empty());
  EXPECT_TRUE(lost.theirs->lost()) << "told of each";
}

constexpr uint64_t kBegin = 5;

/// It has been asked, `kAskAfterNs` after it said the last.
Ends asked() {
  Ends ends;
  ends.theirs->watch(kBegin, true);
  ends.theirs->watch(kBegin + GatewayPort::kAskAfterNs - 1, true);
  EXPECT_EQ(ends.ours.receive(0).ok(), false) << "not asked yet";
  ends.theirs->watch(kBegin + GatewayPort::kAskAfterNs, true);
  ends.theirs->flush();
  const auto heard = ends.ours.receive(1000);
  EXPECT_TRUE(heard.ok() && heard.value().has_value());
  EXPECT_EQ(heard.value()->type, protocol::Type::kGatewayThere);
  return ends;
}

constexpr uint64_t kAsked = kBegin + GatewayPort::kAskAfterNs;
constexpr uint64_t kTooLate = kAsked + GatewayPort::kAnswerNs;

TEST(GatewayPort, OneThatDoesNotAnswerHasDied) {
  Ends ends = asked();
  ends.theirs->watch(kTooLate - 1, true);
  EXPECT_FALSE(ends.theirs->gone());
  ends.theirs->watch(kTooLate, true);
  EXPECT_TRUE(ends.theirs->gone());
  EXPECT_TRUE(ends.theirs->silent());
  EXPECT_TRUE(ends.theirs->lost());
  Ends next;
  ends.theirs->replace(UniqueFd(dup(next.theirs->fd())));
  EXPECT_FALSE(ends.theirs->silent());
  ends.theirs->watch(2 * kTooLate, true);
  ends.theirs->watch(2 * kTooLate + GatewayPort::kAskAfterNs - 1, true);
  EXPECT_FALSE(ends.theirs->gone()) << "the silence of the one before";
}

TEST(GatewayPort, WhateverItSaysIsAnAnswer) {
  for (const auto type : {protocol::Type::kGatewayThere, protocol::Type::kGatewayEvent}) {
    Ends ends = asked();
    const bool event = type == protocol::Type::kGatewayEvent;
    ASSERT_TRUE(ends.ours.send(type, event ? message_of(query()).SerializeAsString() : "").ok());
    EXPECT_EQ(ends.theirs->receive(kTooLate - 1).size(), event ? 1U : 0U);
    ends.theirs->watch(kTooLate, true);
    EXPECT_FALSE(ends.theirs->gone());
    ends.theirs->watch(kTooLate - 1 + GatewayPort::kAskAfterNs, true);  // asked once more
    ends.theirs->watch(kTooLate - 1 + GatewayPort::kAskAfterNs + GatewayPort::kAnswerNs, true);
    EXPECT_TRUE(ends.theirs->silent());
  }
}

TEST(GatewayPort, WhatNobodyReadsIsNoSilence) {
  Ends ends = asked();
  ends.theirs->watch(kTooLate - 1, false);
  ends.theirs->watch(kTooLate, true);
  EXPECT_FALSE(ends.theirs->gone());
}

TEST(GatewayPort, OnlyTheTimeInWhichNobodyReadsIsLeftOut) {
  Ends ends = asked();
  ends.theirs->watch(kAsked + 5, false);
  ends.theirs->watch(kTooLate, true);
  EXPECT_FALSE(ends.theirs->gone());
  ends.theirs->watch(kTooLate + 5, true);
  EXPECT_TRUE(ends.theirs->silent());
}

TEST(GatewayPort, OneAnswerForOneQuestion) {
  Ends ends = asked();
  ASSERT_TRUE(
      protocol::send_message(ends.ours, protocol::Type::kGatewayEvent, message_of(query())).ok());
  ASSERT_TRUE(ends.ours.send(protocol::Type::kGatewayThere, "").ok());
  EXPECT_EQ(ends.theirs->receive(kAsked).size(), 1U);
  EXPECT_FALSE(ends.theirs->gone()) << "late, and an answer all the same";
  ASSERT_TRUE(ends.ours.send(protocol::Type::kGatewayThere, "").ok());
  EXPECT_TRUE(ends.theirs->receive(kAsked).empty());
  EXPECT_TRUE(ends.theirs->gone()) << "nobody had asked";
  Ends with_body = asked();
  ASSERT_TRUE(with_body.ours.send(protocol::Type::kGatewayThere, "x").ok());
  EXPECT_TRUE(with_body.theirs->receive(kAsked).empty());
  EXPECT_TRUE(with_body.theirs->gone());
}

TEST(GatewayPort, WhoWasToldToEndIsNotAsked) {
  Ends ends = asked();
  ends.theirs->end();
  ends.theirs->watch(kTooLate, true);
  EXPECT_FALSE(ends.theirs->gone());
}

TEST(GatewayPort, AWorkspaceWithoutAWayOutHasNone) {
  GatewayPort none{UniqueFd()};
  EXPECT_TRUE(none.ended());
  EXPECT_FALSE(none.lost());
  none.end();
}

}  // namespace
}  // namespace carrel::session
