// What a slice holds: exactly what is exposed, in files and in objects.

#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "broker/record/evidence/sha256.h"
#include "profiles/base/text.h"
#include "tests/unit/broker/service/slices/slicing.h"

namespace carrel::slices {
namespace {

constexpr const char* kEntries =
    "--read docs --read vendor/SPEC.md --read a --read a-b --read link --read web "
    "--write web/src --write tools/run --never docs/private --never web/src/keys";

class Slice : public Slicing {
 protected:
  void SetUp() override {
    Slicing::SetUp();
    put("docs/guide.md", "guide\n");
    put("docs/private/plan.md", "HIDDENPLAN words\n");
    put("vendor/SPEC.md", "spec\n");
    put("vendor/blob.bin", "HIDDENVENDOR\n");
    put("a/z", "z\n");
    put("a-b", "a-b\n");
    put("web/index", "index\n");
    put("web/src/ü n \"q\".txt", "uni\n");
    put("web/src/empty", "");
    put("web/src/run", "#!/bin/sh\n");
    put("web/src/keys/hiddenname.pem", "HIDDENKEY\n");
    put("web/src/copy", "index\n");
    put("tools/run", "tool\n");
    put("tools/other", "HIDDENTOOL\n");
    put("hiddenfolder/x", "HIDDENROOT\n");
    std::filesystem::permissions(source_ + "/web/src/run", std::filesystem::perms(0755));
    std::filesystem::create_symlink("web/index", source_ + "/link");
    std::filesystem::create_symlink("/etc/passwd", source_ + "/web/src/absolute");
    commit();
    // A submodule below a writable folder.
    source_git("update-index --add --cacheinfo 160000," + source_git("rev-parse HEAD") +
               ",web/src/module");
    source_git("commit -q -m 'add hiddenmodule'");
  }

  std::set<std::string> objects(const std::string& listing) {
    std::set<std::string> out;
    for (const std::string& line : lines(listing))
      out.insert(line);
    return out;
  }
};

TEST_F(Slice, ListsAndHoldsExactlyTheExposedFiles) {
  const Ran ran = slice(kEntries);
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out + ran.err, "");
  const manifest::Manifest manifest = this->manifest();
  EXPECT_EQ(manifest.source, source_git("rev-parse main"));
  EXPECT_EQ(manifest.commit, slice_git("rev-parse HEAD"));
  EXPECT_EQ(manifest.read_only,
            (std::vector<manifest::ReadOnlyEntry>{
                {"a", true}, {"a-b", false}, {"docs", true}, {"vendor/SPEC.md", false}}));
  std::vector<std::string> listed;
  for (const manifest::File& file : manifest.files)
    listed.push_back(file.path);
  EXPECT_EQ(listed, (std::vector<std::string>{"link", "tools/run", "web/index", "web/src/absolute",
                                              "web/src/copy", "web/src/empty", "web/src/run",
                                              "web/src/ü n \"q\".txt"}));
  EXPECT_EQ(slurp(output_ + "/ro/0/z"), "z\n");
  EXPECT_EQ(slurp(output_ + "/ro/1"), "a-b\n");
  EXPECT_EQ(slurp(output_ + "/ro/2/guide.md"), "guide\n");
  EXPECT_FALSE(std::filesystem::exists(output_ + "/ro/2/private"));
  EXPECT_EQ(slurp(output_ + "/ro/3"), "spec\n");
  EXPECT_TRUE(std::filesystem::is_empty(output_ + "/tree/docs"));
  EXPECT_TRUE(std::filesystem::is_empty(output_ + "/tree/vendor/SPEC.md"));
}

TEST_F(Slice, ManifestEqualsWhatIsOnDisk) {
  ASSERT_EQ(slice(kEntries).code, 0);
  const manifest::Manifest manifest = this->manifest();
  std::set<std::string> digests;
  for (const manifest::File& file : manifest.files) {
    const std::string path = output_ + "/tree/" + file.path;
    struct stat info {};
    ASSERT_EQ(lstat(path.c_str(), &info), 0) << path;
    EXPECT_EQ(info.st_mtime, 1'577'836'800) << path;
    EXPECT_EQ(S_ISLNK(info.st_mode) ? 0120000U : info.st_mode, file.mode) << path;
    const std::string bytes =
        S_ISLNK(info.st_mode) ? std::filesystem::read_symlink(path).string() : slurp(path);
    EXPECT_EQ(bytes.size(), file.size);
    EXPECT_EQ(evidence::as_view(evidence::sha256(bytes)), file.sha256);
    digests.insert(to_hex(file.sha256));
    EXPECT_EQ(slurp(output_ + "/pristine/" + to_hex(file.sha256)), bytes) << path;
  }
  size_t kept = 0;
  for (const auto& entry : std::filesystem::directory_iterator(output_ + "/pristine")) {
    EXPECT_TRUE(digests.contains(entry.path().filename())) << entry.path();
    ++kept;
  }
  EXPECT_EQ(kept, digests.size());
  // And nothing else is in the tree but the mount points.
  size_t files = 0;
  for (auto it = std::filesystem::recursive_directory_iterator(output_ + "/tree");
       it != std::filesystem::recursive_directory_iterator(); ++it) {
    if (it->path().filename() == ".git") {
      it.disable_recursion_pending();
    } else if (it->is_symlink() || !it->is_directory()) {
      ++files;
    }
  }
  EXPECT_EQ(files, manifest.files.size() + 2);
}

TEST_F(Slice, HoldsNoObjectOfTheSourceThatIsNotExposed) {
  ASSERT_EQ(slice(kEntries).code, 0);
  const std::string all = "cat-file --batch-all-objects --batch-check='%(objectname)'";
  const std::set<std::string> source = objects(source_git(all));
  const std::set<std::string> sliced = objects(slice_git(all));
  std::set<std::string> exposed;
  for (const char* path :
       {"docs/guide.md", "vendor/SPEC.md", "a/z", "a-b", "web/index", "web/src/ü n \"q\".txt",
        "web/src/empty", "web/src/run", "web/src/copy", "tools/run", "link", "web/src/absolute",
        "a"}) {  // the tree of "a" is exposed as a whole
    exposed.insert(source_git("rev-parse " + word(std::string("main:") + path)));
  }
  std::set<std::string> shared;
  std::set_intersection(source.begin(), source.end(), sliced.begin(), sliced.end(),
                        std::inserter(shared, shared.end()));
  EXPECT_EQ(shared, exposed);
  EXPECT_GT(source.size(), exposed.size());
}

TEST_F(Slice, NamesNothingHidden) {
  ASSERT_EQ(slice(kEntries).code, 0);
  std::string everything = slice_git("cat-file --batch-all-objects --batch --buffer");
  everything += slice_git("ls-files --stage");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(output_)) {
    everything += entry.path().string().substr(output_.size()) + "\n";
    if (entry.is_regular_file() && !entry.is_symlink()) everything += slurp(entry.path());
  }
  EXPECT_NE(everything.find("guide"), std::string::npos);
  for (const char* hidden :
       {"HIDDEN", "hidden", "private", "keys", "module", "blob.bin", "tester", "other"}) {
    EXPECT_EQ(everything.find(hidden), std::string::npos) << hidden;
  }
}

TEST_F(Slice, IsOneDeterministicCommit) {
  ASSERT_EQ(slice(kEntries).code, 0);
  const std::string first = slurp(output_ + "/manifest");
  const std::string index = slurp(output_ + "/tree/.git/index");
  EXPECT_EQ(slice_git("log --format='%s|%an|%ae|%cn|%P|%ct'"),
            "Slice of app at " + source_git("rev-parse main").substr(0, 12) +
                "|Carrel|slice@carrel.invalid|Carrel||" + source_git("log -1 --format=%ct main"));
  EXPECT_EQ(slice_git("symbolic-ref HEAD"), "refs/heads/main");
  EXPECT_EQ(slice_git("remote"), "");
  EXPECT_FALSE(std::filesystem::exists(output_ + "/tree/.git/objects/info/alternates"));
  ASSERT_EQ(slice(kEntries).code, 0);
  EXPECT_EQ(slurp(output_ + "/manifest"), first);
  EXPECT_EQ(slurp(output_ + "/tree/.git/index"), index);
}

TEST_F(Slice, LeavesTheSourceAsItIs) {
  const std::string look = "find " + word(source_) + " -printf '%p %s %T@ %C@\\n' | sort";
  const std::string before = run(look).out;
  ASSERT_EQ(slice(kEntries).code, 0);
  EXPECT_EQ(run(look).out, before);
}

TEST_F(Slice, OfNothingIsAnEmptyCommit) {
  ASSERT_EQ(slice("").code, 0);
  EXPECT_TRUE(manifest().files.empty());
  EXPECT_EQ(slice_git("ls-tree -r HEAD"), "");
  EXPECT_EQ(slice_git("status --porcelain"), "");
  EXPECT_EQ(slice_git("fsck --strict"), "");
}

TEST_F(Slice, TakesBareRepositoriesTagsAndIds) {
  source_git("tag -a v1 -m v1");
  source_git("switch -q -c feature/x");
  ASSERT_EQ(slice("--write web/src", "feature/x").code, 0);
  EXPECT_EQ(slice_git("symbolic-ref HEAD"), "refs/heads/feature/x");
  const std::string bare = folder_ / "bare.git";
  ASSERT_EQ(run("git clone -q --bare " + word(source_) + " " + word(bare)).code, 0);
  const std::string id = source_git("rev-parse HEAD");
  source_ = bare;
  for (const std::string& ref : {std::string("v1"), std::string("HEAD"), id}) {
    const Ran ran = slice("--write web/src --never web/src/keys", ref);
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(manifest().source, id);
    EXPECT_EQ(slice_git("symbolic-ref HEAD"), "refs/heads/main");
  }
}

}  // namespace
}  // namespace carrel::slices
