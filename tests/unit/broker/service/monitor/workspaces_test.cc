#include <gtest/gtest.h>

#include "tests/unit/broker/service/monitor/desk.h"

namespace carrel::monitor {
namespace {

TEST(Workspace, IsTheSameFromSessionToSessionOfATaskAndPerson) {
  Desk desk;
  const auto first = desk.opened();
  desk.now_ns += 1'000'000'000;
  const auto second = desk.opened();
  EXPECT_NE(second.session(), first.session());
  EXPECT_EQ(second.workspace(), first.workspace());
  EXPECT_EQ(second.task(), "local/demo");
  EXPECT_NE(desk.opened("source other").workspace(), first.workspace());
  EXPECT_NE(desk.opened("source", 2000).workspace(), first.workspace());
  const Reply confirmed = desk.confirm(second.ticket());
  protocol::SessionSpec spec;
  ASSERT_TRUE(spec.ParseFromString(confirmed.body));
  EXPECT_EQ(spec.workspace(), first.workspace());
}

TEST(Workspace, BelongsToATaskThatIsRegisteredByItsFirstOpening) {
  Desk desk;
  EXPECT_FALSE(desk.catalogue->task("local/demo").take().has_value());
  desk.opened();
  desk.opened("source", 2000);
  const store::Task task = *desk.catalogue->task("local/demo").take();
  EXPECT_EQ(task.created_by, "local:1000");
  EXPECT_EQ(task.profile, "demo");
  EXPECT_EQ(task.profile_version, 3U);
  EXPECT_EQ(task.people, (std::vector<std::string>{"local:1000", "local:2000"}));
  EXPECT_EQ(task.source, "");
}

TEST(Workspace, OfWhatRunsThereIsNamedInsteadOfATicket) {
  Desk desk;
  const std::string session = desk.live();
  const Reply named = desk.ask_open(Desk::open_request());
  const auto reply =
      protocol::parse_message<protocol::OpenReply>(Desk::message(named.type, named.body));
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply.value().running_session(), session);
  EXPECT_EQ(reply.value().ticket(), "");
  EXPECT_EQ(desk.ask_open(Desk::open_request(), 2000).type, Type::kOpenReply);
  // Closed is free, also while the supervisor has not gone yet.
  close(desk, session);
  EXPECT_EQ(desk.monitor.live_sessions(), 1U);
  EXPECT_EQ(desk.ask_open(Desk::open_request()).type, Type::kOpenReply);
}

TEST(Workspace, IsFreeAfterASessionThatWasKilled) {
  Desk desk;
  const std::string session = desk.live();
  desk.monitor.end_session(session, "channel closed");
  EXPECT_EQ(desk.opened().workspace(), desk.catalogue->session(session).take()->workspace);
}

TEST(Workspace, StartsOnlyOneOfTwoThatHoldTickets) {
  Desk desk;
  const auto first = desk.opened();
  const auto second = desk.opened();
  ASSERT_EQ(desk.confirm(first.ticket()).type, Type::kSessionSpec);
  ASSERT_EQ(desk.confirm(second.ticket()).type, Type::kSessionSpec);
  ASSERT_EQ(desk.start(first.session()).reply.type, Type::kAck);
  EXPECT_EQ(Desk::failure_of(desk.start(second.session()).reply).code(), 123U);
  EXPECT_EQ(desk.monitor.live_sessions(), 1U);
}

TEST(Workspace, IsANewOneOnceTheOldHasEnded) {
  Desk desk;
  const auto first = desk.opened();
  store::Workspace workspace = *desk.catalogue->workspace(first.workspace()).take();
  workspace.ended_ns = desk.now_ns;
  ASSERT_TRUE(desk.catalogue->put_workspace(workspace).ok());
  EXPECT_NE(desk.opened().workspace(), first.workspace());
}

}  // namespace
}  // namespace carrel::monitor
