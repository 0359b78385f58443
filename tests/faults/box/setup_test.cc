// Each step of set-up is made to fail from outside, by strace(1): the workspace must name the step,
// run nothing and leave nothing.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/support/mode.h"

namespace carrel::sandbox {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Fault {
  const char* call;
  int when;
  const char* message;
  int earlier = 0;  // such calls that an ordinary user's set-up makes before, for its sensor
};

std::string mounts() {
  std::ifstream file("/proc/self/mountinfo");
  return {std::istreambuf_iterator<char>(file), {}};
}

class SetUp : public ::testing::TestWithParam<Fault> {};

TEST_P(SetUp, FailsClosed) {
  const std::string before = mounts();
  const std::string call = GetParam().call;
  const int when = GetParam().when + (support::is_rootless() ? GetParam().earlier : 0);
  const std::string command = "timeout 30 strace -f -o /dev/null -e trace=" + call +
                              " -e inject=" + call + ":error=EPERM:when=" + std::to_string(when) +
                              " " + support::built("tests/test_sandbox_box") +
                              " --gtest_brief=1 "
                              "--gtest_filter=Box.WritesReachTheTreeAsTheOwnerOnDisk 2>&1";
  FILE* run = popen(command.c_str(), "r");
  ASSERT_NE(run, nullptr);
  std::string text;
  std::array<char, 4096> part{};
  while (fgets(part.data(), static_cast<int>(part.size()), run) != nullptr)
    text += part.data();
  const int status = pclose(run);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1) << status << "\n" << text;
  EXPECT_THAT(text, HasSubstr(std::string(GetParam().message) + ": EPERM"));
  EXPECT_THAT(text, Not(HasSubstr("a child is left")));
  EXPECT_THAT(text, Not(HasSubstr("PASSED  ] 1 test")));
  EXPECT_EQ(mounts(), before);
}

INSTANTIATE_TEST_SUITE_P(
    Steps, SetUp,
    ::testing::Values(
        Fault{"memfd_create", 2, "memfd_create for the seccomp program", 1},
        Fault{"open_tree", 4, "prepare /usr: clone /usr: open_tree"},
        Fault{"setns", 2, "setns to a network namespace"},
        Fault{"setns", 3, "setns to a network namespace"},
        Fault{"clone3", 2, "clone3 with the workspace's namespaces"},
        Fault{"setresuid", 1, "become init's uid"}, Fault{"move_mount", 1, "attach the root"},
        Fault{"move_mount", 2, "mount /usr"}, Fault{"pivot_root", 1, "pivot_root"},
        Fault{"umount2", 1, "detach the host's root"}, Fault{"sethostname", 1, "set the host name"},
        Fault{"keyctl", 1, "join a new keyring"}, Fault{"capset", 2, "keep init's capabilities"},
        Fault{"execveat", 1, "execute carrel-init"}));

}  // namespace
}  // namespace carrel::sandbox
