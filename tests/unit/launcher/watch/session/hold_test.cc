// A workspace that is held because its host has no room, beside everything else that can happen.

#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>

#include "broker/wire/protocol/host_space.h"
#include "tests/unit/launcher/watch/session/play.h"

namespace carrel::session {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

void say_room(Stage& stage, bool low) {
  const protocol::HostSpace space{low, low ? 100 * kMiB : 400 * kMiB,
                                  low ? 256 * kMiB : 320 * kMiB};
  ASSERT_TRUE(
      stage.launcher.send(protocol::Type::kHostSpace, protocol::format_host_space(space)).ok());
}

void order(Stage& stage, const std::string& word, const std::string& reason) {
  protocol::SessionOrder order;
  order.set_order(word);
  order.set_person("local:0");
  order.set_reason(reason);
  ASSERT_TRUE(stage.broker.queue(protocol::Type::kSessionOrder, order.SerializeAsString()).ok());
}

bool hears(Stage& stage, const std::string& words, int timeout_ms = 10'000) {
  return stage.until([&] { return stage.notices.find(words) != std::string::npos; }, timeout_ms);
}

std::vector<std::string> types_of(const Stage& stage) {
  std::vector<std::string> types;
  for (const events::Event& event : stage.record()) {
    const std::string type(events::type_name(event.data));
    if (type.starts_with("policy.") || type.starts_with("limit.")) types.push_back(type);
  }
  return types;
}

TEST(Hold, StandsStillWhileTheHostHasNoRoomAndGoesOnByItself) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  stage.freezes = false;
  say_room(stage, true);
  EXPECT_FALSE(hears(stage, "is held", 200));  // said when it is so
  stage.freezes = true;
  EXPECT_TRUE(hears(
      stage, "this session is held: 100 MiB are left on the host's disk and 256 MiB must be"));
  EXPECT_EQ(stage.frozen, "1");
  EXPECT_TRUE(stage.until([&] { return stage.state().held(); }));
  EXPECT_EQ(stage.state().host_free_bytes(), 100 * kMiB);
  EXPECT_EQ(stage.state().host_mark_bytes(), 256 * kMiB);
  say_room(stage, true);  // no news
  say_room(stage, false);
  EXPECT_TRUE(hears(stage, "the host has room again: this session goes on."));
  EXPECT_TRUE(stage.until([&] { return stage.frozen == "0" && !stage.state().held(); }));
  say_room(stage, false);
  stage.exit_command(0);
  EXPECT_EQ(play.finish().by(), "command");
  stage.end_record();
  const auto found = stage.events_of<events::Limit>();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(std::get<events::Limit>(found[0].data),
            (events::Limit{"held", "host_disk", 256 * kMiB, 100 * kMiB, 0, ""}));
  EXPECT_EQ(std::get<events::Limit>(found[1].data),
            (events::Limit{"released", "host_disk", 320 * kMiB, 400 * kMiB, 0, ""}));
  EXPECT_EQ(stage.verify().exit, 0);
}

TEST(Hold, APauseOutlastsIt) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  say_room(stage, true);
  EXPECT_TRUE(hears(stage, "is held"));
  order(stage, "pause", "a question");
  EXPECT_TRUE(hears(stage, "paused by local:0: a question."));
  say_room(stage, false);
  EXPECT_TRUE(hears(stage, "the host has room again: this session is paused still."));
  EXPECT_FALSE(stage.until([&] { return stage.frozen == "0"; }, 200));
  order(stage, "resume", "answered");
  EXPECT_TRUE(stage.until([&] { return stage.frozen == "0"; }));
  stage.exit_command(0);
  play.finish();
  stage.end_record();
  EXPECT_EQ(types_of(stage), (std::vector<std::string>{"limit.held", "policy.paused",
                                                       "limit.released", "policy.resumed"}));
}

TEST(Hold, OutlastsAPause) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  order(stage, "pause", "a question");
  EXPECT_TRUE(hears(stage, "paused by local:0: a question."));
  say_room(stage, true);
  EXPECT_TRUE(hears(stage, "is held"));
  order(stage, "resume", "answered");
  EXPECT_TRUE(hears(stage, "resumed by local:0: answered."));
  EXPECT_FALSE(stage.until([&] { return stage.frozen == "0"; }, 200));
  say_room(stage, false);
  EXPECT_TRUE(stage.until([&] { return stage.frozen == "0"; }));
  stage.exit_command(0);
  EXPECT_EQ(play.finish().by(), "command");
}

TEST(Hold, IsEndedByAPersonAtOnceAndByTime) {
  {
    Play play;
    Stage& stage = play.stage;
    ASSERT_TRUE(stage.open_gate());
    say_room(stage, true);
    EXPECT_TRUE(hears(stage, "is held"));
    order(stage, "close", "no longer needed");
    EXPECT_EQ(play.finish().error(), "closed by local:0: no longer needed");
    EXPECT_TRUE(stage.signals.empty());  // nobody would hear them
    EXPECT_EQ(stage.frozen, "1");
  }
  Play play({.max_duration_s = 10});
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  say_room(stage, true);
  EXPECT_TRUE(hears(stage, "is held"));
  EXPECT_EQ(play.finish_soon().error(), "time is over (max_duration 10s)");
  EXPECT_TRUE(stage.killed);
}

TEST(Hold, TheRecordTakesNoContentsThatTheHostHasNoRoomFor) {
  for (const bool held : {true, false}) {
    Play play;
    Stage& stage = play.stage;
    ASSERT_TRUE(stage.open_gate());
    std::ofstream(stage.path("tree/src/own/a.txt"), std::ios::trunc) << "after\n";
    if (held) {
      say_room(stage, true);
      EXPECT_TRUE(hears(stage, "is held"));
      order(stage, "close", "done");
    } else {  // there is room now, and less than must be
      const protocol::HostSpace space{false, 0, uint64_t{1} << 60};
      ASSERT_TRUE(
          stage.launcher.send(protocol::Type::kHostSpace, protocol::format_host_space(space)).ok());
      stage.exit_command(0);
    }
    EXPECT_EQ(play.finish().error(), held ? "closed by local:0: done" : "");
    stage.end_record();
    const auto changes = stage.events_of<events::FileChanged>();
    ASSERT_EQ(changes.size(), 1U);
    const auto& change = std::get<events::FileChanged>(changes[0].data);
    EXPECT_EQ(change.note, "contents left out: no room on the host");
    EXPECT_EQ(change.after_sha256.size(), 32U);
    EXPECT_EQ(stage.verify().exit, 0);
  }
}

TEST(Hold, IdlenessIsNotCounted) {
  Play play({.idle_timeout_s = 120});
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  say_room(stage, true);
  EXPECT_TRUE(hears(stage, "is held"));
  play.skip(600);
  EXPECT_FALSE(stage.until([&] { return stage.finished.has_value(); }, 200));
  say_room(stage, false);
  EXPECT_TRUE(hears(stage, "has room again"));
  EXPECT_EQ(play.finish_soon().error(), "time is over (idle_timeout 2m, nothing was typed)");
}

TEST(Hold, WhatIsToldToEndIsFrozenAndThenKilled) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  order(stage, "close", "done");
  EXPECT_TRUE(stage.until([&] { return !stage.signals.empty(); }));
  say_room(stage, true);
  EXPECT_TRUE(stage.until([&] { return stage.frozen == "1"; }));
  EXPECT_EQ(play.finish_soon().error(), "closed by local:0: done");
  EXPECT_TRUE(stage.killed);
}

TEST(Hold, WhatIsNotWellSaidIsPassedOver) {
  EXPECT_EQ(protocol::parse_host_space("").error().sys_errno, EBADMSG);
  EXPECT_EQ(protocol::parse_host_space(std::string(25, '\0')).error().sys_errno, EBADMSG);
  EXPECT_EQ(protocol::parse_host_space("\2" + std::string(23, '\0')).error().sys_errno, EBADMSG);
  const protocol::HostSpace space{true, 0x0123456789abcdef, UINT64_MAX};
  EXPECT_EQ(protocol::parse_host_space(protocol::format_host_space(space)).value(), space);
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  ASSERT_TRUE(stage.launcher.send(protocol::Type::kHostSpace, "low").ok());
  EXPECT_FALSE(stage.until([&] { return stage.frozen == "1"; }, 200));
  stage.exit_command(0);
  EXPECT_EQ(play.finish().by(), "command");
}

}  // namespace
}  // namespace carrel::session
