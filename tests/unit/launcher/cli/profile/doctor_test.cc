#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launcher/cli/profile/doctor_verb.h"
#include "launcher/cli/profile/host.h"
#include "profiles/parse/parse.h"
#include "tests/unit/launcher/box/plan/sample_facts.h"
#include "tests/unit/profiles/sample_profile.h"

namespace carrel::profile {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::pair<int, std::string> doctor(const std::vector<std::string>& words,
                                   const plan::HostFacts& facts) {
  std::FILE* out = std::tmpfile();
  const int code = run_doctor(
      words, [&facts] { return facts; }, [] { return probe::way_out_of(1, "no tproxy\n"); }, out,
      out);
  std::string text(static_cast<size_t>(std::ftell(out)), '\0');
  std::rewind(out);
  text.resize(std::fread(text.data(), 1, text.size(), out));
  std::fclose(out);
  return {code, text};
}

TEST(DoctorVerb, AnswersByWhetherWorkspacesCanBeOpened) {
  const auto [code, text] = doctor({}, plan::hybrid_host());
  EXPECT_EQ(code, 0);
  EXPECT_THAT(text, HasSubstr("guarantees:"));
  EXPECT_THAT(text, HasSubstr("  missing  way-out")) << "which workspaces can do without";
  const auto [lacking, missing] = doctor({}, plan::HostFacts{});
  EXPECT_EQ(lacking, 1);
  EXPECT_THAT(missing, HasSubstr("not ready"));
}

TEST(DoctorVerb, KnowsJsonHelpAndNothingElse) {
  EXPECT_THAT(doctor({"--json"}, plan::hybrid_host()).second, StartsWith("{\"v\":1,"));
  EXPECT_THAT(doctor({"--help"}, {}).second, StartsWith("usage: carrel doctor"));
  EXPECT_EQ(doctor({"--frob"}, {}).first, 1);
  EXPECT_THAT(doctor({"--attack", "x"}, {}).second, HasSubstr("not supported yet"));
}

TEST(PlanText, ShowsThePlanOrWhatIsMissing) {
  const auto parsed = parse::parse_profile(tests::full_profile(), "full.toml");
  ASSERT_TRUE(parsed.ok()) << parsed.error().what;
  plan::HostFacts facts = plan::hybrid_host();
  model::Profile profile = parsed.value().profile;
  profile.session.assurance = model::AssuranceLevel::kBest;
  const std::string text = plan_text(profile, facts);
  EXPECT_THAT(text, StartsWith("what would be built on this host"));
  for (const model::Repository& repository : profile.repositories)
    EXPECT_THAT(text, HasSubstr("/workspaces/" + repository.name));
  facts.user_namespaces = false;
  EXPECT_THAT(plan_text(profile, facts), HasSubstr("cannot be opened"));
}

TEST(PlanText, BindsOnlyReadEntriesWithoutWritablePathsBelow) {
  const auto entry = [](const char* path) {
    return model::PathEntry{RelPath::parse(path).take(), {}};
  };
  model::Profile profile;
  model::Repository repository;
  repository.name = "app";
  repository.read = {entry("docs"), entry("web")};
  repository.write = {entry("web/widgets")};
  profile.repositories = {repository};
  const auto views = expected_views(profile);
  ASSERT_EQ(views.size(), 1U);
  ASSERT_EQ(views[0].read_only.size(), 1U);
  EXPECT_EQ(views[0].read_only[0].path.text(), "docs");
}

}  // namespace
}  // namespace carrel::profile
