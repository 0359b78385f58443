#include "profiles/decide/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "profiles/parse/canonical.h"
#include "tests/unit/profiles/sample_profile.h"

namespace carrel::decide {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> ids_of(const std::vector<DecideRule>& rules) {
  std::vector<std::string> ids;
  for (const DecideRule& rule : rules)
    ids.push_back(rule.id);
  return ids;
}

const DecideRule& rule(const std::vector<DecideRule>& rules, std::string_view id) {
  static const DecideRule kNone;
  for (const DecideRule& each : rules) {
    if (each.id == id) return each;
  }
  ADD_FAILURE() << id;
  return kNone;
}

TEST(RulesOf, ListsEveryLineAndEveryDefault) {
  EXPECT_THAT(
      ids_of(rules_of(tests::parsed(tests::full_profile()))),
      ::testing::ElementsAre(
          "repository.app", "repository.app.read.docs", "repository.app.read.package.json",
          "repository.app.write.web/src", "repository.app.never.deploy",
          "repository.app.never.web/src/secrets", "repository.aux", "repository.aux.write.lib",
          "credential.ci", "session.max_duration", "session.assurance", "session.start_after",
          "session.keystrokes", "session.on_record_failure", "limits.memory", "limits.processes",
          "limits.disk", "limits.inodes", "limits.tmpfs", "limits.open_files", "toolchain.root",
          "default:network", "default:forward", "default:host-files", "default:syscall"));
}

TEST(RulesOf, CarriesLinesAndZeroForDefaults) {
  const auto rules = rules_of(tests::parsed(tests::full_profile()));
  EXPECT_EQ(rule(rules, "repository.app").where.line, 16);
  EXPECT_EQ(rule(rules, "repository.app.read.docs").where.line, 21);
  EXPECT_EQ(rule(rules, "repository.app.never.deploy").where.line, 23);
  EXPECT_EQ(rule(rules, "credential.ci").where.line, 31);
  EXPECT_EQ(rule(rules, "session.max_duration").where.line, 10);
  EXPECT_EQ(rule(rules, "default:network").where.line, 0);
  EXPECT_EQ(
      rule(rules_of(tests::parsed(tests::minimal_profile())), "session.max_duration").where.line,
      0);
}

TEST(RulesOf, DiffersOnlyInLinesForTheCanonicalProfile) {
  const model::Profile profile = tests::parsed(tests::full_profile());
  auto with_lines = rules_of(profile);
  const auto back = parse::parse_canonical(parse::to_canonical(profile));
  ASSERT_TRUE(back.ok());
  for (DecideRule& each : with_lines)
    each.where = {};
  EXPECT_EQ(rules_of(back.value()), with_lines);
}

TEST(RulesOf, HasUniqueIdsAndOneSentenceEach) {
  const auto rules = rules_of(tests::parsed(tests::full_profile()));
  std::set<std::string> ids;
  for (const DecideRule& each : rules) {
    EXPECT_TRUE(ids.insert(each.id).second) << each.id;
    EXPECT_TRUE(each.words.ends_with('.')) << each.words;
    EXPECT_EQ(each.words.find('\n'), std::string::npos);
  }
}

TEST(RulesOf, ALimitSaysHowMuch) {
  const auto rules = rules_of(
      tests::parsed(tests::minimal_profile() + "[limits]\ncpu = \"1.5\"\nmemory = \"64MiB\"\n"));
  EXPECT_EQ(rule(rules, "limits.cpu").words,
            "The workspace has at most 1.5 processors; cpu in [limits] could grant more.");
  EXPECT_EQ(rule(rules, "limits.cpu").where.line, 7);
  EXPECT_EQ(rule(rules, "limits.memory").words,
            "The workspace has at most 64MiB of memory; memory in [limits] could grant more.");
  EXPECT_EQ(rule(rules, "limits.processes").where.line, 0);
}

TEST(RulesOf, NamesTheTableThatCouldGrant) {
  const auto rules = rules_of(tests::parsed(tests::full_profile()));
  EXPECT_THAT(rule(rules, "default:network").words, HasSubstr("[[network]]"));
  EXPECT_THAT(rule(rules, "default:syscall").words, HasSubstr("[grants]"));
  EXPECT_THAT(rule(rules, "default:host-files").words, HasSubstr("[[repository]]"));
  EXPECT_THAT(rule(rules, "repository.app").words, HasSubstr("[[repository]] \"app\""));
  EXPECT_THAT(rule(rules, "repository.app.read.docs").words, HasSubstr("[[repository]] \"app\""));
  EXPECT_THAT(rule(rules, "repository.app.never.deploy").words,
              HasSubstr("[[repository]] \"app\""));
}

}  // namespace
}  // namespace carrel::decide
