// carrel-slicer --resolve: which commit a ref names, and nothing else.

#include <gmock/gmock.h>

#include "tests/unit/broker/service/slices/slicing.h"

namespace carrel::slices {
namespace {

class SliceResolve : public Slicing {
 protected:
  void SetUp() override {
    Slicing::SetUp();
    put("a", "a\n");
    commit();
    source_git("tag -a -m words v1");
  }
  Ran resolve(const std::string& ref, const std::string& more = "") {
    return run(word(std::string(CARREL_BINARY_DIR) + "/libexec/carrel/carrel-slicer") +
               " --resolve --repository " + word(source_) + " --ref " + word(ref) + " --name app " +
               more);
  }
};

TEST_F(SliceResolve, SaysTheCommitOfBranchTagAndId) {
  const std::string id = source_git("rev-parse main");
  const std::string tag = source_git("rev-parse v1");
  for (const std::string& ref :
       {std::string("main"), std::string("v1"), std::string("HEAD"), id, tag}) {
    const Ran ran = resolve(ref);
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.out, "commit " + id + "\n") << ref;
    EXPECT_EQ(ran.err, "");
  }
}

TEST_F(SliceResolve, RefusesWithoutAnAnswer) {
  const Ran missing = resolve("nope");
  EXPECT_EQ(missing.code, 2);
  EXPECT_EQ(missing.out, "");
  EXPECT_THAT(missing.err, ::testing::HasSubstr("is not there"));
  const Ran twice = resolve("main", "--resolve main");
  EXPECT_EQ(twice.code, 1);
  EXPECT_THAT(twice.err, ::testing::HasSubstr("unknown argument"));
  // A commit whose object is not what its id says does not get that id's slice.
  const std::string id = source_git("rev-parse main");
  const std::string path = source_ + "/.git/objects/" + id.substr(0, 2) + "/" + id.substr(2);
  put("b", "b\n");
  commit();
  const std::string other = source_git("rev-parse main");
  ASSERT_EQ(
      run("cp -f " + word(source_ + "/.git/objects/" + other.substr(0, 2) + "/" + other.substr(2)) +
          " " + word(path))
          .code,
      0);
  const Ran forged = resolve(id);
  EXPECT_EQ(forged.code, 1);
  EXPECT_EQ(forged.out, "");
}

}  // namespace
}  // namespace carrel::slices
