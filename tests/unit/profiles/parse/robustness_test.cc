// Hostile sources: whatever the bytes are, the parser answers, and grants only what it knows.

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "profiles/parse/canonical.h"
#include "profiles/parse/keys.h"
#include "tests/unit/profiles/sample_profile.h"

namespace carrel::parse {
namespace {

constexpr int kRounds = 20000;

/// One of a few ways to damage a source: bytes changed, dropped, doubled or moved.
std::string mutated(std::string source, std::mt19937_64& random) {
  static constexpr std::string_view kPieces[] = {"[[", "]]",   "\"\"\"", "'''",       " = ",
                                                 ".",  "\n",   "#",      "\\u0000",   "{",
                                                 "}",  "\xff", "never",  "repository"};
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  for (size_t round = 1 + below(4); round > 0 && !source.empty(); --round) {
    const size_t at = below(source.size());
    const size_t length = std::min(source.size() - at, 1 + below(24));
    switch (below(5)) {
      case 0:
        source[at] = static_cast<char>(random());
        break;
      case 1:
        source.erase(at, length);
        break;
      case 2:
        source.insert(at, source.substr(at, length));
        break;
      case 3:
        source.insert(at, kPieces[below(std::size(kPieces))]);
        break;
      default:
        source.insert(below(source.size()), source.substr(at, length));
        break;
    }
  }
  return source;
}

TEST(ParseProfile, SurvivesDamagedSources) {
  std::mt19937_64 random(20261124);
  int accepted = 0;
  for (int i = 0; i < kRounds; ++i) {
    const std::string source = mutated(tests::full_profile(), random);
    const auto result = parse_profile(source, "p.toml");
    if (!result.ok()) {
      ASSERT_FALSE(result.error().what.empty());
      continue;
    }
    ++accepted;
    const auto back = parse_canonical(to_canonical(result.value().profile));
    ASSERT_TRUE(back.ok()) << source;
    ASSERT_EQ(back.value(), without_lines(result.value().profile)) << source;
  }
  EXPECT_GT(accepted, kRounds / 100) << "the damage must leave something to accept";
  EXPECT_LT(accepted, kRounds / 2);
}

TEST(ParseProfile, SurvivesDamagedSourcesOfTheWholeLanguage) {
  std::mt19937_64 random(20261125);
  int accepted = 0;
  for (int i = 0; i < kRounds; ++i) {
    const std::string source = mutated(tests::whole_profile(), random);
    const auto result = parse_profile(source, "p.toml", {});
    if (!result.ok()) {
      ASSERT_FALSE(result.error().what.empty());
      continue;
    }
    ++accepted;
    const auto back = parse_canonical(to_canonical(result.value().profile), {});
    ASSERT_TRUE(back.ok()) << back.error().what << source;
    ASSERT_EQ(back.value(), without_lines(result.value().profile)) << source;
  }
  EXPECT_GT(accepted, kRounds / 100) << "the damage must leave something to accept";
  EXPECT_LT(accepted, kRounds / 2);
}

TEST(ParseProfile, NeverAcceptsAnUnknownKey) {
  std::mt19937_64 random(4242);
  const std::string source = tests::full_profile();
  std::vector<size_t> line_starts = {0};
  for (size_t i = 0; i + 1 < source.size(); ++i) {
    if (source[i] == '\n') line_starts.push_back(i + 1);
  }
  for (int i = 0; i < kRounds / 4; ++i) {
    std::string key(1 + random() % 10, 'a');
    for (char& c : key)
      c = static_cast<char>('a' + random() % 26);
    const bool known = std::any_of(
        known_keys().begin(), known_keys().end(),
        [&](const KeySpec& spec) { return spec.name == key || spec.name.ends_with("." + key); });
    if (known) continue;
    std::string changed = source;
    changed.insert(line_starts[random() % line_starts.size()], key + " = \"host\"\n");
    ASSERT_FALSE(parse_profile(changed, "p.toml").ok()) << changed;
  }
}

TEST(CanonicalProfile, SurvivesDamage) {
  std::mt19937_64 random(99);
  const std::string canonical = to_canonical(tests::parsed_whole(tests::whole_profile()));
  for (int i = 0; i < kRounds; ++i) {
    const std::string bytes = mutated(canonical, random);
    const auto result = parse_canonical(bytes, {});
    if (result.ok()) {
      ASSERT_EQ(to_canonical(result.value()), bytes);
    }
  }
}

}  // namespace
}  // namespace carrel::parse
