// `extends`: how files become one profile, and that a child only narrows.

#include "profiles/parse/resolve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "profiles/parse/canonical.h"
#include "tests/unit/profiles/sample_profile.h"

namespace carrel::parse {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Files = std::map<std::string, std::string>;

Result<ResolvedProfile> resolve_with(const std::string& source, const Files& files) {
  const Lookup lookup = [&files](std::string_view name) -> Result<std::string> {
    const auto found = files.find(std::string(name));
    if (found == files.end()) return Error{"no such file"};
    return found->second;
  };
  return resolve(source, "dir/p.toml", lookup, {});
}

/// A child of `parents`; what is appended begins on line 7.
std::string child(const std::string& parents, const std::string& more) {
  return "profile = \"p\"\nversion = 1\nsummary = \"s\"\nextends = [" + parents +
         "]\n[purpose]\nstatement = \"why\"\n" + more;
}

model::Profile resolved(const std::string& source, const Files& files) {
  auto result = resolve_with(source, files);
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().what);
  return result.ok() ? result.take().profile : model::Profile{};
}

std::string refusal(const std::string& source, const Files& files) {
  const auto result = resolve_with(source, files);
  return result.ok() ? "(accepted)" : result.error().what;
}

std::vector<std::string> texts(const std::vector<model::PathEntry>& entries) {
  std::vector<std::string> out;
  for (const model::PathEntry& entry : entries)
    out.push_back(entry.path.text());
  return out;
}

const std::string kWholeParent = R"(profile = "parent"
version = 1
summary = "s"
[purpose]
statement = "why"
[session]
max_duration = "4h"
[[repository]]
name = "app"
source = "/srv/app.git"
ref = "main"
read = ["docs", "web"]
write = ["src"]
never = ["src/secrets"]
[[credential]]
name = "ci"
audience = "https://ci"
ttl = "60s"
)";

TEST(Extends, TakesOverWhatTheChildDoesNotSay) {
  const Files files = {{"base/x", "[session]\nmax_duration = \"8h\"\nidle_timeout = \"30m\"\n"}};
  const model::Profile profile =
      resolved(child("\"base/x\"", "[session]\nmax_duration = \"2h\"\n"), files);
  EXPECT_EQ(profile.session.max_duration_s, 7200U);
  EXPECT_EQ(profile.session.max_duration_line, (model::SourceLine{8, 1, 0}));
  EXPECT_EQ(profile.session.idle_timeout_s, 1800U);
  EXPECT_EQ(profile.session.idle_timeout_line, (model::SourceLine{3, 1, 1}));
}

TEST(Extends, GivesTheSameBytesAsOneFileThatSaysIt) {
  const Files files = {{"./x.toml", kWholeParent}};
  const std::string one_file = "profile = \"p\"\nversion = 1\nsummary = \"s\"\n" +
                               kWholeParent.substr(kWholeParent.find("[purpose]"));
  EXPECT_EQ(to_canonical(resolved(child("\"./x.toml\"", ""), files)),
            to_canonical(tests::parsed(one_file)));
}

TEST(Extends, MergesTablesByName) {
  const Files files = {{"./x.toml", kWholeParent}};
  const model::Profile profile = resolved(
      child("\"./x.toml\"",
            "[[repository]]\nname = \"app\"\nread = [\"docs/api\"]\nnever = [\"docs/api/old\"]\n"
            "[[credential]]\nname = \"ci\"\nttl = \"30s\"\n"),
      files);
  ASSERT_EQ(profile.repositories.size(), 1U);
  EXPECT_EQ(profile.repositories[0].source, "/srv/app.git");
  EXPECT_THAT(texts(profile.repositories[0].read), ElementsAre("docs/api"));
  EXPECT_THAT(texts(profile.repositories[0].write), ElementsAre("src"));
  EXPECT_THAT(texts(profile.repositories[0].never), ElementsAre("docs/api/old", "src/secrets"));
  ASSERT_EQ(profile.credentials.size(), 1U);
  EXPECT_EQ(profile.credentials[0].audience, "https://ci");
  EXPECT_EQ(profile.credentials[0].ttl_s, 30U);
  EXPECT_EQ(profile.repositories[0].where, (model::SourceLine{7, 1, 0}));
  EXPECT_EQ(profile.repositories[0].write[0].where.file, 1);
}

TEST(Extends, AnEmptyListTakesNoneOfTheParents) {
  const Files files = {{"./x.toml", kWholeParent}};
  EXPECT_TRUE(resolved("credential = []\n" + child("\"./x.toml\"", ""), files).credentials.empty());
  const auto repository =
      resolved(child("\"./x.toml\"", "[[repository]]\nname = \"app\"\nwrite = []\n"), files)
          .repositories[0];
  EXPECT_TRUE(repository.write.empty());
  EXPECT_EQ(repository.read.size(), 2U);
  EXPECT_THAT(refusal(child("\"./x.toml\"", "recipients = []\n"), files), HasSubstr("empty list"));
  EXPECT_THAT(refusal("network = []\n" + child("\"./x.toml\"", ""), files),
              HasSubstr("empty list"));
}

TEST(Extends, WhatIsIssuedOnRequestIsNarrowerThanFromTheStart) {
  const std::string parent =
      "profile = \"x\"\nversion = 1\nsummary = \"s\"\n[purpose]\nstatement = \"t\"\n"
      "[[credential]]\nname = \"ci\"\naudience = \"https://ci\"\n";
  const auto ci = [](const char* issue) {
    return "[[credential]]\nname = \"ci\"\nissue = \"" + std::string(issue) + "\"\n";
  };
  EXPECT_EQ(refusal(child("\"./x.toml\"", ci("request")), {{"./x.toml", parent}}), "(accepted)");
  const Files asked = {{"./x.toml", parent + "issue = \"request\"\n"}};
  EXPECT_EQ(refusal(child("\"./x.toml\"", ci("request")), asked), "(accepted)");
  EXPECT_THAT(refusal(child("\"./x.toml\"", ci("start")), asked),
              HasSubstr("x.toml:credential.ci.issue"));
}

TEST(Extends, AChildOfAWholeProfileGainsNothing) {
  const Files files = {{"./x.toml", kWholeParent}};
  const std::string app = "[[repository]]\nname = \"app\"\n";
  const std::pair<std::string, std::string> rows[] = {
      {"[session]\nmax_duration = \"5h\"\n", "x.toml:session.max_duration"},
      {app + "read = [\"docs\", \"etc\"]\n", "x.toml:repository.app\""},
      {app + "write = [\"docs\"]\nread = [\"web\"]\n", "x.toml:repository.app.read.docs"},
      {app + "ref = \"dev\"\n", "x.toml:repository.app.ref"},
      {app + "source = \"/srv/other.git\"\n", "x.toml:repository.app.source"},
      {app + "history = \"squashed\"\n", "x.toml:repository.app.history"},
      {"[[repository]]\nname = \"aux\"\nsource = \"/a\"\nref = \"m\"\nread = [\"a\"]\n",
       "x.toml:repository.aux"},
      {"[[credential]]\nname = \"ci\"\nttl = \"61s\"\n", "x.toml:credential.ci.ttl"},
      {"[[credential]]\nname = \"ci\"\naudience = \"https://x\"\n",
       "x.toml:credential.ci.audience"},
      {"[[credential]]\nname = \"cd\"\naudience = \"https://x\"\n", "x.toml:credential.cd"},
      {"[[network]]\nhost = \"a.example\"\nports = [1]\n", "x.toml:network.a.example"},
      {"[[forward]]\nport = 80\n", "x.toml:forward.80"},
      {"[limits]\nmemory = \"5GiB\"\n", "x.toml:limits.memory"},
      {"[limits]\nprocesses = 513\n", "x.toml:limits.processes"},
      {"[toolchain]\nroot = \"/srv/image\"\n", "x.toml:toolchain.root"},
      {"[toolchain]\npackages = [\"gcc\"]\n", "x.toml:toolchain.packages"},
      {"[session]\nkeystrokes = \"full\"\n", "x.toml:session.keystrokes"},
      {"[retention]\nrecord = \"1y\"\n", "x.toml:retention.record"},
      {"[[interface]]\nname = \"a\"\npath = \"a\"\n", "x.toml:interface.a"},
  };
  EXPECT_EQ(refusal(child("\"./x.toml\"", ""), files), "(accepted)");
  for (const auto& [more, rule] : rows) {
    const std::string text = refusal(child("\"./x.toml\"", more), files);
    EXPECT_THAT(text, HasSubstr("which \"./x.toml\" does not allow")) << more;
    EXPECT_THAT(text, HasSubstr("of = \"./" + rule)) << more;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    const std::string widened = more + "[[widen]]\nof = \"./" + rule.substr(0, rule.find('"')) +
                                "\"\nreason = \"r\"\napproved_by = \"lena\"\n";
    EXPECT_EQ(refusal(child("\"./x.toml\"", widened), files), "(accepted)");
  }
}

TEST(Extends, NamesPlaceRuleAndWhatToWrite) {
  const Files files = {{"base/x", "[session]\nmax_duration = \"4h\"\n"}};
  EXPECT_EQ(refusal(child("\"base/x\"", "[session]\nmax_duration = \"5h\"\n"), files),
            "dir/p.toml:8:1: lets a session last 5h, which \"base/x\" does not allow (4h); take it "
            "out, or add [[widen]] with of = \"base/x:session.max_duration\", reason and "
            "approved_by");
}

TEST(Extends, APartDeniesOnlyWhatItSpeaksOf) {
  const Files files = {{"base/x",
                        "summary = \"a part\"\n[[repository]]\nname = \"app\"\nnever = "
                        "[\"keys\"]\n[limits]\nmemory = \"1GiB\"\n"},
                       {"base/closed", "network = []\ncredential = []\n"}};
  const std::string app =
      "[[repository]]\nname = \"app\"\nsource = \"/a\"\nref = \"m\"\nread = [\"a\"]\n";
  const model::Profile profile = resolved(
      child("\"base/x\"", app + "[[network]]\nhost = \"a.example\"\nports = [1]\n[limits]\ndisk = "
                                "\"20GiB\"\n"),
      files);
  EXPECT_EQ(profile.limits.memory_bytes, uint64_t{1} << 30);
  EXPECT_THAT(texts(profile.repositories[0].never), ElementsAre("keys"));
  EXPECT_THAT(refusal(child("\"base/x\"", app + "write = [\"keys/x\"]\n"), files),
              HasSubstr("lies below the never entry \"keys\""));
  EXPECT_THAT(refusal(child("\"base/x\"", "[limits]\nmemory = \"2GiB\"\n"), files),
              HasSubstr("base/x:limits.memory"));
  EXPECT_THAT(refusal(child("\"base/x\"",
                            "[[repository]]\nname = \"aux\"\nsource = \"/a\"\nref = "
                            "\"m\"\nread = [\"a\"]\n"),
                      files),
              HasSubstr("base/x:repository.aux"));
  EXPECT_TRUE(resolved(child("\"base/x\"", ""), files).repositories.empty())
      << "it says nothing of where the repository is: it holds for those that have it";
  EXPECT_EQ(refusal(child("\"base/closed\"", app), files), "(accepted)");
  EXPECT_THAT(
      refusal(child("\"base/closed\"", "[[credential]]\nname = \"c\"\naudience = \"a\"\n"), files),
      HasSubstr("base/closed:credential.c"));
}

TEST(Extends, ALaterParentGoesOverAnEarlierOneAndBothHold) {
  const Files files = {{"base/a", "[session]\nmax_duration = \"4h\"\n"},
                       {"base/b", "[session]\nmax_duration = \"8h\"\nidle_timeout = \"5m\"\n"}};
  EXPECT_EQ(resolved(child("\"base/b\", \"base/a\"", ""), files).session.max_duration_s, 14400U);
  EXPECT_THAT(refusal(child("\"base/a\", \"base/b\"", ""), files),
              HasSubstr("base/b:2:1: lets a session last 8h, which \"base/a\" does not allow"));
  EXPECT_EQ(resolved(child("\"base/a\", \"base/b\"", "[session]\nmax_duration = \"1h\"\n"), files)
                .session.idle_timeout_s,
            300U);
}

TEST(Extends, AChainNarrowsStepByStep) {
  const Files files = {
      {"base/top", "credential = []\n[session]\nmax_duration = \"8h\"\n"},
      {"base/mid", "extends = [\"base/top\"]\n[session]\nmax_duration = \"4h\"\n"},
      {"base/bad", "extends = [\"base/top\"]\n[session]\nmax_duration = \"9h\"\n"},
      {"base/wide",
       "extends = [\"base/top\"]\n[session]\nmax_duration = \"9h\"\n[[widen]]\nof = "
       "\"base/top:session\"\nreason = \"r\"\napproved_by = \"lena\"\n"}};
  EXPECT_EQ(resolved(child("\"base/mid\"", ""), files).session.max_duration_s, 14400U);
  EXPECT_THAT(refusal(child("\"base/mid\"", "[session]\nmax_duration = \"5h\"\n"), files),
              HasSubstr("\"base/mid\" does not allow"));
  EXPECT_THAT(
      refusal(child("\"base/mid\"", "[[credential]]\nname = \"c\"\naudience = \"a\"\n"), files),
      HasSubstr("base/mid:credential.c"))
      << "what the grandparent closed stays closed";
  EXPECT_THAT(refusal(child("\"base/bad\"", ""), files),
              HasSubstr("base/bad:3:1: lets a session last 9h, which \"base/top\""));
  EXPECT_EQ(resolved(child("\"base/wide\"", ""), files).session.max_duration_s, 32400U);
  EXPECT_TRUE(resolved(child("\"base/wide\"", ""), files).widened.empty()) << "its own only";
}

TEST(Extends, APartOfAWholeProfileIsAsClosedAsThat) {
  const Files files = {{"./x.toml", kWholeParent}, {"./part.toml", "extends = [\"./x.toml\"]\n"}};
  EXPECT_EQ(refusal(child("\"./part.toml\"", ""), files), "(accepted)");
  EXPECT_THAT(
      refusal(child("\"./part.toml\"", "[[network]]\nhost = \"a.example\"\nports = [1]\n"), files),
      HasSubstr("./part.toml:network.a.example"));
}

TEST(Extends, AWidenNamesParentAndRule) {
  const Files files = {{"base/x", "[session]\nmax_duration = \"4h\"\n"}};
  const auto widened = [&](const std::string& of) {
    return refusal(child("\"base/x\"", "[session]\nmax_duration = \"5h\"\n[[widen]]\nof = \"" + of +
                                           "\"\nreason = \"r\"\napproved_by = \"lena\"\n"),
                   files);
  };
  EXPECT_EQ(widened("base/x:session.max_duration"), "(accepted)");
  EXPECT_EQ(widened("base/x:session"), "(accepted)");
  EXPECT_THAT(widened("base/x:session.max"), HasSubstr("does not allow"));
  EXPECT_THAT(widened("base/x:session.max_duration.x"), HasSubstr("does not allow"));
  EXPECT_THAT(widened("base/y:session.max_duration"),
              HasSubstr("names \"base/y\", which this file does not extend"));
  const auto useless = resolve_with(
      child("\"base/x\"",
            "[[widen]]\nof = \"base/x:session\"\nreason = \"r\"\napproved_by = \"lena\"\n"),
      files);
  ASSERT_TRUE(useless.ok());
  EXPECT_THAT(useless.value().warnings,
              ElementsAre(HasSubstr("dir/p.toml:7:1: [[widen]] of "
                                    "\"base/x:session\" widens nothing")));
  EXPECT_THAT(
      refusal(tests::minimal_profile() +
                  "[[widen]]\nof = \"base/x:session\"\nreason = \"r\"\napproved_by = \"l\"\n",
              files),
      HasSubstr("does not extend"));
}

TEST(Extends, AWidenDoesNotReachOverDotsInNames) {
  const Files files = {{"./x.toml",
                        "network = []\n[[repository]]\nname = \"app\"\nread = "
                        "[\"package.json\", \"docs\"]\n"}};
  const auto widened = [&](const std::string& more, const std::string& rule) {
    return refusal(child("\"./x.toml\"", more + "[[widen]]\nof = \"./x.toml:" + rule +
                                             "\"\nreason = \"r\"\napproved_by = \"lena\"\n"),
                   files);
  };
  const std::string app =
      "[[repository]]\nname = \"app\"\nsource = \"/a\"\nref = \"m\"\nread = "
      "[\"docs\"]\nwrite = [\"package.json\"]\n";
  EXPECT_EQ(widened(app, "repository.app.read.package.json"), "(accepted)");
  EXPECT_EQ(widened(app, "repository.app.read"), "(accepted)");
  EXPECT_EQ(widened(app, "repository.app"), "(accepted)");
  EXPECT_THAT(widened(app, "repository.app.read.package"), HasSubstr("does not allow"));
  const std::string host = "[[network]]\nhost = \"a.example.org\"\nports = [1]\n";
  const std::string repository = "[[repository]]\nname = \"app\"\nsource = \"/a\"\nref = \"m\"\n";
  EXPECT_EQ(widened(repository + host, "network.a.example.org"), "(accepted)");
  EXPECT_EQ(widened(repository + host, "network"), "(accepted)");
  EXPECT_THAT(widened(repository + host, "network.a"), HasSubstr("does not allow"));
}

TEST(Extends, AWidenStandsInTheResolvedProfile) {
  const Files files = {{"base/x", "[session]\nmax_duration = \"4h\"\n"}};
  const model::Profile profile =
      resolved(child("\"base/x\"",
                     "[session]\nmax_duration = \"5h\"\n[[widen]]\nof = "
                     "\"base/x:session\"\nreason = \"r\"\napproved_by = \"lena\"\n"),
               files);
  const std::string canonical = to_canonical(profile);
  EXPECT_THAT(canonical, HasSubstr(R"("widen":[{"approved_by":"lena","of":"base/x:session",)"
                                   R"("reason":"r"}]})"));
  const auto back = parse_canonical(canonical);
  ASSERT_TRUE(back.ok()) << back.error().what;
  EXPECT_EQ(back.value(), without_lines(profile));
}

TEST(Extends, RefusesCirclesAndNamesTheChain) {
  const Files files = {{"base/a", "extends = [\"base/b\"]\n"},
                       {"base/b", "extends = [\"base/c\"]\n"},
                       {"base/c", "extends = [\"base/a\"]\n"},
                       {"base/self", "extends = [\"base/self\"]\n"}};
  EXPECT_THAT(refusal(child("\"base/a\"", ""), files),
              HasSubstr("base/c:1:12: extends \"base/a\" goes in a circle: dir/p.toml -> base/a -> "
                        "base/b -> base/c -> base/a"));
  EXPECT_THAT(refusal(child("\"base/self\"", ""), files), HasSubstr("base/self -> base/self"));
}

TEST(Extends, BoundsDepthNumberAndBytes) {
  Files chain;
  for (int i = 0; i < 8; ++i) {
    chain["base/f" + std::to_string(i)] =
        i == 7 ? "summary = \"s\"\n" : "extends = [\"base/f" + std::to_string(i + 1) + "\"]\n";
  }
  EXPECT_EQ(refusal(child("\"base/f1\"", ""), chain), "(accepted)") << "eight files deep";
  EXPECT_THAT(refusal(child("\"base/f0\"", ""), chain), HasSubstr("more than 8 deep"));
  Files wide;
  std::string all;
  for (int i = 0; i < 3; ++i) {
    std::string inner;
    for (int j = 0; j < 6; ++j) {
      const std::string name = "base/w" + std::to_string(i) + "-" + std::to_string(j);
      wide[name] = "summary = \"s\"\n";
      inner += '"' + name + "\",";
    }
    wide["base/w" + std::to_string(i)] = "extends = [" + inner + "]\n";
    all += "\"base/w" + std::to_string(i) + "\",";
  }
  EXPECT_THAT(refusal(child(all, ""), wide), HasSubstr("more than 16 files"));
  const Files big = {{"base/a", std::string(600000, '#')}, {"base/b", std::string(600000, '#')}};
  EXPECT_EQ(refusal(child("\"base/a\"", ""), big), "(accepted)");
  EXPECT_THAT(refusal(child("\"base/a\", \"base/b\"", ""), big), HasSubstr("more than 1 MiB"));
  std::string nine;
  for (int i = 0; i < 9; ++i)
    nine += "\"base/a" + std::to_string(i) + "\",";
  EXPECT_THAT(refusal(child(nine, ""), {}), HasSubstr("extends names more than 8"));
}

TEST(Extends, ReadsASharedParentOnce) {
  const Files files = {{"base/top", "[session]\nmax_duration = \"8h\"\n"},
                       {"base/a", "extends = [\"base/top\"]\n"},
                       {"base/b", "extends = [\"base/top\"]\n"}};
  const auto result = resolve_with(child("\"base/a\", \"base/b\"", ""), files);
  ASSERT_TRUE(result.ok()) << result.error().what;
  EXPECT_EQ(result.value().parents.size(), 3U);
  EXPECT_EQ(resolve(child("\"base/a\", \"base/b\"", ""), "dir/p.toml",
                    lookup_in(result.value().parents), {})
                .value()
                .profile,
            result.value().profile)
      << "the sources that were used are enough";
}

TEST(Extends, NamesAreOfTheLibraryOrOfTheFolder) {
  for (const char* good : {"base/contractor", "demo", "a/b/c", "./x.toml", "./a b.toml"})
    EXPECT_EQ(check_parent_name(good), std::nullopt) << good;
  for (const char* bad :
       {"", "/etc/x.toml", "../x.toml", "./../x.toml", "./a/x.toml", "./x", "./.toml", "x.toml",
        "base/", "/base", "a//b", "base/../x", "Base/x", "./", "./a\\u001b.toml"}) {
    EXPECT_THAT(refusal(child('"' + std::string(bad) + '"', ""), {}),
                HasSubstr("extends: is no profile to extend"))
        << bad;
  }
  EXPECT_THAT(refusal(child("\"base/none\"", ""), {}),
              HasSubstr("dir/p.toml:4:12: extends \"base/none\" cannot be read: no such file"));
  EXPECT_THAT(refusal(child("\"a\", \"a\"", ""), {{"a", "summary = \"s\"\n"}}),
              HasSubstr("has \"a\" twice"));
  const Files files = {{"base/a", "extends = [\"./x.toml\"]\n"},
                       {"./x.toml", "summary = \"s\"\n"},
                       {"base/r", "[[repository]]\nname = \"a\"\nsource = \"../a\"\n"}};
  EXPECT_THAT(refusal(child("\"base/a\"", ""), files), HasSubstr("a library extends only"));
  EXPECT_THAT(refusal(child("\"base/r\"", ""), files), HasSubstr("is relative; in a library"));
}

TEST(Extends, SaysInWhichFileAnErrorStands) {
  const Files files = {{"./x.toml", "[session]\nmax_duration = 3\nfoo = 1\n"}, {"base/y", "x = ["}};
  const std::string text = refusal(child("\"./x.toml\"", ""), files);
  EXPECT_THAT(text, HasSubstr("dir/x.toml:2:1: \"session.max_duration\" is an integer"));
  EXPECT_THAT(text, HasSubstr("dir/x.toml:3:1: unknown key \"foo\""));
  EXPECT_THAT(refusal(child("\"base/y\"", ""), files), HasSubstr("base/y:1:"));
}

TEST(Extends, AWholeParentMustBeAProfile) {
  const Files files = {{"./x.toml", "profile = \"x\"\n"}};
  EXPECT_THAT(refusal(child("\"./x.toml\"", ""), files),
              HasSubstr("dir/x.toml:1:1: key \"version\" is missing"));
}

TEST(Extends, OfAProfileAloneIsWhatParseProfileReads) {
  EXPECT_EQ(resolved(tests::whole_profile(), {}), tests::parsed_whole(tests::whole_profile()));
  const std::string source = tests::full_profile();
  EXPECT_EQ(resolved(source, {}), tests::parsed(source));
  EXPECT_THAT(tests::errors_of(child("\"base/x\"", "")), HasSubstr("only the profile itself"));
}

}  // namespace
}  // namespace carrel::parse
