// A further terminal at a running session, as a client asks for it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "tests/unit/broker/service/monitor/desk.h"

namespace carrel::monitor {
namespace {

protocol::AttachRequest request_for(const std::string& session) {
  protocol::AttachRequest request;
  request.set_session(session);
  request.add_command("/bin/true");
  request.set_tty(true);
  request.set_columns(90);
  request.set_rows(30);
  request.set_term("xterm-256color");
  return request;
}

Reply ask(Desk& desk, const protocol::AttachRequest& request, uid_t uid = kUid, size_t fds = 1) {
  Message message = Desk::message(Type::kAttachRequest, request.SerializeAsString());
  for (size_t i = 0; i < fds; ++i)
    message.fds.push_back(std::move(protocol::make_socket_pair().take().first));
  return desk.monitor.answer_client(uid, std::move(message));
}

void say(Desk& desk, const std::string& session, const protocol::SessionState& state) {
  ASSERT_TRUE(
      desk.monitor
          .take_from_session(session, Desk::message(Type::kSessionState, state.SerializeAsString()))
          .ok());
}

std::string started(Desk& desk) {
  const std::string session = desk.live();
  protocol::SessionState state;
  state.set_started(true);
  say(desk, session, state);
  return session;
}

TEST(Attach, TheStreamAndEverythingAskedForGoToTheSession) {
  Desk desk;
  const std::string session = started(desk);
  const Reply reply = ask(desk, request_for(session.substr(0, 8)));
  ASSERT_EQ(reply.type, Type::kAttachReply);
  protocol::AttachReply answer;
  ASSERT_TRUE(answer.ParseFromString(reply.body));
  EXPECT_EQ(answer.session(), session);
  EXPECT_EQ(answer.task(), "local/demo");
  EXPECT_EQ(answer.channel(), 2U);
  auto told = desk.monitor.take_told();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].session, session);
  EXPECT_EQ(told[0].message.type, Type::kSessionAttach);
  EXPECT_EQ(told[0].message.fds.size(), 1U);
  protocol::SessionAttach passed;
  ASSERT_TRUE(passed.ParseFromString(told[0].message.body));
  EXPECT_EQ(passed.channel(), 2U);
  EXPECT_EQ(passed.command(0), "/bin/true");
  EXPECT_TRUE(passed.tty());
  EXPECT_EQ(passed.columns(), 90U);
  EXPECT_EQ(passed.term(), "xterm-256color");
  ASSERT_TRUE(answer.ParseFromString(ask(desk, request_for("last")).body));
  EXPECT_EQ(answer.channel(), 3U);  // a number is given once
}

TEST(Attach, OnlyThePersonsOwn) {
  Desk desk;
  const std::string session = started(desk);
  ASSERT_EQ(ask(desk, request_for(session)).type, Type::kAttachReply);
  (void)desk.monitor.take_told();
  EXPECT_EQ(Desk::failure_of(ask(desk, request_for(session), 2000)).code(), 121U);
  EXPECT_EQ(Desk::failure_of(ask(desk, request_for("last"), 2000)).code(), 121U);
  EXPECT_TRUE(desk.monitor.take_told().empty());
}

TEST(Attach, OnlyWhatRuns) {
  Desk desk;
  EXPECT_EQ(Desk::failure_of(ask(desk, request_for("last"))).text(), "no session last runs");
  const std::string session = desk.live();
  EXPECT_EQ(ask(desk, request_for(session)).type,
            Type::kAttachReply);  // it waits until that has begun
  protocol::SessionState state;
  state.set_started(true);
  state.set_paused(true);
  state.set_paused_by("local:0");
  say(desk, session, state);
  EXPECT_EQ(Desk::failure_of(ask(desk, request_for(session))).text(),
            "session " + session +
                " is paused by local:0: nothing runs in it until somebody who may says `carrel "
                "resume " +
                session + "`");
  state.set_paused(false);
  say(desk, session, state);
  EXPECT_EQ(ask(desk, request_for(session)).type, Type::kAttachReply);
  state.set_ending(true);
  say(desk, session, state);
  EXPECT_EQ(Desk::failure_of(ask(desk, request_for(session))).text(),
            "session " + session + " is ending");
  EXPECT_EQ(desk.monitor.take_told().size(), 2U);
}

TEST(Attach, WhoOpensWhatEndsIsToldToWaitWhateverItsProfile) {
  Desk desk;
  const std::string session = started(desk);
  EXPECT_EQ(desk.opened().running_session(), session);
  EXPECT_FALSE(desk.opened().ending());
  auto changed = Desk::open_request();
  changed.set_profile_source("source demo");
  changed.set_canonical("changed");
  EXPECT_THAT(Desk::failure_of(desk.ask_open(changed)).text(),
              testing::HasSubstr("under another version of the profile"));
  protocol::SessionState state;
  state.set_started(true);
  state.set_ending(true);
  say(desk, session, state);
  EXPECT_EQ(desk.opened().running_session(), session);
  EXPECT_TRUE(desk.opened().ending());
  EXPECT_EQ(desk.ask_open(changed).type, Type::kOpenReply);
}

TEST(Attach, WhatIsMalformedIsRefused) {
  Desk desk;
  const std::string session = started(desk);
  ASSERT_EQ(ask(desk, request_for(session)).type, Type::kAttachReply);
  (void)desk.monitor.take_told();
  EXPECT_EQ(Desk::failure_of(ask(desk, request_for(session), kUid, 0)).code(), 120U);
  EXPECT_EQ(Desk::failure_of(ask(desk, request_for(session), kUid, 2)).code(), 120U);
  auto request = request_for(session);
  request.set_term("../../etc/terminfo");
  EXPECT_EQ(Desk::failure_of(ask(desk, request)).code(), 120U);
  request = request_for(session);
  request.set_lang(std::string(65, 'a'));
  EXPECT_EQ(Desk::failure_of(ask(desk, request)).code(), 120U);
  request = request_for(session);
  request.add_command(std::string("a\0b", 3));
  EXPECT_EQ(Desk::failure_of(ask(desk, request)).code(), 120U);
  Message message = Desk::message(Type::kAttachRequest, "\xFF\xFF");
  message.fds.push_back(std::move(protocol::make_socket_pair().take().first));
  EXPECT_EQ(Desk::failure_of(desk.monitor.answer_client(kUid, std::move(message))).code(), 120U);
  // Closing one of these may wait, or is no stream.
  const int others[] = {socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
                        socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), dup(desk.store.get())};
  for (const int fd : others) {
    message = Desk::message(Type::kAttachRequest, request_for(session).SerializeAsString());
    message.fds.emplace_back(fd);
    EXPECT_EQ(Desk::failure_of(desk.monitor.answer_client(kUid, std::move(message))).text(),
              "the stream of an attached terminal must be a local stream socket");
  }
  EXPECT_TRUE(desk.monitor.take_told().empty());
}

}  // namespace
}  // namespace carrel::monitor
