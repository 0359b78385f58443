// What a session says in words: notices and endings.

#include <gtest/gtest.h>
#include <signal.h>

#include <cerrno>

#include "launcher/box/init/init_plan.h"
#include "launcher/watch/session/clock.h"
#include "launcher/watch/session/denials.h"
#include "launcher/watch/session/ending.h"
#include "launcher/watch/session/notice.h"
#include "profiles/decide/rules.h"

namespace carrel::session {
namespace {

protocol::SessionConfig config() {
  protocol::SessionConfig config;
  config.mutable_spec()->set_task("local/demo");
  return config;
}

void add(protocol::SessionConfig& config, const char* id, bool given) {
  protocol::AssuranceItem* item = config.add_assurance();
  item->set_id(id);
  item->set_given(given);
}

model::Profile profile(std::string statement) {
  model::Profile profile;
  profile.purpose.statement = std::move(statement);
  profile.purpose.use = model::Use::kTesting;
  return profile;
}

std::string words_of(const std::string& id) {
  for (const decide::DecideRule& rule : decide::rules_of({})) {
    if (rule.id == id) return rule.words;
  }
  return "no such rule";
}

TEST(Notice, SaysWhatIsRecordedWhoMayLookAndWhatIsMissing) {
  auto values = config();
  add(values, "events-complete", true);
  add(values, "limits", false);
  add(values, "disk-encrypted", false);
  EXPECT_EQ(notice(values, profile("Ticket 7: mend it.\nAnd more.")),
            "carrel: this session is recorded as evidence: what is shown on the terminal, "
            "processes, files and network; no keystrokes.\n"
            "carrel: task local/demo (testing): Ticket 7: mend it.\n"
            "carrel: those who grant and review this task may look at the record.\n"
            "carrel: this host does not guarantee: limits, disk-encrypted.\n");
}

TEST(Notice, EndsWithWarnings) {
  auto values = config();
  values.add_warnings("repository app: \x1b[31mred");
  EXPECT_TRUE(notice(values, profile("x")).ends_with("\ncarrel: repository app: \\x1b[31mred\n"))
      << notice(values, profile("x"));
}

TEST(Notice, NeverPassesEscapesOnAndCutsAtACharacter) {
  const std::string text =
      notice(config(), profile("\x1b]0;x\x07" + std::string(153, 'a') + "ééé"));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("\\x1b"), std::string::npos) << text;
  EXPECT_NE(text.find("a…"), std::string::npos) << text;
  EXPECT_EQ(text.find("not guarantee"), std::string::npos);
}

TEST(Notice, SaysHowMuchTimeIsLeft) {
  EXPECT_EQ(time_notice({"max_duration", 600}),
            "carrel: this session ends in 10m (max_duration).\n");
  EXPECT_EQ(time_notice({"idle_timeout", 60}),
            "carrel: this session ends in 1m unless something is typed (idle_timeout).\n");
}

TEST(Notice, SaysWhoDidWhatAndWhy) {
  EXPECT_EQ(order_notice({"paused", "local:0", "a question\x1b[2J"}),
            "carrel: this session is paused by local:0: a question\\x1b[2J. Nothing runs until it "
            "is resumed; its time goes on.\n");
  EXPECT_EQ(order_notice({"resumed", "local:0", "answered"}),
            "carrel: this session is resumed by local:0: answered.\n");
  EXPECT_EQ(order_notice({"closed", "local:0", "done"}),
            "carrel: this session is closed by local:0: done.\n");
}

events::Event denied(std::string rule, events::Data data) {
  events::Event event;
  event.verdict = events::Verdict::kDenied;
  event.rule = std::move(rule);
  event.data = std::move(data);
  return event;
}

Denials denials() {
  protocol::SessionSpec spec;
  spec.set_task("local/demo");
  spec.set_profile_path("demo.toml");
  protocol::RuleLine* line = spec.add_rule_lines();
  line->set_id("session.assurance");
  line->set_line(7);
  return {spec, model::Profile()};
}

const std::string kAsk = " Ask whoever grants task local/demo. `carrel why` tells more.\n";

TEST(Denials, TheFirstOfARuleNamesObjectRuleAndWhomToAsk) {
  Denials list = denials();
  EXPECT_EQ(list.take(denied("default:network", events::NetConnect{"inet", "192.0.2.1", 443}), 0),
            "carrel: denied: net.connect 192.0.2.1 port 443: " + words_of("default:network") +
                " (default:network)" + kAsk);
  EXPECT_EQ(list.take(denied("x", events::FileUnlink{"/a\x1b[2J"}), 0),
            "carrel: denied: file.unlink /a\\x1b[2J: (x)" + kAsk);
  EXPECT_EQ(list.take(denied("x", events::FileRename{"/from", "/to"}), 0), std::nullopt);
  EXPECT_EQ(list.take(denied("session.assurance", events::FileRename{"/from", "/to"}), 0),
            "carrel: denied: file.rename /from: " + words_of("session.assurance") +
                " (session.assurance, demo.toml line 7)" + kAsk);
}

TEST(Denials, SayEachRuleOnceAndNotWithoutEnd) {
  Denials list = denials();
  EXPECT_FALSE(list.take(events::Event(), 0).has_value());
  for (size_t i = 0; i < Denials::kMostLines; ++i) {
    const auto one = denied("rule " + std::to_string(i), events::FileProbe{"/x"});
    EXPECT_TRUE(list.take(one, 0).has_value());
    EXPECT_FALSE(list.take(one, 0).has_value());
  }
  EXPECT_EQ(list.take(denied("more", events::FileProbe{"/more"}), 0),
            "carrel: more was denied; `carrel why` and the record have it all.\n");
  EXPECT_FALSE(list.take(denied("even more", events::FileProbe{"/even more"}), 0).has_value());
  EXPECT_EQ(list.count(), 2 * Denials::kMostLines + 2);
}

TEST(Denials, TheSameThingTriedAgainIsOneAndTheLast) {
  Denials list = denials();
  for (const char* path : {"/a", "/b", "/a", "/a"})
    list.take(denied("x", events::FileProbe{path}), 5);
  ASSERT_EQ(list.kept().size(), 2U);
  EXPECT_EQ(list.kept()[0].object, "/b");
  EXPECT_EQ((std::pair{list.kept()[1].object, list.kept()[1].times}),
            (std::pair{std::string("/a"), uint64_t{3}}));
}

TEST(Denials, ABudgetHasALineWhenItIsNearlyAndWhenItIsAllUsed) {
  Denials list = denials();
  events::Event near;
  near.rule = "session.assurance";
  near.verdict = events::Verdict::kObserved;
  near.data = events::NetBudget{"near", "files.example.com", "down", 300000, 240001, 4};
  EXPECT_EQ(list.take(near, 0),
            "carrel: budget: four fifths of the 300000B down of files.example.com are used. "
            "(session.assurance, demo.toml line 7)\n");
  EXPECT_EQ(list.take(near, 0), std::nullopt);
  const auto spent = denied("session.assurance", events::NetBudget{"spent", "files.example.com",
                                                                   "down", 300000, 300000, 4});
  EXPECT_EQ(list.take(spent, 0),
            "carrel: budget: the 300000B down of files.example.com are used up: what is more is "
            "cut. (session.assurance, demo.toml line 7) Ask whoever grants task "
            "local/demo.\n");
  EXPECT_EQ(list.take(spent, 0), std::nullopt);
  ASSERT_EQ(list.kept().size(), 1U);
  EXPECT_EQ(list.kept()[0].object, "files.example.com down");
  EXPECT_EQ(list.kept()[0].times, 2U);
}

TEST(Ending, PassesTheCommandsStatusOn) {
  EXPECT_EQ(ended_by_command(7 << 8), (Ending{"command", 7, 0, ""}));
  EXPECT_EQ(ended_by_command(SIGSEGV | 0x80), (Ending{"command", 139, SIGSEGV, ""}));
}

TEST(Ending, NamesTheStepInside) {
  const auto close = static_cast<int32_t>(init::PayloadStep::kCloseDescriptors);
  EXPECT_EQ(ended_by_step(close, EBADF).error,
            "carrel-init could not close descriptors: EBADF (Bad file descriptor)");
  const auto last = static_cast<int32_t>(init::PayloadStep::kNoRoom);
  for (const int32_t step : {-1, 0, last + 1})
    EXPECT_EQ(ended_by_step(step, 0).error, "carrel-init could not an unknown step");
}

}  // namespace
}  // namespace carrel::session
