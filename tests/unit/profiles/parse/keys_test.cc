// One test per key: docs/profile-reference.md names them.

#include "profiles/parse/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/profiles/sample_profile.h"

namespace carrel::parse {
namespace {

using ::testing::HasSubstr;
using tests::errors_of;
using tests::minimal_profile;
using tests::parsed;
using tests::with_repository;

std::string without_line(const std::string& source, std::string_view start) {
  const size_t at = source.find(start);
  EXPECT_NE(at, std::string::npos);
  return source.substr(0, at) + source.substr(source.find('\n', at) + 1);
}

std::string replaced(std::string source, std::string_view from, std::string_view to) {
  const size_t at = source.find(from);
  EXPECT_NE(at, std::string::npos);
  return source.replace(at, from.size(), to);
}

std::vector<std::string> texts(const std::vector<model::PathEntry>& entries) {
  std::vector<std::string> out;
  for (const model::PathEntry& entry : entries)
    out.push_back(entry.path.text());
  return out;
}

TEST(ProfileKey, ProfileIsARequiredName) {
  EXPECT_EQ(parsed(minimal_profile()).name, "p");
  EXPECT_THAT(errors_of(without_line(minimal_profile(), "profile")),
              HasSubstr("p.toml:1:1: key \"profile\" is missing; add"));
  for (const char* bad : {"\"\"", "\"Upper\"", "\"a/b\"", "\"-a\"", "\"a b\"", "\"ä\"", "\"..\""}) {
    EXPECT_THAT(errors_of(replaced(minimal_profile(), "\"p\"", bad)),
                HasSubstr("p.toml:1:11: profile is no name"))
        << bad;
  }
  EXPECT_EQ(parsed(replaced(minimal_profile(), "\"p\"", '"' + std::string(63, 'a') + '"')).name,
            std::string(63, 'a'));
  EXPECT_THAT(errors_of(replaced(minimal_profile(), "\"p\"", '"' + std::string(64, 'a') + '"')),
              HasSubstr("is no name"));
  EXPECT_THAT(errors_of(replaced(minimal_profile(), "\"p\"", "7")),
              HasSubstr("p.toml:1:1: \"profile\" is an integer; write profile = \"…\""));
}

TEST(ProfileKey, VersionCountsFromOne) {
  EXPECT_EQ(
      parsed(replaced(minimal_profile(), "version = 1", "version = 9007199254740991")).version,
      9007199254740991U);
  EXPECT_THAT(errors_of(without_line(minimal_profile(), "version")),
              HasSubstr("key \"version\" is missing; add version = 1"));
  for (const char* bad : {"0", "-1", "9007199254740992"}) {
    EXPECT_THAT(
        errors_of(replaced(minimal_profile(), "version = 1", std::string("version = ") + bad)),
        HasSubstr("p.toml:2:11: version is"))
        << bad;
  }
  EXPECT_THAT(errors_of(replaced(minimal_profile(), "version = 1", "version = 1.0")),
              HasSubstr("a number with a fraction"));
}

TEST(ProfileKey, SummaryIsOneShortLine) {
  EXPECT_EQ(parsed(minimal_profile()).summary, "s");
  EXPECT_THAT(errors_of(without_line(minimal_profile(), "summary")),
              HasSubstr("\"summary\" is missing"));
  EXPECT_THAT(errors_of(replaced(minimal_profile(), "\"s\"", "\" \"")),
              HasSubstr("summary is empty"));
  EXPECT_THAT(errors_of(replaced(minimal_profile(), "\"s\"", "\"a\\nb\"")), HasSubstr("control"));
  EXPECT_THAT(errors_of(replaced(minimal_profile(), "\"s\"", "\"a\\u202Eb\"")),
              HasSubstr("direction"));
  EXPECT_THAT(errors_of(replaced(minimal_profile(), "\"s\"", '"' + std::string(501, 'x') + '"')),
              HasSubstr("longer than 500 bytes"));
}

TEST(ProfileKey, PurposeIsARequiredTable) {
  EXPECT_THAT(errors_of("profile = \"p\"\nversion = 1\nsummary = \"s\"\n"),
              HasSubstr("key \"purpose\" is missing; add the table [purpose]"));
  EXPECT_THAT(errors_of("purpose = \"x\"\n"), HasSubstr("\"purpose\" is a string"));
}

TEST(ProfileKey, PurposeStatementIsRequiredAndMayHaveLines) {
  EXPECT_THAT(errors_of(without_line(minimal_profile(), "statement")),
              HasSubstr("p.toml:4:1: key \"purpose.statement\" is missing; add statement"));
  EXPECT_EQ(parsed(replaced(minimal_profile(), "\"why\"", "\"a\\nb\"")).purpose.statement, "a\nb");
  EXPECT_THAT(errors_of(replaced(minimal_profile(), "\"why\"", "\"a\\u001Bb\"")),
              HasSubstr("control"));
  EXPECT_THAT(errors_of(replaced(minimal_profile(), "\"why\"", '"' + std::string(4097, 'x') + '"')),
              HasSubstr("longer than 4096 bytes"));
}

TEST(ProfileKey, PurposeUseIsAKnownWord) {
  EXPECT_EQ(parsed(minimal_profile()).purpose.use, model::Use::kDevelopment);
  EXPECT_EQ(parsed(minimal_profile() + "use = \"evaluation\"\n").purpose.use,
            model::Use::kEvaluation);
  EXPECT_EQ(parsed(minimal_profile() + "use = \"testing\"\n").purpose.use, model::Use::kTesting);
  EXPECT_EQ(parsed(minimal_profile() + "use = \"integration\"\n").purpose.use,
            model::Use::kIntegration);
  EXPECT_THAT(
      errors_of(minimal_profile() + "use = \"fun\"\n"),
      HasSubstr("p.toml:6:7: purpose.use = \"fun\" is unknown; write one of \"evaluation\""));
}

TEST(ProfileKey, SessionMaxDurationIsADurationOrNone) {
  EXPECT_EQ(parsed(minimal_profile()).session.max_duration_s, 0U);
  const auto session = parsed(minimal_profile() + "[session]\nmax_duration = \"8h\"\n").session;
  EXPECT_EQ(session.max_duration_s, 28800U);
  EXPECT_EQ(session.max_duration_line.line, 7);
  for (const char* bad : {"\"8\"", "\"h\"", "\"8x\"", "\"-1h\"", "\"1h30m\"", "\"0s\"", "\"31d\"",
                          "\"\"", "8", "\"99999999999d\"", "\" 8h\""}) {
    EXPECT_THAT(errors_of(minimal_profile() + "[session]\nmax_duration = " + bad + "\n"),
                HasSubstr("session.max_duration"))
        << bad;
  }
}

TEST(ProfileKey, SessionAssuranceIsBestUnlessFullIsAsked) {
  EXPECT_EQ(parsed(minimal_profile()).session.assurance, model::AssuranceLevel::kBest);
  EXPECT_EQ(parsed(minimal_profile() + "[session]\nassurance = \"full\"\n").session.assurance,
            model::AssuranceLevel::kFull);
  EXPECT_THAT(errors_of(minimal_profile() + "[session]\nassurance = \"most\"\n"),
              HasSubstr("is unknown"));
}

TEST(ProfileKey, SessionStartAfterIsRecorded) {
  EXPECT_EQ(
      parsed(minimal_profile() + "[session]\nstart_after = \"recorded\"\n").session.start_after,
      model::StartAfter::kRecorded);
  EXPECT_THAT(errors_of(minimal_profile() + "[session]\nstart_after = \"never\"\n"),
              HasSubstr("is unknown; write \"recorded\""));
}

TEST(ProfileKey, SessionKeystrokesAreOff) {
  EXPECT_EQ(parsed(minimal_profile() + "[session]\nkeystrokes = \"off\"\n").session.keystrokes,
            model::Keystrokes::kOff);
  EXPECT_THAT(errors_of(minimal_profile() + "[session]\nkeystrokes = true\n"),
              HasSubstr("is a boolean"));
}

TEST(ProfileKey, SessionOnRecordFailureNeverContinues) {
  EXPECT_EQ(parsed(minimal_profile()).session.on_record_failure, model::OnRecordFailure::kEnd);
  EXPECT_THAT(
      errors_of(minimal_profile() + "[session]\non_record_failure = \"continue\"\n"),
      HasSubstr("p.toml:7:21: session.on_record_failure = \"continue\" is unknown; write \"end\""));
}

TEST(ProfileKey, RepositoryIsAListOfTables) {
  EXPECT_TRUE(parsed(minimal_profile()).repositories.empty());
  EXPECT_EQ(parsed(with_repository()).repositories.size(), 1U);
  EXPECT_EQ(parsed(with_repository()).repositories[0].where, (model::SourceLine{6, 1}));
  EXPECT_THAT(errors_of(minimal_profile() + "[repository]\nname = \"a\"\n"),
              HasSubstr("\"repository\" is a table; write [[repository]] with two brackets"));
  std::string many = minimal_profile();
  for (int i = 0; i < 65; ++i) {
    many +=
        "[[repository]]\nname = \"r" + std::to_string(i) + "\"\nsource = \"/s\"\nref = \"main\"\n";
  }
  EXPECT_THAT(errors_of(many), HasSubstr("more than 64 [[repository]] tables"));
}

TEST(ProfileKey, RepositoryNameIsRequiredAndUnique) {
  EXPECT_EQ(parsed(with_repository()).repositories[0].name, "app");
  EXPECT_THAT(errors_of(without_line(with_repository(), "name =")),
              HasSubstr("p.toml:6:1: key \"repository.name\" is missing"));
  for (const char* bad : {"\"a/b\"", "\"..\"", "\"A\"", "\"\""}) {
    EXPECT_THAT(errors_of(replaced(with_repository(), "\"app\"", bad)),
                HasSubstr("repository.name is no name"));
  }
  EXPECT_THAT(errors_of(with_repository() +
                        "[[repository]]\nname = \"app\"\nsource = \"/x\"\nref = \"m\"\n"),
              HasSubstr("p.toml:10:1: [[repository]] \"app\" stands there twice"));
}

TEST(ProfileKey, RepositorySourceIsAPathThatMayClimb) {
  EXPECT_EQ(parsed(replaced(with_repository(), "/srv/app.git", "../..")).repositories[0].source,
            "../..");
  EXPECT_THAT(errors_of(without_line(with_repository(), "source")),
              HasSubstr("\"repository.source\" is missing"));
  for (const char* bad : {"https://example.org/a.git", "-x", "a\\u0000b", ""}) {
    EXPECT_THAT(errors_of(replaced(with_repository(), "/srv/app.git", bad)),
                HasSubstr("repository.source"))
        << bad;
  }
}

TEST(ProfileKey, RepositoryRefIsARef) {
  for (const char* good : {"main", "refs/heads/x", "HEAD", "v1.0", "0123abcd"}) {
    EXPECT_EQ(parsed(replaced(with_repository(), "\"main\"", '"' + std::string(good) + '"'))
                  .repositories[0]
                  .ref,
              good);
  }
  EXPECT_THAT(errors_of(without_line(with_repository(), "ref")),
              HasSubstr("\"repository.ref\" is missing"));
  for (const char* bad : {"", "a..b", "HEAD~1", "a b", "-x", "/x", "x/", "a:b", "a@{1}", "x*"}) {
    EXPECT_THAT(errors_of(replaced(with_repository(), "\"main\"", '"' + std::string(bad) + '"')),
                HasSubstr("repository.ref is"))
        << bad;
  }
}

TEST(ProfileKey, RepositoryHistoryIsNone) {
  EXPECT_EQ(parsed(with_repository("history = \"none\"\n")).repositories[0].history,
            model::History::kNone);
  EXPECT_THAT(errors_of(with_repository("history = \"all\"\n")),
              HasSubstr("is unknown; write \"none\""));
}

/// What holds for the entries of each of the three lists.
void expect_entry_rules(const std::string& key) {
  for (const char* bad : {"..", "a/../b", "/a", "a//b", "a/", "./a", ".", "", "a\\u0007", "a/*.c",
                          ".git", "a/.GIT/config", "a\\u0000b", "a\\u202Eb"}) {
    EXPECT_THAT(errors_of(with_repository(key + " = [\"" + bad + "\"]\n")),
                HasSubstr("p.toml:10:" + std::to_string(key.size() + 5) + ": repository." + key))
        << bad;
  }
  EXPECT_THAT(errors_of(with_repository(key + " = []\n")), HasSubstr("empty list"));
  EXPECT_THAT(errors_of(with_repository(key + " = \"a\"\n")),
              HasSubstr("is a string; write a list"));
  EXPECT_THAT(errors_of(with_repository(key + " = [3]\n")), HasSubstr("holds an integer"));
  EXPECT_THAT(errors_of(with_repository(key + " = [\"a\", \"a\"]\n")),
              HasSubstr("remove one of the two"));
  EXPECT_THAT(errors_of(with_repository(key + " = [\"a/b\", \"a\"]\n")),
              HasSubstr("which covers it; remove it"));
  EXPECT_THAT(errors_of(with_repository(key + " = [\"" + std::string(256, 'x') + "\"]\n")),
              HasSubstr("longer than 255 bytes"));
}

TEST(ProfileKey, RepositoryReadIsAListOfPaths) {
  const auto repository =
      parsed(with_repository("read = [\"docs\",\n \"a-b\", \"a/b\"]\n")).repositories[0];
  EXPECT_THAT(texts(repository.read), ::testing::ElementsAre("a/b", "a-b", "docs"));
  EXPECT_EQ(repository.read[2].where, (model::SourceLine{10, 9}));
  EXPECT_EQ(repository.read[0].where.line, 11);
  expect_entry_rules("read");
}

TEST(ProfileKey, RepositoryWriteIsAListOfPaths) {
  EXPECT_THAT(texts(parsed(with_repository("write = [\"src\"]\n")).repositories[0].write),
              ::testing::ElementsAre("src"));
  expect_entry_rules("write");
  EXPECT_THAT(
      errors_of(with_repository("read = [\"web\"]\nwrite = [\"web/src\"]\n")),
      HasSubstr(
          "p.toml:11:10: write entry \"web/src\" lies below the read entry \"web\" (line 10): a "
          "writable entry below a read-only one is not supported yet"));
  EXPECT_THAT(
      errors_of(with_repository("read = [\"src/gen\"]\nwrite = [\"src\"]\n")),
      HasSubstr(
          "p.toml:10:9: read entry \"src/gen\" lies below the write entry \"src\" (line 11): a "
          "read-only entry below a writable one is not supported yet"));
}

TEST(ProfileKey, RepositoryNeverWins) {
  const auto repository =
      parsed(
          with_repository("read = [\"a\"]\nwrite = [\"b\"]\nnever = [\"a/x\", \"b/y\", \"z\"]\n"))
          .repositories[0];
  EXPECT_THAT(texts(repository.never), ::testing::ElementsAre("a/x", "b/y", "z"));
  expect_entry_rules("never");
  for (const char* key : {"read", "write"}) {
    EXPECT_THAT(
        errors_of(with_repository("never = [\"a\"]\n" + std::string(key) + " = [\"a/b\"]\n")),
        HasSubstr("lies below the never entry \"a\" (line 10)"));
    EXPECT_THAT(errors_of(with_repository("never = [\"a\"]\n" + std::string(key) + " = [\"a\"]\n")),
                HasSubstr("a never entry hides it and all below; remove one of the two"));
  }
}

TEST(ProfileKey, CredentialIsAListOfTables) {
  EXPECT_TRUE(parsed(minimal_profile()).credentials.empty());
  EXPECT_THAT(errors_of(minimal_profile() + "[credential]\nname = \"a\"\n"),
              HasSubstr("write [[credential]] with two brackets"));
}

const char* const kCredential = "[[credential]]\nname = \"ci\"\naudience = \"https://ci\"\n";

TEST(ProfileKey, CredentialNameIsRequiredAndUnique) {
  EXPECT_EQ(parsed(minimal_profile() + kCredential).credentials[0].name, "ci");
  EXPECT_THAT(errors_of(minimal_profile() + "[[credential]]\naudience = \"a\"\n"),
              HasSubstr("\"credential.name\" is missing"));
  EXPECT_THAT(errors_of(minimal_profile() + replaced(kCredential, "\"ci\"", "\"c/i\"")),
              HasSubstr("credential.name is no name"));
  EXPECT_THAT(errors_of(minimal_profile() + kCredential + kCredential),
              HasSubstr("p.toml:9:1: [[credential]] \"ci\" stands there twice"));
}

TEST(ProfileKey, CredentialKindIsJwt) {
  EXPECT_EQ(parsed(minimal_profile() + kCredential + "kind = \"jwt\"\n").credentials[0].kind,
            model::CredentialKind::kJwt);
  EXPECT_THAT(errors_of(minimal_profile() + kCredential + "kind = \"password\"\n"),
              HasSubstr("is unknown; write one of \"jwt\", \"header\", \"x509\", \"file\""));
}

TEST(ProfileKey, CredentialAudienceIsRequired) {
  EXPECT_EQ(parsed(minimal_profile() + kCredential).credentials[0].audience, "https://ci");
  EXPECT_THAT(errors_of(minimal_profile() + "[[credential]]\nname = \"a\"\n"),
              HasSubstr("\"credential.audience\" is missing"));
  for (const char* bad : {"", "a b", "a\\nb"}) {
    EXPECT_THAT(errors_of(minimal_profile() + replaced(kCredential, "https://ci", bad)),
                HasSubstr("credential.audience"));
  }
}

TEST(ProfileKey, CredentialAlgIsOfATokenAlone) {
  const std::string token = minimal_profile() + kCredential;
  EXPECT_EQ(parsed(token).credentials[0].alg, model::TokenAlg::kEdDsa);
  EXPECT_EQ(parsed(token + "alg = \"ES256\"\n").credentials[0].alg, model::TokenAlg::kEs256);
  EXPECT_EQ(parsed(token + "alg = \"RS256\"\n").credentials[0].alg, model::TokenAlg::kRs256);
  for (const char* bad : {"none", "HS256", "rs256", "PS256", ""}) {
    EXPECT_THAT(errors_of(token + "alg = \"" + bad + "\"\n"),
                HasSubstr("is unknown; write one of \"EdDSA\", \"ES256\", \"RS256\""))
        << bad;
  }
  const std::string file =
      minimal_profile() + "[[credential]]\nname = \"f\"\nkind = \"file\"\nfrom = \"secret:f\"\n";
  EXPECT_EQ(parsed(file).credentials[0].from, "secret:f");
  for (const char* word : {"EdDSA", "RS256"}) {
    EXPECT_THAT(errors_of(file + "alg = \"" + word + "\"\n"),
                HasSubstr("credential.alg is for a jwt"));
  }
}

TEST(ProfileKey, CredentialTtlIsAtMostTenMinutes) {
  EXPECT_EQ(parsed(minimal_profile() + kCredential).credentials[0].ttl_s, 120U);
  EXPECT_EQ(parsed(minimal_profile() + kCredential + "ttl = \"1s\"\n").credentials[0].ttl_s, 1U);
  EXPECT_EQ(parsed(minimal_profile() + kCredential + "ttl = \"10m\"\n").credentials[0].ttl_s, 600U);
  for (const char* bad : {"601s", "11m", "0s", "1h", "2"}) {
    EXPECT_THAT(errors_of(minimal_profile() + kCredential + "ttl = \"" + bad + "\"\n"),
                HasSubstr("p.toml:9:7: credential.ttl"))
        << bad;
  }
}

TEST(ProfileKey, ToolchainIsATable) {
  EXPECT_THAT(errors_of("toolchain = 3\n" + minimal_profile()),
              HasSubstr("write the table [toolchain]"));
}

TEST(ProfileKey, ToolchainRootIsTheHost) {
  EXPECT_EQ(parsed(minimal_profile()).toolchain.root, "host");
  EXPECT_EQ(parsed(minimal_profile() + "[toolchain]\nroot = \"host\"\n").toolchain.root, "host");
  EXPECT_THAT(
      errors_of(minimal_profile() + "[toolchain]\nroot = \"/srv/image\"\n"),
      HasSubstr(
          "p.toml:7:8: toolchain.root = \"/srv/image\" is not supported yet; so far \"host\""));
}

TEST(ProfileKey, SessionIsATable) {
  EXPECT_THAT(errors_of("session = \"x\"\n" + minimal_profile()),
              HasSubstr("write the table [session]"));
}

TEST(ProfileKey, ForwardIsAListOfPorts) {
  EXPECT_TRUE(parsed(minimal_profile()).forwards.empty());
  const auto forwards =
      parsed(minimal_profile() + "[[forward]]\nport = 3000\n[[forward]]\nport = 80\n").forwards;
  ASSERT_EQ(forwards.size(), 2U);
  EXPECT_EQ(forwards[0].port, 80);
  EXPECT_EQ(forwards[1].port, 3000);
}

/// A source in which the key stands at its place, with some value.
std::string source_with(std::string_view key, const std::string& value) {
  const size_t dot = key.find('.');
  if (dot == std::string_view::npos) {
    return std::string(key) + " = " + value + "\n" + minimal_profile();
  }
  const std::string table(key.substr(0, dot));
  const std::string line = std::string(key.substr(dot + 1)) + " = " + value + "\n";
  if (table == "purpose") return minimal_profile() + line;
  if (table == "repository") return with_repository(line);
  if (table == "credential") {
    return minimal_profile() +
           (key == "credential.kind" ? "[[credential]]\nname = \"ci\"\n" : kCredential) + line;
  }
  if (table == "network") {
    return minimal_profile() + "[[network]]\nhost = \"a.example\"\nports = [22]\n" + line;
  }
  return minimal_profile() + "[" + table + "]\n" + line;
}

TEST(ProfileKeys, ThatAreNotEnforcedYetAreRefusedByName) {
  int refused = 0;
  for (const NotYet& row : not_yet()) {
    if (!row.value.empty()) continue;
    ++refused;
    const std::string errors = errors_of(source_with(row.key, "1"));
    EXPECT_THAT(errors, HasSubstr("key \"" + std::string(row.key) +
                                  "\" is not supported yet; remove it (" + std::string(row.why)));
    EXPECT_EQ(errors.find('\n'), std::string::npos) << errors;
  }
  EXPECT_GE(refused, 7) << "the reserved tables are always there";
}

TEST(ProfileKeys, ValuesThatAreNotEnforcedYetAreRefusedByName) {
  for (const NotYet& row : not_yet()) {
    if (row.value.empty() || row.value == "*") continue;
    // Without the rows of the tables above it, which would speak first.
    std::vector<NotYet> rows(not_yet().begin(), not_yet().end());
    std::erase_if(rows, [&row](const NotYet& other) {
      return other.value.empty() && row.key.starts_with(std::string(other.key) + ".");
    });
    const std::string value = '"' + std::string(row.value) + '"';
    const auto read = parse_profile(source_with(row.key, value), "p.toml", rows);
    ASSERT_FALSE(read.ok()) << row.key << value;
    EXPECT_THAT(read.error().what,
                HasSubstr(std::string(row.key) + " = " + value + " is not supported yet; "));
  }
}

TEST(ProfileKeys, ThatAreNotEnforcedYetAreKnown) {
  std::vector<std::pair<std::string_view, std::string_view>> seen;
  for (const NotYet& row : not_yet()) {
    EXPECT_NE(find_key(row.key), nullptr) << row.key;
    EXPECT_FALSE(row.why.empty()) << row.key;
    seen.emplace_back(row.key, row.value);
  }
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end());
}

TEST(ProfileKeys, AreUniqueAndTheirTablesAreKnown) {
  std::vector<std::string_view> seen;
  for (const KeySpec& spec : known_keys()) {
    EXPECT_EQ(std::count(seen.begin(), seen.end(), spec.name), 0) << spec.name;
    const size_t dot = spec.name.rfind('.');
    if (dot != std::string_view::npos) {
      EXPECT_EQ(std::count(seen.begin(), seen.end(), spec.name.substr(0, dot)), 1) << spec.name;
    }
    seen.push_back(spec.name);
  }
}

TEST(ProfileKeys, UnknownOnesNameTheNearest) {
  EXPECT_THAT(
      errors_of("versoin = 1\n" + minimal_profile()),
      HasSubstr(
          "p.toml:1:1: unknown key \"versoin\" at the top; the nearest known key is \"version\""));
  EXPECT_THAT(errors_of(with_repository("raed = [\"a\"]\n")),
              HasSubstr("p.toml:10:1: unknown key \"raed\" in [[repository]]; the nearest known "
                        "key is \"read\""));
  EXPECT_THAT(errors_of("max_duration = \"1h\"\n" + minimal_profile()),
              HasSubstr("the nearest known key is \"session.max_duration\""));
  EXPECT_THAT(errors_of("\"session.hours\" = 1\n" + minimal_profile()), HasSubstr("unknown key"));
  EXPECT_THAT(errors_of("\"a\\u001Bb\" = 1\n" + minimal_profile()),
              HasSubstr("unknown key \"a\\x1bb\""));
}

}  // namespace
}  // namespace carrel::parse
