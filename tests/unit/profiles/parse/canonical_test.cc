#include "profiles/parse/canonical.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/record/evidence/sha256.h"
#include "profiles/base/text.h"
#include "tests/unit/profiles/sample_profile.h"
#include "tests/unit/profiles/vectors.h"

namespace carrel::parse {
namespace {

using tests::full_profile;
using tests::minimal_profile;
using tests::parsed;

std::string sha256_hex(std::string_view bytes) {
  return to_hex(evidence::as_view(evidence::Sha256().of(bytes)));
}

TEST(CanonicalProfile, WritesEveryDefaultOut) {
  EXPECT_EQ(to_canonical(parsed(minimal_profile())),
            R"({"credential":[],"profile":"p","purpose":{"statement":"why","use":"development"},)"
            R"("repository":[],"session":{"assurance":"best","keystrokes":"off","max_duration":0,)"
            R"("on_record_failure":"end","start_after":"recorded"},"summary":"s",)"
            R"("toolchain":{"root":"host"},"version":1})");
}

TEST(CanonicalProfile, AgreesWithItsVectors) {
  const std::vector<tests::ProfileVector> vectors = tests::profile_vectors();
  ASSERT_GE(vectors.size(), 5U);
  for (const tests::ProfileVector& vector : vectors) {
    const std::string canonical = to_canonical(tests::parsed_whole(vector.toml));
    EXPECT_EQ(canonical, vector.canonical) << vector.name;
    EXPECT_EQ(sha256_hex(canonical), vector.sha256) << vector.name;
  }
}

TEST(CanonicalProfile, DoesNotDependOnLayoutOrOrder) {
  const std::string other = R"(# reordered
toolchain = { root = "host" }
version = 3
profile = 'dashboard-fix'
summary = """Fix widgets. "Caf\u00E9" only."""
[[credential]]
ttl = "90s"
kind = "jwt"
name = "ci"
audience = "https://ci.example.org"
[[repository]]
write = ["lib"]
ref = "refs/tags/v1"
source = "/srv/git/aux.git"
name = "aux"
[[repository]]
name = "app"
source = "../app.git"
ref = "main"
never = ["deploy", "web/src/secrets"]
write = ["web/src"]
read = ["package.json", "docs"]
[purpose]
use = "testing"
statement = "Ticket FE-1432"
[session]
assurance = "full"
max_duration = "480m"
)";
  EXPECT_EQ(to_canonical(parsed(other)), to_canonical(parsed(full_profile())));
  EXPECT_EQ(without_lines(parsed(other)), without_lines(parsed(full_profile())));
}

TEST(CanonicalProfile, EscapesAsPythonDoes) {
  model::Profile profile = parsed(minimal_profile());
  profile.summary = std::string("\"\\/\n\r\t\f\b\x01\x1f\x7f é🎉\0", 18 + 2);
  const std::string canonical = to_canonical(profile);
  EXPECT_NE(canonical.find("\"\\\"\\\\/\\n\\r\\t\\f\\b\\u0001\\u001f\x7f é🎉"), std::string::npos)
      << canonical;
}

TEST(CanonicalProfile, ReadsBackWhatItWrote) {
  for (const std::string& source : {minimal_profile(), full_profile()}) {
    const model::Profile profile = parsed(source);
    const auto back = parse_canonical(to_canonical(profile));
    ASSERT_TRUE(back.ok()) << back.error().what;
    EXPECT_EQ(back.value(), without_lines(profile));
  }
}

TEST(CanonicalProfile, RefusesEveryShortenedForm) {
  const std::string canonical = to_canonical(parsed(full_profile()));
  for (size_t length = 0; length < canonical.size(); ++length) {
    EXPECT_FALSE(parse_canonical(canonical.substr(0, length)).ok()) << length;
  }
  EXPECT_FALSE(parse_canonical(canonical + " ").ok());
  EXPECT_FALSE(parse_canonical(canonical + canonical).ok());
}

TEST(CanonicalProfile, AcceptsNoSecondSpelling) {
  const std::string canonical = to_canonical(parsed(full_profile()));
  for (size_t at = 0; at < canonical.size(); ++at) {
    for (const char byte : std::string_view("\0\x1f\"\\ ,:[]{}/+-019Aae_~\x7f\xff", 24)) {
      std::string changed = canonical;
      changed[at] = byte;
      const auto result = parse_canonical(changed);
      if (result.ok()) {
        ASSERT_EQ(to_canonical(result.value()), changed);
      }
    }
  }
}

/// Replaces one piece of the full profile's canonical form.
std::string changed(std::string_view from, std::string_view to) {
  std::string canonical = to_canonical(parsed(full_profile()));
  const size_t at = canonical.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return canonical.replace(at, from.size(), to);
}

TEST(CanonicalProfile, ChecksWhatAnotherProgramSent) {
  EXPECT_TRUE(parse_canonical(changed("\"ttl\":90", "\"ttl\":600")).ok());
  EXPECT_FALSE(parse_canonical(changed("\"ttl\":90", "\"ttl\":601")).ok());
  EXPECT_FALSE(parse_canonical(changed("\"ttl\":90", "\"ttl\":090")).ok());
  EXPECT_FALSE(parse_canonical(changed("\"ttl\":90", "\"ttl\":18446744073709551706")).ok());
  EXPECT_FALSE(parse_canonical(changed("\"version\":3", "\"version\":0")).ok());
  EXPECT_FALSE(parse_canonical(changed("\"name\":\"app\"", "\"name\":\"../app\"")).ok());
  EXPECT_FALSE(parse_canonical(changed("\"name\":\"app\"", "\"name\":\"zzz\"")).ok())
      << "not sorted";
  EXPECT_FALSE(parse_canonical(changed("\"docs\"", "\"../docs\"")).ok());
  EXPECT_FALSE(parse_canonical(changed("\"docs\"", "\"deploy\"")).ok()) << "read at a never";
  EXPECT_FALSE(parse_canonical(changed("\"docs\"", "\"docs\",\"docs\"")).ok());
  EXPECT_FALSE(parse_canonical(changed("\"root\":\"host\"", "\"root\":\"/\"")).ok());
  EXPECT_FALSE(parse_canonical(changed("\"off\"", "\"full\"")).ok());
  EXPECT_FALSE(parse_canonical(changed("Ticket", "T\\u001bcket")).ok());
  EXPECT_FALSE(parse_canonical(changed("Ticket", "T\xff")).ok());
  EXPECT_FALSE(parse_canonical(changed("\"use\"", "\"Use\"")).ok());
  EXPECT_FALSE(parse_canonical(std::string(kMaxCanonicalBytes + 1, '{')).ok());
}

}  // namespace
}  // namespace carrel::parse
