// What an admin reads before granting a profile, as files.

#include "profiles/explain/explain.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "profiles/decide/rules.h"
#include "profiles/parse/canonical.h"
#include "profiles/schema/schema.h"
#include "tests/support/golden.h"
#include "tests/unit/profiles/sample_profile.h"

namespace carrel {
namespace {

std::string file_text(const std::string& path) {
  std::ifstream file(std::string(CARREL_SOURCE_DIR) + "/" + path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void expect_explained(const std::string& name, const std::string& source) {
  tests::expect_golden(CARREL_SOURCE_DIR, "tests/golden/profiles/" + name,
                       explain::explain(tests::parsed(source)));
}

TEST(ExplainGolden, MinimalProfile) {
  expect_explained("minimal.txt", tests::minimal_profile());
}
TEST(ExplainGolden, FullProfile) {
  expect_explained("full.txt", tests::full_profile());
}

TEST(ExplainGolden, WholeLanguage) {
  tests::expect_golden(CARREL_SOURCE_DIR, "tests/golden/profiles/whole.txt",
                       explain::explain(tests::parsed_whole(tests::whole_profile())));
}

TEST(SchemaGolden, OfThisProgram) {
  tests::expect_golden(CARREL_SOURCE_DIR, "tests/golden/profiles/schema.json",
                       schema::json_schema());
}

TEST(SchemaGolden, OfTheWholeLanguage) {
  tests::expect_golden(CARREL_SOURCE_DIR, "tests/golden/profiles/schema_whole.json",
                       schema::json_schema({}));
}

TEST(ExplainGolden, DemoOfTheLibrary) {
  const auto result = parse::parse_profile(file_text("profiles/library/demo.toml"), "demo.toml");
  ASSERT_TRUE(result.ok()) << result.error().what;
  EXPECT_TRUE(result.value().warnings.empty());
  tests::expect_golden(CARREL_SOURCE_DIR, "tests/golden/profiles/demo.txt",
                       explain::explain(result.value().profile));
}

TEST(RulesGolden, FullProfile) {
  std::string text;
  for (const decide::DecideRule& rule : decide::rules_of(tests::parsed(tests::full_profile()))) {
    text += std::to_string(rule.where.line) + " " + rule.id + ": " + rule.words + "\n";
  }
  tests::expect_golden(CARREL_SOURCE_DIR, "tests/golden/profiles/rules.txt", text);
}

}  // namespace
}  // namespace carrel
