#include "broker/wire/manifest/manifest.h"

#include <gtest/gtest.h>

#include <random>

namespace carrel::manifest {
namespace {

const std::string kId(40, 'a');
const std::string kHex(64, '0');

Manifest sample() {
  Manifest manifest;
  manifest.commit = kId;
  manifest.source = std::string(64, 'b');
  manifest.read_only = {{"docs", true}, {"docs-old", false}, {"lib/x y", true}};
  manifest.files = {{"a/run", 0100755, 0, std::string(32, '\1')},
                    {"docs.md", 0100644, UINT64_MAX, std::string(32, '\2')},
                    {"link", 0120000, 3, std::string(32, '\3')},
                    {"\xC3\xBC \n\"", 0100644, 12, std::string(32, '\xFF')}};
  return manifest;
}

/// NUL-terminated records as bytes.
std::string records(const std::vector<std::string>& list) {
  std::string out;
  for (const std::string& record : list)
    out += record + '\0';
  return out;
}

std::string with(const std::vector<std::string>& middle, const std::string& end = "end 0") {
  std::vector<std::string> list = {"carrel-manifest 1", "commit " + kId, "source " + kId};
  list.insert(list.end(), middle.begin(), middle.end());
  list.push_back(end);
  return records(list);
}

std::string file(const std::string& path) {
  return "file 100644 1 " + kHex + " " + path;
}

TEST(Manifest, ComesBackAsItWas) {
  const std::string bytes = format_manifest(sample());
  const auto parsed = parse_manifest(bytes);
  ASSERT_TRUE(parsed.ok()) << parsed.error().what;
  EXPECT_EQ(parsed.value(), sample());
  EXPECT_EQ(format_manifest(parsed.value()), bytes);
}

TEST(Manifest, OfNothingIsFine) {
  const auto parsed = parse_manifest(with({}));
  ASSERT_TRUE(parsed.ok());
  EXPECT_TRUE(parsed.value().files.empty());
}

TEST(Manifest, IsRefusedForEveryDepartureFromTheFormat) {
  const std::string good = with({});
  const std::vector<std::pair<std::string, std::string>> table = {
      {"", "not a manifest"},
      {records({"carrel-manifest 2"}), "not a manifest"},
      {records({"carrel-manifest 1"}), "not what must stand here"},
      {records({"carrel-manifest 1", "commit " + kId.substr(1)}), "not an object id"},
      {records({"carrel-manifest 1", "commit " + std::string(40, 'A')}), "not an object id"},
      {records({"carrel-manifest 1", "commit " + kId, "commit " + kId}), "not what must stand"},
      {good.substr(0, good.size() - 1), "no proper end"},
      {good + "x", "after the end"},
      {good + good, "after the end"},
      {with({}, "end 1"), "no proper end"},
      {with({}, "end 00"), "no proper end"},
      {with({"other a"}), "neither files nor the end"},
      {with({"readonly link a"}), "neither folder nor file"},
      {with({"readonly folder "}), "empty"},
      {with({"readonly folder /a"}), "empty component"},
      {with({"readonly folder a/../b"}), "\"..\" component"},
      {with({"readonly folder .git/hooks"}), "below .git"},
      {with({"readonly folder b", "readonly folder a"}), "out of order"},
      {with({"readonly folder a", "readonly folder a"}), "out of order"},
      {with({"readonly folder a", "readonly file a/b"}), "below another entry"},
      {with({"readonly folder a", "readonly file a-b", "readonly file a/b"}), "below another"},
      {with({file("a"), "readonly folder b"}, "end 1"), "no proper end"},
      {with({file("b"), file("a")}, "end 2"), "out of order"},
      {with({file("a"), file("a")}, "end 2"), "out of order"},
      {with({file(".git")}, "end 1"), "below .git"},
      {with({file("a/./b")}, "end 1"), "\".\" component"},
      {with({"readonly folder a", file("a/b")}, "end 1"), "below a read-only entry"},
      {with({"readonly file a", file("a")}, "end 1"), "below a read-only entry"},
      {with({"file 100644 1 " + kHex}, "end 1"), "too few fields"},
      {with({"file 100664 1 " + kHex + " a"}, "end 1"), "bad mode"},
      {with({"file 040000 1 " + kHex + " a"}, "end 1"), "bad mode"},
      {with({"file x 1 " + kHex + " a"}, "end 1"), "bad mode"},
      {with({"file 100644 -1 " + kHex + " a"}, "end 1"), "bad size"},
      {with({"file 100644 18446744073709551616 " + kHex + " a"}, "end 1"), "bad size"},
      {with({"file 100644 1 " + kHex.substr(2) + " a"}, "end 1"), "bad size or digest"},
      {with({"file 0100644 1 " + kHex + " a"}, "end 1"), "not spelled canonically"},
      {with({"file 100644 01 " + kHex + " a"}, "end 1"), "not spelled canonically"},
      {with({"file 100644 1 " + std::string(64, 'A') + " a"}, "end 1"), "not spelled canonically"},
  };
  for (const auto& [bytes, why] : table) {
    const auto parsed = parse_manifest(bytes);
    ASSERT_FALSE(parsed.ok()) << why << ": " << bytes;
    EXPECT_NE(parsed.error().what.find(why), std::string::npos) << parsed.error().what;
  }
}

TEST(Manifest, HasBounds) {
  Manifest manifest;
  manifest.commit = manifest.source = kId;
  for (size_t i = 0; i <= kMaxReadOnlyEntries; ++i) {
    manifest.read_only.push_back({std::to_string(100'000 + i), true});
  }
  EXPECT_FALSE(parse_manifest(format_manifest(manifest)).ok());
  manifest.read_only.pop_back();
  EXPECT_TRUE(parse_manifest(format_manifest(manifest)).ok());
}

TEST(Manifest, AcceptsNothingThatItWouldNotWrite) {
  const std::string good = format_manifest(sample());
  std::mt19937 random(1);  // NOLINT(bugprone-random-generator-seed): the same bytes every time
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = good;
    for (auto flips = 1 + random() % 3; flips > 0; --flips) {
      const size_t at = random() % bytes.size();
      switch (random() % 3) {
        case 0:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
          break;
        case 1:
          bytes.erase(at, 1);
          break;
        default:
          bytes.insert(at, 1, static_cast<char>(random() % 256));
      }
    }
    const auto parsed = parse_manifest(bytes);
    if (parsed.ok()) {
      ASSERT_EQ(format_manifest(parsed.value()), bytes);
    }
    (void)parse_manifest_head(bytes).ok();
  }
}

TEST(ManifestHead, IsReadFromBytesCutBehindIt) {
  const std::string bytes = format_manifest(sample());
  Manifest head = sample();
  head.files.clear();
  const size_t end = bytes.find("file 100755");
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    const auto parsed = parse_manifest_head(std::string_view(bytes).substr(0, cut));
    // The head is known to be whole once the first file's record has begun.
    ASSERT_EQ(parsed.ok(), cut >= end + 5) << cut;
    if (parsed.ok()) {
      EXPECT_EQ(parsed.value(), head);
    }
  }
}

TEST(ManifestHead, DoesNotLookAtFiles) {
  const std::string bytes = with({"file nonsense"}, "end 7");
  EXPECT_TRUE(parse_manifest_head(bytes).ok());
  EXPECT_FALSE(parse_manifest(bytes).ok());
}

}  // namespace
}  // namespace carrel::manifest
