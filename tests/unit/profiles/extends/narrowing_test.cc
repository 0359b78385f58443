// The property behind `extends`: a child without [[widen]] allows nothing that its parent denies.
// Random parents and children are resolved; those that are accepted answer concrete questions.

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "profiles/parse/merge.h"
#include "profiles/parse/resolve.h"
#include "profiles/parse/tables.h"
#include "tests/unit/profiles/extends/probes.h"
#include "tests/unit/profiles/extends/random_profile.h"

namespace carrel::parse {
namespace {

constexpr int kRounds = 2000;

/// Resolves a child of one parent; what is refused is nothing.
std::optional<ResolvedProfile> child_of(const std::string& child, const std::string& parent) {
  const UsedSource source{"./x.toml", parent};
  auto result = resolve(child, "p.toml", lookup_in(std::span(&source, 1)), {});
  if (!result.ok()) return std::nullopt;
  return result.take();
}

/// The first thing that the child may do and the parent may not; "" for none.
std::string first_gain(const model::Profile& child, const model::Profile& parent) {
  const std::vector<tests::Probe> wanted = tests::probes(child);
  const std::vector<tests::Probe> granted = tests::probes(parent);
  EXPECT_EQ(wanted.size(), granted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].allowed && !granted[i].allowed) return wanted[i].words;
  }
  return "";
}

/// What a refused child asked for, widened: one [[widen]] for every rule that the refusals name.
std::string widened(const std::string& child, const std::string& refusals) {
  std::string out = child;
  const std::string mark = "with of = \"";
  std::vector<std::string> seen;
  for (size_t at = refusals.find(mark); at != std::string::npos; at = refusals.find(mark, at)) {
    at += mark.size();
    const std::string of = refusals.substr(at, refusals.find('"', at) - at);
    if (std::count(seen.begin(), seen.end(), of) > 0) continue;
    seen.push_back(of);
    out += "[[widen]]\nof = \"" + of + "\"\nreason = \"r\"\napproved_by = \"l\"\n";
  }
  return seen.empty() ? "" : out;
}

TEST(Narrowing, AChildAllowsNothingThatItsWholeParentDenies) {
  std::mt19937_64 random(20261126);
  int accepted = 0;
  int differing = 0;
  for (int i = 0; i < kRounds; ++i) {
    const std::string parent = tests::random_source(random, true, "");
    const auto alone = resolve(parent, "x.toml", lookup_in({}), {});
    if (!alone.ok()) continue;
    const std::string child = "profile = \"c\"\nversion = 1\nsummary = \"s\"\n" +
                              tests::random_source(random, false, "\"./x.toml\"");
    const auto result = child_of(child, parent);
    if (!result) continue;
    ++accepted;
    const std::string gain = first_gain(result->profile, alone.value().profile);
    ASSERT_EQ(gain, "") << "parent:\n" << parent << "\nchild:\n" << child;
    if (!first_gain(alone.value().profile, result->profile).empty()) ++differing;
  }
  EXPECT_GT(accepted, kRounds / 50) << "too few to mean anything";
  EXPECT_GT(differing, 5) << "some have to narrow";
}

TEST(Narrowing, AChildThatIsWidenedDoesAllowMore) {
  std::mt19937_64 random(7);
  int gained = 0;
  for (int i = 0; i < kRounds / 8; ++i) {
    const std::string parent = tests::random_source(random, true, "");
    const auto alone = resolve(parent, "x.toml", lookup_in({}), {});
    if (!alone.ok()) continue;
    const std::string child = "profile = \"c\"\nversion = 1\nsummary = \"s\"\n" +
                              tests::random_source(random, false, "\"./x.toml\"");
    const UsedSource source{"./x.toml", parent};
    const auto refused = resolve(child, "p.toml", lookup_in(std::span(&source, 1)), {});
    if (refused.ok()) continue;
    const std::string wider = widened(child, refused.error().what);
    const auto result = wider.empty() ? std::nullopt : child_of(wider, parent);
    if (result && !first_gain(result->profile, alone.value().profile).empty()) ++gained;
  }
  EXPECT_GT(gained, 20) << "the questions must be able to see a gain";
}

/// Whether a part that speaks of these keys denies what it does not grant under `key`.
bool speaks_of(const compare::Said& said, const std::string& key) {
  const size_t first = key.find('.');
  const size_t last = key.rfind('.');
  if (first == std::string::npos || first == last) return said.has(key);
  const std::string item = key.substr(0, last);
  const bool there = said.has(item + ".name") || said.has(item + ".host");
  if (!there) return said.has(key.substr(0, first));
  if (key.ends_with(".entries")) return said.has(item + ".read") || said.has(item + ".write");
  return said.has(key);
}

TEST(Narrowing, AChildAllowsNothingThatAPartDeniesWhereItSpeaks) {
  std::mt19937_64 random(99);
  int accepted = 0;
  int denied = 0;
  for (int i = 0; i < kRounds; ++i) {
    const std::string part = tests::random_source(random, false, "");
    const std::string child = tests::random_source(random, true, "\"./x.toml\"");
    const auto result = child_of(child, part);
    if (!result) continue;
    ++accepted;
    Problems problems;
    Warnings warnings;
    Value tree;
    ASSERT_TRUE(read_toml(part, 1, tree, problems));
    const model::Profile alone =
        read_tables(tree, {problems, {}, Notation::kSource, true}, warnings);
    const compare::Said said = said_by(tree);
    const std::vector<tests::Probe> wanted = tests::probes(result->profile);
    const std::vector<tests::Probe> granted = tests::probes(alone);
    ASSERT_EQ(wanted.size(), granted.size());
    for (size_t k = 0; k < wanted.size(); ++k) {
      if (granted[k].allowed || !speaks_of(said, granted[k].speaks)) continue;
      ++denied;
      ASSERT_FALSE(wanted[k].allowed) << wanted[k].words << "\npart:\n"
                                      << part << "\nchild:\n"
                                      << child;
    }
  }
  EXPECT_GT(accepted, kRounds / 50);
  EXPECT_GT(denied, 1000);
}

/// The rules under which a child with these lines in its [[network]] gains over such a parent.
std::string network_gains(const std::string& child, const std::string& parent) {
  const auto profile_of = [](const std::string& more) {
    auto result = parse_profile(
        "profile = \"p\"\nversion = 1\nsummary = \"s\"\n[purpose]\n"
        "statement = \"w\"\n[[network]]\nhost = \"a.b\"\nports = [443]\n" +
            more + "\n",
        "p.toml", {});
    EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().what);
    return result.ok() ? result.take().profile : model::Profile{};
  };
  std::string rules;
  for (const compare::Gain& gain :
       compare::gains(profile_of(child), profile_of(parent), compare::Said::everything()))
    rules += gain.rule + " ";
  return rules;
}

TEST(Narrowing, OfNetworksLooksAtEveryPartOfARequest) {
  const auto http = [](const std::string& text) { return "http = [{ " + text + " }]"; };
  const std::string get = "methods = [\"GET\"], path = \"/a\"";
  const std::string any = "methods = [\"GET\", \"POST\"], path = \"/**\"";
  const std::string fetch = "preset = \"git-fetch\", repository = \"/a/b\"";
  const std::string push = "preset = \"git-push\", repository = \"/a/b\", refs = ";
  const std::string gain = "network.a.b.http ";
  EXPECT_EQ(network_gains(http(get), http(any)), "");
  EXPECT_EQ(network_gains(http(any), http(get)), gain);
  for (const char* more : {", upgrade = true", ", escaped_slash = true", ", headers = [\"x-a\"]"}) {
    EXPECT_EQ(network_gains(http(get + more), http(any)), gain) << more;
    EXPECT_EQ(network_gains(http(get + more), ""), gain) << "every request has neither" << more;
    EXPECT_EQ(network_gains(http(get + more), http(any + more)), "") << more;
    EXPECT_EQ(network_gains(http(get + more), "mode = \"passthrough\""), "") << more;
  }
  EXPECT_EQ(network_gains(http(fetch), http(push + "[\"refs/heads/x\"]")), "");
  EXPECT_EQ(network_gains(http(push + "[\"refs/heads/x\"]"), http(fetch)), gain);
  EXPECT_EQ(network_gains(http(push + "[\"refs/heads/x\"]"), http(push + "[\"refs/heads/*\"]")),
            "");
  EXPECT_EQ(network_gains(http(push + "[\"refs/heads/*\"]"), http(push + "[\"refs/heads/x\"]")),
            gain);
  EXPECT_EQ(network_gains(http(get), http(fetch)), gain);
  EXPECT_EQ(network_gains(http("preset = \"git-fetch\", repository = \"/a/c\""), http(fetch)),
            gain);
  const std::string post = "methods = [\"POST\"], path = \"/a\"";
  const auto upto = [](const char* size) { return ", max_body = \"" + std::string(size) + "\""; };
  EXPECT_EQ(network_gains(http(post), http(post + upto("64KiB"))), "") << "64 KiB without max_body";
  EXPECT_EQ(network_gains(http(post), http(post + upto("63KiB"))), gain);
  EXPECT_EQ(network_gains(http(post + upto("64KiB")), http(post)), "");
  EXPECT_EQ(network_gains(http(post + upto("65KiB")), http(post)), gain);
  EXPECT_EQ(network_gains(http(post + upto("65KiB")), ""), gain);
  EXPECT_EQ(network_gains(http(post + upto("64KiB")), ""), "");
  EXPECT_EQ(network_gains(http("methods = [\"PROPFIND\"]"), ""), gain) << "no ordinary method";
  EXPECT_EQ(network_gains(http(get + upto("1B")), http(get)), gain) << "none without max_body";
  EXPECT_EQ(network_gains(http(get + upto("0B")), http(get)), "");
  EXPECT_EQ(network_gains(http(fetch + upto("5MiB")), http(fetch)), "")
      << "1 MiB, whatever it says";
  EXPECT_EQ(network_gains(http(fetch), http(fetch + upto("1KiB"))), gain);
  EXPECT_EQ(
      network_gains(http(push + "[\"refs/x/y\"]" + upto("17MiB")), http(push + "[\"refs/x/y\"]")),
      gain);
  EXPECT_EQ(
      network_gains(http(push + "[\"refs/x/y\"]" + upto("16MiB")), http(push + "[\"refs/x/y\"]")),
      "");
  EXPECT_EQ(network_gains(http(fetch), http(any + upto("1MiB"))), "");
  EXPECT_EQ(network_gains(http(fetch), http(any)), gain) << "1 MiB where 64 KiB pass";
  const auto both = [](const std::string& a, const std::string& b) {
    return "http = [{ " + a + " }, { " + b + " }]";
  };
  EXPECT_EQ(network_gains(both(any, fetch), both(any, fetch)), "");
  EXPECT_EQ(network_gains(http(any), both(any, fetch)), gain)
      << "without the preset plain rules let git's requests pass";
  EXPECT_EQ(network_gains(http(get), both(any, fetch)), "") << "none of git's is among them";
  EXPECT_EQ(network_gains(both(any, fetch), http(any + upto("1MiB"))), "");
  EXPECT_EQ(network_gains(http("preset = \"git-fetch\", repository = \"/a/c\""), both(any, fetch)),
            gain)
      << "there the plain rule lets none of git's requests pass";
  EXPECT_EQ(network_gains("addresses = [\"10.1.0.0/16\"]", "addresses = [\"10.0.0.0/8\"]"), "");
  EXPECT_EQ(network_gains("addresses = [\"10.0.0.0/8\"]", "addresses = [\"10.1.0.0/16\"]"),
            "network.a.b.addresses ");
  EXPECT_EQ(network_gains("addresses = [\"10.0.0.0/8\"]", ""), "network.a.b.addresses ");
  EXPECT_EQ(network_gains("waiver = { by = \"l\", reason = \"r\" }", ""), "");
}

}  // namespace
}  // namespace carrel::parse
