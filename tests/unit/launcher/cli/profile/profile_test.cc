#include "launcher/cli/profile/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/support/folder.h"
#include "tests/unit/profiles/sample_profile.h"

namespace carrel::profile {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Answer {
  int code = 0;
  std::string out;
  std::string err;
};

std::string text_of(std::FILE* file) {
  std::string text(static_cast<size_t>(std::ftell(file)), '\0');
  std::rewind(file);
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

Answer run(const std::vector<std::string>& arguments, const Hooks& hooks = {}) {
  std::FILE* out = std::tmpfile();
  std::FILE* err = std::tmpfile();
  Answer answer;
  answer.code = run_profile(arguments, hooks, out, err);
  answer.out = text_of(out);
  answer.err = text_of(err);
  return answer;
}

class ProfileVerb : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    const std::string path = folder_ / name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  support::Folder folder_;
};

TEST_F(ProfileVerb, CheckNamesAValidProfile) {
  const Answer answer = run({"check", write("good.toml", tests::full_profile())});
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.out, "ok: dashboard-fix version 3: Fix widgets. \"Café\" only.\n");
  EXPECT_EQ(answer.err, "");
}

TEST_F(ProfileVerb, CheckPrintsTheDigestOfTheCanonicalForm) {
  Hooks hooks;
  hooks.sha256_hex = [](std::string_view bytes) {
    EXPECT_TRUE(bytes.starts_with("{\"credential\":"));
    return std::string("abcd");
  };
  const Answer answer = run({"check", write("digest.toml", tests::minimal_profile())}, hooks);
  EXPECT_THAT(answer.out, HasSubstr("\ndigest: sha256:abcd\n"));
}

TEST_F(ProfileVerb, CheckTellsErrorsWithTheirPlaceAndExitsOne) {
  const std::string path = write("bad.toml", "versoin = 1\n" + tests::minimal_profile());
  const Answer answer = run({"check", path});
  EXPECT_EQ(answer.code, 1);
  EXPECT_EQ(answer.out, "");
  EXPECT_THAT(answer.err, StartsWith(path + ":1:1: unknown key \"versoin\""));
}

TEST_F(ProfileVerb, CheckWarnsAndStillExitsZero) {
  const std::string path = write("warn.toml", tests::with_repository());
  const Answer answer = run({"check", path});
  EXPECT_EQ(answer.code, 0);
  EXPECT_THAT(answer.err, StartsWith("warning: " + path + ":6:1: "));
}

TEST_F(ProfileVerb, MissingFilesExitTwo) {
  const Answer answer = run({"check", "/nonexistent/p.toml"});
  EXPECT_EQ(answer.code, 2);
  EXPECT_THAT(answer.err, HasSubstr("open profile \"/nonexistent/p.toml\": ENOENT"));
  EXPECT_EQ(run({"explain", "/nonexistent/p.toml"}).code, 2);
}

TEST_F(ProfileVerb, RefusesWhatIsNoRegularFile) {
  EXPECT_EQ(run({"check", "/dev/zero"}).code, 1);
  EXPECT_EQ(run({"check", "/"}).code, 1);
  const std::string fifo = folder_ / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(run({"check", fifo}).code, 1);
}

TEST_F(ProfileVerb, RefusesALargeFile) {
  const Answer answer = run({"check", write("large.toml", std::string((1 << 20) + 1, '#'))});
  EXPECT_EQ(answer.code, 1);
  EXPECT_THAT(answer.err, HasSubstr("larger than 1 MiB"));
}

TEST_F(ProfileVerb, ChecksSeveralFilesAndExitsWithTheWorst) {
  const std::string good = write("one.toml", tests::minimal_profile());
  const Answer answer = run({"check", good, "/nonexistent", write("two.toml", "x")});
  EXPECT_EQ(answer.code, 2);
  EXPECT_THAT(answer.out, StartsWith("ok: p version 1"));
}

TEST_F(ProfileVerb, ExplainSaysWordsAndThenThePlan) {
  Hooks hooks;
  hooks.plan_text = [](const model::Profile& profile) { return "plan of " + profile.name + "\n"; };
  const Answer answer = run({"explain", write("explain.toml", tests::full_profile())}, hooks);
  EXPECT_EQ(answer.code, 0);
  EXPECT_THAT(answer.out, StartsWith("Profile \"dashboard-fix\", version 3"));
  EXPECT_TRUE(answer.out.ends_with("\nplan of dashboard-fix\n"));
}

TEST_F(ProfileVerb, ChecksWithWhatAProfileExtends) {
  write("common.toml", "[session]\nmax_duration = \"2h\"\n");
  std::filesystem::create_directories(std::string(folder_.path()) + "/library/base");
  write("library/base/x.toml", "[session]\nmax_duration = \"4h\"\n");
  Hooks hooks;
  hooks.library = std::string(folder_.path()) + "/library";
  const std::string child =
      write("child.toml", "extends = [\"base/x\", \"./common.toml\"]\n" + tests::minimal_profile());
  EXPECT_THAT(run({"explain", child}, hooks).out, HasSubstr("a session ends after 2h."));
  const Answer wide =
      run({"check", write("wide.toml", "extends = [\"base/x\"]\n" + tests::minimal_profile() +
                                           "[session]\nmax_duration = \"5h\"\n")},
          hooks);
  EXPECT_EQ(wide.code, 1);
  EXPECT_THAT(wide.err, HasSubstr("wide.toml:8:1: lets a session last 5h"));
  EXPECT_EQ(run({"check", child}).code, 1) << "without a library";
}

TEST_F(ProfileVerb, LintTellsFindingsAndExitsOneForGraveOnes) {
  const Answer grave =
      run({"lint", write("l.toml", tests::with_repository("write = [\".github\"]\n"))});
  EXPECT_EQ(grave.code, 1);
  EXPECT_THAT(grave.out, HasSubstr("l.toml:10:10: danger: \".github\" may be changed and says what "
                                   "the company's builds run"));
  EXPECT_THAT(grave.out, HasSubstr("[repository.app.write..github]\n"));
  EXPECT_THAT(grave.out, HasSubstr("l.toml: warning: no time limit ends a session"));
  const Answer fine = run(
      {"lint", write("f.toml", tests::with_repository("write = [\"src/web\"]\n") +
                                   "[session]\nmax_duration = \"8h\"\nassurance = \"full\"\n")});
  EXPECT_EQ(fine.code, 0) << fine.out;
  EXPECT_THAT(fine.out, HasSubstr("0 graver than a note\n"));
  EXPECT_THAT(run({"lint", write("o.toml", tests::minimal_profile() + "[session]\n"
                                                                      "max_duration = \"8h\"\n"
                                                                      "idle_timeout = \"30m\"\n")})
                  .out,
              HasSubstr("o.toml: 1 finding, 0 graver than a note\n"));
  EXPECT_EQ(run({"lint", "/nonexistent"}).code, 2);
}

TEST_F(ProfileVerb, DiffSaysWhatBecomesAllowed) {
  Hooks hooks;
  hooks.sha256_hex = [](std::string_view bytes) { return std::to_string(bytes.size()); };
  const std::string before =
      write("a.toml", tests::with_repository("read = [\"docs\", \"etc\"]\n"));
  const std::string after =
      write("b.toml", tests::with_repository("read = [\"docs\"]\nwrite = [\"src\"]\n") +
                          "[session]\nmax_duration = \"8h\"\n");
  const Answer answer = run({"diff", before, after}, hooks);
  EXPECT_EQ(answer.code, 0);
  EXPECT_THAT(answer.out, StartsWith("- " + before + ": p version 1, sha256:"));
  EXPECT_THAT(answer.out,
              HasSubstr("Becomes allowed:\n"
                        "  repository.app: writes \"src\" of repository \"app\"\n"
                        "Stops being allowed:\n"
                        "  repository.app: reads \"etc\" of repository \"app\"\n"
                        "  session.max_duration: lets a session last no limit (now 8h)\n"));
  EXPECT_THAT(run({"diff", before, before}).out, HasSubstr("Both allow the same.\n"));
  EXPECT_EQ(run({"diff", before}).code, 1);
  EXPECT_EQ(run({"diff", before, "/nonexistent"}).code, 2);
}

TEST_F(ProfileVerb, TestHoldsCasesAgainstAProfile) {
  const std::string profile = write("p.toml", tests::with_repository("read = [\"docs\"]\n"));
  const std::string good = write("good.toml",
                                 "[[case]]\nread = \"app/docs/a\"\nexpect = \"allowed\"\nrule = "
                                 "\"repository.app.read.docs\"\n");
  EXPECT_EQ(run({"test", profile, good}).code, 0);
  EXPECT_THAT(run({"test", profile, good}).out, HasSubstr("p.toml: 1 of 1 cases hold\n"));
  const std::string bad =
      write("bad.toml", "[[case]]\nwrite = \"app/docs/a\"\nexpect = \"allowed\"\n");
  const Answer answer = run({"test", profile, good, bad});
  EXPECT_EQ(answer.code, 1);
  EXPECT_THAT(answer.out, HasSubstr("bad.toml:1:1: write \"app/docs/a\" is denied by "
                                    "repository.app.read.docs, expected allowed\n"));
  EXPECT_EQ(run({"test", profile}).code, 1);
  EXPECT_EQ(run({"test", profile, "/nonexistent"}).code, 2);
}

TEST_F(ProfileVerb, NewBeginsAProfileThatNamesWhatIsLeftToDo) {
  const Answer answer = run({"new", "fix-1"});
  EXPECT_EQ(answer.code, 0);
  EXPECT_THAT(answer.out, StartsWith("profile = \"fix-1\"\n"));
  EXPECT_EQ(run({"new", "No Name"}).code, 1);
  Hooks hooks;
  hooks.library = std::string(CARREL_SOURCE_DIR) + "/profiles/library";
  EXPECT_THAT(run({"check", write("new.toml", answer.out)}, hooks).err,
              HasSubstr("repository.name is no name: \"TODO\""));
}

TEST_F(ProfileVerb, SchemaIsJson) {
  const Answer answer = run({"schema"});
  EXPECT_EQ(answer.code, 0);
  EXPECT_THAT(answer.out, StartsWith("{\n  \"$schema\": "));
  EXPECT_EQ(run({"schema", "x"}).code, 1);
}

TEST_F(ProfileVerb, NamesVerbsThatAreNotBuiltYet) {
  for (const char* verb : {"learn", "tighten"}) {
    const Answer answer = run({verb, "x"});
    EXPECT_EQ(answer.code, 1);
    EXPECT_EQ(answer.err, "carrel profile " + std::string(verb) + ": not supported yet\n");
  }
}

TEST_F(ProfileVerb, TellsItsUsage) {
  const Answer help = run({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, StartsWith("usage: carrel profile check FILE"));
  EXPECT_EQ(run({"check", "--help"}).out, help.out);
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {}, {"chek"}, {"check"}, {"check", "--fast", "x"}, {"explain", "--"}}) {
    const Answer answer = run(wrong);
    EXPECT_EQ(answer.code, 1);
    EXPECT_EQ(answer.out, "");
    EXPECT_THAT(answer.err, HasSubstr("usage: carrel profile check FILE"));
  }
}

}  // namespace
}  // namespace carrel::profile
