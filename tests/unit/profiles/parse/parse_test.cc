#include "profiles/parse/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/profiles/sample_profile.h"

namespace carrel::parse {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using tests::errors_of;
using tests::minimal_profile;
using tests::parsed;
using tests::with_repository;

TEST(ParseProfile, AcceptsEveryEnforcedKey) {
  const model::Profile profile = parsed(tests::full_profile());
  EXPECT_EQ(profile.name, "dashboard-fix");
  EXPECT_EQ(profile.summary, "Fix widgets. \"Café\" only.");
  ASSERT_EQ(profile.repositories.size(), 2U);
  EXPECT_EQ(profile.repositories[0].name, "app");
  EXPECT_EQ(profile.repositories[0].where.line, 16);
  ASSERT_EQ(profile.credentials.size(), 1U);
  EXPECT_EQ(profile.credentials[0].ttl_s, 90U);
}

TEST(ParseProfile, ResolvesDefaults) {
  model::Profile expected;
  expected.name = "p";
  expected.version = 1;
  expected.summary = "s";
  expected.purpose.statement = "why";
  EXPECT_EQ(parsed(minimal_profile()), expected);
}

TEST(ParseProfile, TellsAllErrorsInOrderOfTheSource) {
  EXPECT_EQ(errors_of("summary = \"s\"\nversio = 1\nextends = []\n[purpose]\nstatement = 3\n"),
            "p.toml:1:1: key \"profile\" is missing; add profile = \"…\" at the top\n"
            "p.toml:1:1: key \"version\" is missing; add version = 1 at the top\n"
            "p.toml:2:1: unknown key \"versio\" at the top; the nearest known key is \"version\"\n"
            "p.toml:3:11: extends is an empty list; name something or leave it out\n"
            "p.toml:5:1: \"purpose.statement\" is an integer; write statement = \"…\"");
}

TEST(ParseProfile, TellsAtMostTwentyErrors) {
  std::string source = minimal_profile();
  for (int i = 0; i < 100; ++i)
    source += "k" + std::to_string(i) + " = 1\n";
  const std::string errors = errors_of(source);
  EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 19);
}

TEST(ParseProfile, NamesThePlaceOfATomlError) {
  EXPECT_THAT(errors_of("profile = \"p\"\nversion = \n"), StartsWith("p.toml:2:"));
  EXPECT_THAT(errors_of("profile = \"p\"\nprofile = \"q\"\n"), HasSubstr("p.toml:2:"));
  EXPECT_THAT(errors_of("a = \"x\n"), HasSubstr("not valid TOML"));
}

TEST(ParseProfile, QuotesTheFileName) {
  const auto result = parse_profile("x", "a\x1b[31m.toml");
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.error().what, StartsWith("a\\x1b[31m.toml:1:"));
}

TEST(ParseProfile, BoundsItsInput) {
  std::string source = minimal_profile() + "#";
  source.resize(kMaxSourceBytes, 'x');
  EXPECT_EQ(parsed(source).name, "p");
  EXPECT_THAT(errors_of(source + "x"), HasSubstr("larger than 1 MiB"));
  std::string entries;
  for (int i = 0; i <= 2000; ++i)
    entries += "\"f" + std::to_string(i) + "\",";
  EXPECT_THAT(errors_of(with_repository("read = [" + entries + "]\n")),
              HasSubstr("more than 2000 path entries"));
  std::string long_entries;
  for (int i = 0; i < 700; ++i)
    long_entries += "\"" + std::string(200, 'x') + std::to_string(i) + "\",";
  EXPECT_THAT(errors_of(with_repository("read = [" + long_entries + "]\n")),
              HasSubstr("resolved profile is larger than 131072 bytes"));
}

TEST(ParseProfile, RefusesWhatCouldExhaustTheStack) {
  std::string dots;
  for (int i = 0; i < 300000; ++i)
    dots += "a.";
  EXPECT_THAT(errors_of(dots + "a = 1\n"), HasSubstr("more than 32 dots"));
  EXPECT_THAT(errors_of("[" + dots + "a]\n"), HasSubstr("more than 32 dots"));
  EXPECT_THAT(errors_of("x = [\"\"\"a\"\"\"\"\", {" + dots + "a = 1}]\n"),
              HasSubstr("more than 32 dots"));
  EXPECT_THAT(errors_of("x = ['''a\n'b''''', {" + dots + "a = 1}]\n"),
              HasSubstr("more than 32 dots"));
  EXPECT_THAT(errors_of("a = " + std::string(400000, '[')), HasSubstr("not valid TOML"));
  std::string tables = "a = ";
  for (int i = 0; i < 100000; ++i)
    tables += "{b = ";
  EXPECT_THAT(errors_of(tables), HasSubstr("not valid TOML"));
}

TEST(ParseProfile, AllowsDotsInText) {
  const std::string dots(200, '.');
  EXPECT_EQ(parsed("# " + dots + "\n" + minimal_profile() + "# \"" + dots + "\n").name, "p");
  std::string source = minimal_profile();
  source.replace(source.find("why"), 3, dots + " \\\" " + dots);
  EXPECT_EQ(parsed(source).purpose.statement, dots + " \" " + dots);
}

TEST(ParseProfile, RefusesBytesThatAreNoText) {
  EXPECT_THAT(errors_of("a\xff"), HasSubstr("not UTF-8"));
  EXPECT_THAT(errors_of(std::string("# a\0b\n", 6)),
              HasSubstr("p.toml:1:4: control character \\x00"));
  EXPECT_THAT(errors_of("x = 1\r# y\n"), HasSubstr("control character"));
}

TEST(ParseProfile, RefusesWhatTheLibraryAssertsAgainst) {
  const std::string words = "not valid TOML: something in this line";
  for (const std::string source : {"[.", "[[=", "[\n", "[#", "[ \xc3\xa4]", "a=[}", "a=[\xc2\x85",
                                   "a=[{b=[}", "a=1979-05-27t\\P=100:001e5,", "a=1979-05-27 x:"}) {
    const std::string errors = errors_of(source);
    EXPECT_THAT(errors, HasSubstr("p.toml:1:")) << source;
    EXPECT_THAT(errors, HasSubstr("not valid TOML")) << source;
    EXPECT_THAT(errors_of("a = \"\"\"\n[.\"\"\"\n" + source), HasSubstr("p.toml:3:")) << source;
  }
  EXPECT_THAT(errors_of("[.\nb = 1\n"), HasSubstr("p.toml:1:1: " + words));
  EXPECT_THAT(errors_of("a = [\n1,\n}\n]\nb = 1\n[.]\n"), HasSubstr("p.toml:3:1: " + words));
}

// Built with the sanitizers, this fails where the library runs into undefined behaviour.
TEST(ParseProfile, ReadsLettersBeyondAscii) {
  for (const char* source :
       {"a\xc3\xa4 = 1\n", "[a\xc3\xa4]\n", "a = 1'''\xc3\xa4\n", "a = [1\xc3\xa4]\n"}) {
    EXPECT_THAT(errors_of(source), HasSubstr("not valid TOML")) << source;
  }
  std::string source = minimal_profile();
  source.replace(source.find("\"why\""), 5, "\"\"\"w\\\n\xc3\xa4\"\"\"");
  EXPECT_EQ(parsed(source).purpose.statement, "w\xc3\xa4");
}

TEST(ParseProfile, ReadsWindowsLineEnds) {
  std::string source;
  for (const char c : minimal_profile())
    source += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_EQ(parsed(source), parsed(minimal_profile()));
}

TEST(ParseProfile, WarnsOfAPathThatIsReadAndWrite) {
  const auto result =
      parse_profile(with_repository("read = [\"a\", \"b\"]\nwrite = [\"b\"]\n"), "p.toml");
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(
      result.value().warnings,
      ::testing::ElementsAre("p.toml:10:14: read entry \"b\" is also in write, which implies read: "
                             "it is writable"));
  EXPECT_EQ(result.value().profile.repositories[0].read.size(), 1U);
}

TEST(ParseProfile, WarnsOfARepositoryThatExposesNothing) {
  const auto result = parse_profile(with_repository("never = [\"a\"]\n"), "p.toml");
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(result.value().warnings,
              ::testing::ElementsAre(HasSubstr("p.toml:6:1: [[repository]] \"app\" has "
                                               "no read and no write")));
}

}  // namespace
}  // namespace carrel::parse
