// What people ask of a running session, and the ends of its time.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>

#include "tests/unit/launcher/watch/session/play.h"

namespace carrel::session {
namespace {

using protocol::Type;

void order(Stage& stage, const std::string& word, const std::string& reason, bool now = false) {
  protocol::SessionOrder order;
  order.set_order(word);
  order.set_person("local:0");
  order.set_reason(reason);
  order.set_now(now);
  ASSERT_TRUE(stage.broker.queue(Type::kSessionOrder, order.SerializeAsString()).ok());
}

std::vector<std::string> types_of(const Stage& stage) {
  std::vector<std::string> types;
  for (const events::Event& event : stage.record()) {
    const std::string type(events::type_name(event.data));
    if (type.starts_with("policy.")) types.push_back(type);
  }
  return types;
}

TEST(Orders, CloseHangsUpAndSaysWhoAndWhy) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  order(stage, "close", "the task is done");
  EXPECT_TRUE(stage.until([&] { return !stage.signals.empty(); }));
  EXPECT_EQ(stage.signals, std::vector<int>{SIGHUP});
  stage.exit_command(SIGHUP);
  const protocol::Finished finished = play.finish();
  EXPECT_EQ(finished.by(), "person");
  EXPECT_EQ(finished.code(), 125);
  EXPECT_EQ(finished.error(), "closed by local:0: the task is done");
  EXPECT_NE(stage.notices.find("closed by local:0: the task is done."), std::string::npos);
  EXPECT_EQ(stage.end_record().end_by, "person");
  const auto found = stage.events_of<events::PolicyOrder>();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(std::get<events::PolicyOrder>(found[0].data),
            (events::PolicyOrder{"closed", "local:0", "the task is done"}));
  EXPECT_EQ(stage.verify().exit, 0);
}

TEST(Orders, CloseKillsWhatIgnoresTheHangUpAndAtOnceWithNow) {
  {
    Play play;
    ASSERT_TRUE(play.stage.open_gate());
    order(play.stage, "close", "done");
    EXPECT_TRUE(play.stage.until([&] { return !play.stage.signals.empty(); }));
    EXPECT_FALSE(play.stage.killed);
    EXPECT_EQ(play.finish_soon().code(), 125);
    EXPECT_TRUE(play.stage.killed);
  }
  Play play;
  ASSERT_TRUE(play.stage.open_gate());
  order(play.stage, "close", "done", true);
  EXPECT_EQ(play.finish().code(), 125);
  EXPECT_TRUE(play.stage.killed);
  EXPECT_TRUE(play.stage.signals.empty());
}

TEST(Orders, PauseIsSaidWhenNothingMovesAndResumeWhenItDoes) {
  Play play;
  Stage& stage = play.stage;
  stage.freezes = false;
  ASSERT_TRUE(stage.open_gate());
  order(stage, "pause", "a question");
  EXPECT_TRUE(stage.until([&] {
    std::ifstream asked(stage.path("cgroup.freeze"));
    std::string word;
    return asked >> word && word == "1";
  }));
  EXPECT_FALSE(stage.until([&] { return stage.notices.find("paused") != std::string::npos; }, 200));
  stage.freezes = true;
  EXPECT_TRUE(stage.until(
      [&] { return stage.notices.find("paused by local:0: a question.") != std::string::npos; }));
  order(stage, "pause", "again");  // passed over
  order(stage, "resume", "answered");
  EXPECT_TRUE(stage.until(
      [&] { return stage.notices.find("resumed by local:0: answered.") != std::string::npos; }));
  EXPECT_TRUE(stage.until([&] { return stage.frozen == "0"; }));
  order(stage, "resume", "again");  // passed over
  stage.exit_command(0);
  EXPECT_EQ(play.finish().by(), "command");
  stage.end_record();
  EXPECT_EQ(types_of(stage), (std::vector<std::string>{"policy.paused", "policy.resumed"}));
}

TEST(Orders, AClientThatDiesInAPauseEndsItWithoutAThaw) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  order(stage, "pause", "a question");
  EXPECT_TRUE(stage.until([&] { return stage.notices.find("paused by") != std::string::npos; }));
  EXPECT_EQ(stage.frozen, "1");
  stage.client.close();
  const protocol::Finished finished = play.finish_soon();
  EXPECT_EQ(finished.by(), "person");
  EXPECT_TRUE(stage.killed);
  EXPECT_EQ(stage.frozen, "1");
  stage.end_record();
  EXPECT_EQ(types_of(stage), std::vector<std::string>{"policy.paused"});
}

TEST(Orders, CloseOfAPausedSessionKillsAtOnce) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  order(stage, "pause", "a question");
  EXPECT_TRUE(stage.until([&] { return stage.notices.find("paused") != std::string::npos; }));
  order(stage, "close", "no answer");
  EXPECT_EQ(play.finish().error(), "closed by local:0: no answer");
  EXPECT_TRUE(stage.signals.empty());
  EXPECT_EQ(stage.frozen, "1");
}

TEST(Orders, AHostWithoutFreezeSaysSo) {
  Play play({.can_freeze = false});
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  order(stage, "pause", "a question");
  EXPECT_TRUE(
      stage.until([&] { return stage.notices.find("could not pause") != std::string::npos; }));
  stage.exit_command(0);
  EXPECT_EQ(play.finish().by(), "command");
  stage.end_record();
  EXPECT_TRUE(types_of(stage).empty());
}

TEST(Orders, TheBrokerIsToldHowASessionStands) {
  Play play({.max_duration_s = 3600, .idle_timeout_s = 1800});
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  EXPECT_TRUE(stage.until([&] { return stage.state().started(); }));
  const protocol::SessionState running = stage.state();
  EXPECT_TRUE(running.can_pause());
  EXPECT_FALSE(running.paused());
  ASSERT_EQ(running.ends_size(), 2);
  EXPECT_EQ(running.ends(0).limit(), "max_duration");
  EXPECT_EQ(running.ends(1).limit(), "idle_timeout");
  EXPECT_EQ(running.missing(0), "disk-encrypted");
  order(stage, "pause", "a question");
  EXPECT_TRUE(stage.until([&] { return stage.state().paused(); }));
  EXPECT_EQ(stage.state().paused_by(), "local:0");
  EXPECT_EQ(stage.state().pause_reason(), "a question");
  ASSERT_EQ(stage.state().ends_size(), 1);  // idleness is not counted now
  order(stage, "resume", "answered");
  EXPECT_TRUE(stage.until([&] { return !stage.state().paused(); }));
  stage.exit_command(0);
  play.finish();
}

TEST(Time, ASessionInWhichNobodyTypesEnds) {
  Play play({.idle_timeout_s = 120});
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  const protocol::Finished finished = play.finish_soon();
  EXPECT_EQ(finished.by(), "policy");
  EXPECT_EQ(finished.code(), 124);
  EXPECT_EQ(finished.error(), "time is over (idle_timeout 2m, nothing was typed)");
  EXPECT_NE(stage.notices.find("ends in 1m unless something is typed"), std::string::npos);
  EXPECT_EQ(stage.frozen, "1");  // stopped first, then ended
  EXPECT_TRUE(stage.killed);
  stage.end_record();
  EXPECT_EQ(types_of(stage), (std::vector<std::string>{"policy.warned", "policy.over"}));
  EXPECT_EQ(stage.verify().exit, 0);
}

TEST(Time, AByteOfThePersonBeginsItAnew) {
  Play play({.idle_timeout_s = 120});
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  ASSERT_TRUE(
      play.skip_until([&] { return stage.notices.find("ends in 1m") != std::string::npos; }));
  stage.type("x");
  char byte = 0;
  fcntl(stage.stdin_fd.get(), F_SETFL, O_NONBLOCK);
  EXPECT_TRUE(stage.until([&] { return read(stage.stdin_fd.get(), &byte, 1) == 1; }));
  play.skip(90);
  EXPECT_FALSE(stage.until([&] { return stage.finished.has_value(); }, 100));
  EXPECT_EQ(play.finish_soon().error(), "time is over (idle_timeout 2m, nothing was typed)");
}

TEST(Time, AWorkspaceThatDoesNotFreezeIsEndedAllTheSame) {
  Play play({.max_duration_s = 10});
  play.stage.freezes = false;
  ASSERT_TRUE(play.stage.open_gate());
  EXPECT_EQ(play.finish_soon().error(), "time is over (max_duration 10s)");
  EXPECT_TRUE(play.stage.killed);
}

}  // namespace
}  // namespace carrel::session
