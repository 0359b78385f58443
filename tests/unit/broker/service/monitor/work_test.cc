// Workspaces, running sessions and orders, as clients ask for them.

#include <gtest/gtest.h>

#include "broker/service/people/standalone.h"
#include "tests/unit/broker/service/monitor/desk.h"

namespace carrel::monitor {
namespace {

template <typename Proto>
Proto parsed(const Reply& reply, Type type) {
  Proto body;
  EXPECT_EQ(reply.type, type);
  EXPECT_TRUE(body.ParseFromString(reply.body));
  return body;
}

protocol::WorkspacesReply workspaces(Desk& desk, uid_t uid = kUid) {
  return parsed<protocol::WorkspacesReply>(
      desk.monitor.answer_client(uid, Desk::message(Type::kWorkspacesRequest, "")),
      Type::kWorkspacesReply);
}

Reply ask_status(Desk& desk, const std::string& session, uid_t uid = kUid) {
  protocol::StatusRequest request;
  request.set_session(session);
  return desk.monitor.answer_client(
      uid, Desk::message(Type::kStatusRequest, request.SerializeAsString()));
}

Reply ask(Desk& desk, const std::string& order, const std::string& session, uid_t uid = kUid,
          const std::string& reason = "because") {
  protocol::OrderRequest request;
  request.set_session(session);
  request.set_order(order);
  request.set_reason(reason);
  return desk.monitor.answer_client(
      uid, Desk::message(Type::kOrderRequest, request.SerializeAsString()));
}

void say(Desk& desk, const std::string& session, const protocol::SessionState& state) {
  ASSERT_TRUE(
      desk.monitor
          .take_from_session(session, Desk::message(Type::kSessionState, state.SerializeAsString()))
          .ok());
}

protocol::SessionState running() {
  protocol::SessionState state;
  state.set_started(true);
  state.set_can_pause(true);
  return state;
}

protocol::SessionState paused(const std::string& by) {
  protocol::SessionState state = running();
  state.set_paused(true);
  state.set_paused_by(by);
  return state;
}

TEST(Workspaces, AreListedWithWhatRunsAtThem) {
  Desk desk;
  desk.opened("source unused");
  const std::string session = desk.live();
  desk.now_ns += 5;
  auto reply = workspaces(desk);
  ASSERT_EQ(reply.rows_size(), 1);  // nobody has worked at the other one
  EXPECT_EQ(reply.rows(0).task(), "local/demo");
  EXPECT_EQ(reply.rows(0).person(), "local:1000");
  EXPECT_EQ(reply.rows(0).state(), "running");
  EXPECT_EQ(reply.rows(0).session(), session);
  protocol::SessionState held;
  held.set_started(true);
  held.set_held(true);
  say(desk, session, held);
  EXPECT_EQ(workspaces(desk).rows(0).state(), "held");
  say(desk, session, paused("local:1000"));
  EXPECT_EQ(workspaces(desk).rows(0).state(), "paused");
  close(desk, session);
  desk.monitor.end_session(session, "closed");
  desk.now_ns += 5;
  const std::string second = desk.live("source other");
  reply = workspaces(desk);
  ASSERT_EQ(reply.rows_size(), 2);
  EXPECT_EQ(reply.rows(0).session(), second);
  EXPECT_EQ(reply.rows(1).state(), "closed");
  EXPECT_EQ(reply.rows(1).sessions(), 1U);
}

TEST(Workspaces, AreShownToNobodyElse) {
  Desk desk;
  desk.live();
  EXPECT_EQ(workspaces(desk, 2000).rows_size(), 0);
  ASSERT_TRUE(people::register_owner(*desk.catalogue, 2000).ok());
  EXPECT_EQ(workspaces(desk, 2000).rows_size(), 1);
}

TEST(SessionStatus, IsOfSessionsThatRun) {
  Desk desk;
  const std::string session = desk.live();
  protocol::SessionState state = running();
  state.add_missing("disk\x1b-encrypted");
  say(desk, session, state);
  for (const std::string& name : {std::string(), std::string("last"), session.substr(0, 12)}) {
    const auto reply = parsed<protocol::StatusReply>(ask_status(desk, name), Type::kStatusReply);
    ASSERT_EQ(reply.sessions_size(), 1) << name;
    EXPECT_EQ(reply.sessions(0).row().session(), session);
    EXPECT_EQ(reply.sessions(0).state().missing(0), "disk\\x1b-encrypted");
    EXPECT_EQ(reply.sessions(0).now_ns(), desk.now_ns);
  }
  EXPECT_EQ(Desk::failure_of(ask_status(desk, session, 2000)).code(), 2U);
  desk.monitor.end_session(session, "gone");
  EXPECT_EQ(Desk::failure_of(ask_status(desk, session)).code(), 2U);
  EXPECT_EQ(parsed<protocol::StatusReply>(ask_status(desk, ""), Type::kStatusReply).sessions_size(),
            0);
}

TEST(SessionStatus, TakesNoStateWithoutBounds) {
  Desk desk;
  const std::string session = desk.live();
  protocol::SessionState state = running();
  state.set_pause_reason(std::string(20'000, 'x'));
  EXPECT_FALSE(
      desk.monitor
          .take_from_session(session, Desk::message(Type::kSessionState, state.SerializeAsString()))
          .ok());
}

TEST(SessionOrder, ReachesTheSessionOnceWithPersonAndReason) {
  Desk desk;
  const std::string session = desk.live();
  say(desk, session, running());
  const auto reply = parsed<protocol::OrderReply>(ask(desk, "pause", "last"), Type::kOrderReply);
  EXPECT_EQ(reply.session(), session);
  const auto told = desk.monitor.take_told();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].session, session);
  const auto order = parsed<protocol::SessionOrder>(told[0].message, Type::kSessionOrder);
  EXPECT_EQ(order.order(), "pause");
  EXPECT_EQ(order.person(), "local:1000");
  EXPECT_EQ(order.reason(), "because");
  EXPECT_TRUE(desk.monitor.take_told().empty());
}

TEST(SessionOrder, IsRefusedWhereItMakesNoSense) {
  Desk desk;
  const std::string session = desk.live();
  const auto refused = [&](const std::string& order, const std::string& reason = "because") {
    return Desk::failure_of(ask(desk, order, session, kUid, reason));
  };
  EXPECT_EQ(refused("pause").code(), 1U);  // its command does not run yet
  say(desk, session, running());
  EXPECT_EQ(refused("resume").text(), "session " + session + " is not paused");
  EXPECT_EQ(refused("praise").code(), 1U);
  EXPECT_EQ(refused("close", "").code(), 1U);
  EXPECT_EQ(refused("close", "  ").code(), 1U);
  EXPECT_EQ(refused("close", "two\nlines").code(), 1U);
  EXPECT_EQ(refused("close", std::string(1025, 'x')).code(), 1U);
  say(desk, session, paused("local:1000"));
  EXPECT_EQ(refused("pause").text(), "session " + session + " is paused already");
  EXPECT_EQ(Desk::failure_of(ask(desk, "close", "01hzx0000")).code(), 2U);
  protocol::SessionState fixed = running();
  fixed.set_can_pause(false);
  say(desk, session, fixed);
  EXPECT_EQ(refused("pause").text(), "this host cannot stop the processes of a session");
  EXPECT_TRUE(desk.monitor.take_told().empty());
}

TEST(SessionOrder, IsForWhoMayGiveIt) {
  Desk desk;
  const std::string session = desk.live();
  say(desk, session, running());
  ASSERT_TRUE(people::register_local(*desk.catalogue, 2000).ok());
  EXPECT_EQ(Desk::failure_of(ask(desk, "close", session, 2000)).code(), 2U);
  ASSERT_TRUE(people::register_owner(*desk.catalogue, 3000).ok());
  EXPECT_EQ(ask(desk, "pause", session, 3000).type, Type::kOrderReply);
  // Who was stopped by another does not go on by their own word.
  say(desk, session, paused("local:3000"));
  EXPECT_EQ(Desk::failure_of(ask(desk, "resume", session)).text(),
            "paused by local:3000: ask them");
  EXPECT_EQ(ask(desk, "resume", session, 3000).type, Type::kOrderReply);
  EXPECT_EQ(ask(desk, "close", session).type, Type::kOrderReply);
}

}  // namespace
}  // namespace carrel::monitor
