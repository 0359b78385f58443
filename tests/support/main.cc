// main() of tests that run in both modes. With CARREL_TEST_MODE=rootless root, who starts it, turns
// into an ordinary user before the first test.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/support/mode.h"

namespace {

namespace fs = std::filesystem;
using carrel::support::kUser;

bool reaches_build_folder() {
  if (seteuid(kUser) != 0) return false;
  const bool reached = faccessat(AT_FDCWD, CARREL_BINARY_DIR "/tests", X_OK, AT_EACCESS) == 0;
  return seteuid(0) == 0 && reached;
}

std::string the_copy;

void remove_copy() {
  std::error_code ignored;
  fs::remove_all(the_copy, ignored);
}

void give(const fs::path& folder) {
  fs::create_directories(folder);
  if (chown(folder.c_str(), kUser, kUser) != 0) abort();
}

/// A checkout may lie below a folder that is closed to others.
void copy_programs() {
  the_copy = fs::temp_directory_path() / "carrel-programs-XXXXXX";
  if (mkdtemp(the_copy.data()) == nullptr) abort();
  for (const char* folder : {"", "/libexec", "/libexec/carrel", "/tests"})
    give(the_copy + folder);
  for (const char* folder : {"/libexec/carrel", "/tests"}) {
    for (const auto& file : fs::directory_iterator(CARREL_BINARY_DIR + std::string(folder))) {
      const std::string name = file.path().filename();
      // Of the tests themselves one is run by others (tests/faults/box).
      const bool is_test = name.starts_with("test_") && name != "test_sandbox_box";
      if (!file.is_regular_file() || is_test) continue;
      const std::string copy = the_copy + folder + "/" + name;
      std::error_code other_disk;
      fs::create_hard_link(file.path(), copy, other_disk);
      if (other_disk) fs::copy_file(file.path(), copy);
    }
  }
  setenv(carrel::support::kProgramsVariable, the_copy.c_str(), 1);
  (void)atexit(remove_copy);
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (carrel::support::is_rootless() && geteuid() == 0) {
    if (!reaches_build_folder()) copy_programs();
    if (!carrel::support::become_user() || chdir("/") != 0) {
      perror("become an ordinary user");
      return 1;
    }
  }
  return RUN_ALL_TESTS();
}
