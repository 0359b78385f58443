// Files of a manifest found by halving, against the whole of it.

#include "broker/wire/manifest/lookup.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "profiles/base/unique_fd.h"

namespace carrel::manifest {
namespace {

Manifest sample(size_t files) {
  Manifest manifest;
  manifest.commit = manifest.source = std::string(40, 'a');
  manifest.read_only = {{"docs", true}, {"z.h", false}};
  for (size_t i = 0; i < files; ++i) {
    const std::string folder = "f" + std::to_string(i % 37);
    const std::string name = i % 5 == 0
                                 ? folder + ".c" + std::to_string(i)
                                 : folder + "/" + std::string(i % 200 + 1, 'n') + std::to_string(i);
    manifest.files.push_back({name, 0100644, i, std::string(32, static_cast<char>(i))});
  }
  std::string longest = "long";
  for (int i = 0; i < 20; ++i)
    longest += "/" + std::string(203, 'p');
  longest += "/" + std::string(11, 'q');
  manifest.files.push_back({longest, 0100755, 7, std::string(32, 'l')});  // 4,096 bytes
  std::sort(manifest.files.begin(), manifest.files.end(),
            [](const File& a, const File& b) { return a.path < b.path; });
  return manifest;
}

UniqueFd file_of(const std::string& bytes) {
  UniqueFd fd(memfd_create("manifest", MFD_CLOEXEC));
  EXPECT_EQ(write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  return fd;
}

std::vector<File> within(const Manifest& manifest, const std::string& path) {
  std::vector<File> out;
  for (const File& file : manifest.files)
    if (file.path == path) out.push_back(file);
  for (const File& file : manifest.files)
    if (file.path.starts_with(path + "/")) out.push_back(file);
  return out;
}

TEST(ManifestLookup, FindsWhatTheWholeManifestHas) {
  for (const size_t count : {0U, 1U, 2U, 3U, 1000U}) {
    const Manifest manifest = sample(count);
    const UniqueFd fd = file_of(format_manifest(manifest));
    auto lookup = Lookup::open(fd.get());
    ASSERT_TRUE(lookup.ok()) << lookup.error().what;
    EXPECT_EQ(lookup.value().head().read_only, manifest.read_only);
    EXPECT_EQ(lookup.value().head().commit, manifest.commit);
    std::vector<std::string> paths = {"",      "a",    "f1", "f10", "f36",
                                      "f5.c5", "long", "zz", "f",   "f1/"};
    for (const File& file : manifest.files)
      paths.push_back(file.path);
    auto found = lookup.take();
    for (const std::string& path : paths) {
      std::vector<File> files;
      ASSERT_TRUE(found.add_within(path, files).ok()) << path;
      EXPECT_EQ(files, within(manifest, path)) << path;
    }
    const auto first = found.first_below("");
    ASSERT_TRUE(first.ok());
    EXPECT_EQ(first.value(), manifest.files.front());
    const auto below = found.first_below("long");
    ASSERT_TRUE(below.ok());
    EXPECT_EQ(below.value()->size, 7U);
    EXPECT_FALSE(found.first_below("lon").value().has_value());
    EXPECT_FALSE(found.first_below("zz").value().has_value());
  }
}

TEST(ManifestLookup, OfNoFilesFindsNone) {
  Manifest manifest;
  manifest.commit = manifest.source = std::string(40, 'a');
  const UniqueFd fd = file_of(format_manifest(manifest));
  auto lookup = Lookup::open(fd.get());
  ASSERT_TRUE(lookup.ok()) << lookup.error().what;
  auto found = lookup.take();
  EXPECT_FALSE(found.first_below("").value().has_value());
}

TEST(ManifestLookup, RefusesWhatItLooksAt) {
  const std::string good = format_manifest(sample(20));
  const auto opens = [](const std::string& bytes) {
    const UniqueFd fd = file_of(bytes);
    return Lookup::open(fd.get()).ok();
  };
  EXPECT_TRUE(opens(good));
  EXPECT_FALSE(opens(good.substr(0, good.size() - 1)));
  EXPECT_FALSE(opens(good + "x"));
  EXPECT_FALSE(opens(""));
  // Single records: each field as strictly as by parse_manifest().
  const std::string digest(64, '0');
  const auto finds = [&](const std::string& record) {
    std::string bytes = "carrel-manifest 1";
    for (const std::string& each :
         {"commit " + std::string(40, 'a'), "source " + std::string(40, 'a'),
          std::string("readonly folder d"), record, std::string("end 1")}) {
      bytes += '\0';
      bytes += each;
    }
    bytes += '\0';
    const UniqueFd fd = file_of(bytes);
    auto lookup = Lookup::open(fd.get());
    if (!lookup.ok()) return false;
    auto found = lookup.take();
    const auto first = found.first_below("");
    return first.ok() && first.value().has_value();
  };
  EXPECT_TRUE(finds("file 100644 1 " + digest + " a"));
  EXPECT_FALSE(finds("file 100600 1 " + digest + " a"));
  EXPECT_FALSE(finds("file 100644 01 " + digest + " a"));
  EXPECT_FALSE(finds("file 100644 1 " + digest + " ../a"));
  EXPECT_FALSE(finds("file 100644 1 " + digest + " .git/a"));
  EXPECT_FALSE(finds("file 100644 1 " + digest + " d/a"));
  EXPECT_FALSE(finds("file 100644 1 " + digest + " " + std::string(5000, 'a')));
}

TEST(ManifestHead, IsReadWithoutTheFiles) {
  Manifest manifest = sample(5);
  for (int i = 0; i < 300; ++i)
    manifest.read_only.push_back({"zz" + std::to_string(1000 + i) + std::string(100, 'e'), true});
  const std::string bytes = format_manifest(manifest);
  const UniqueFd fd = file_of(bytes);
  const auto head = read_manifest_head(fd.get());
  ASSERT_TRUE(head.ok()) << head.error().what;
  EXPECT_EQ(head.value().manifest.read_only, manifest.read_only);
  EXPECT_TRUE(head.value().manifest.files.empty());
  EXPECT_TRUE(bytes.substr(head.value().bytes).starts_with("file "));
  EXPECT_FALSE(read_manifest_head(file_of(bytes.substr(0, 5000)).get()).ok());
}

}  // namespace
}  // namespace carrel::manifest
