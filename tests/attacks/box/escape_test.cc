// The probe's attempts, row by row: first in namespaces where they must work, then in a workspace.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <sstream>

#include "tests/sandbox/box/box.h"

namespace carrel::sandbox {
namespace {

std::map<std::string, std::string> lines(const std::string& text) {
  std::map<std::string, std::string> found;
  std::istringstream stream(text);
  std::string name, result;
  while (stream >> name >> result)
    found[name] = result;
  return found;
}

TEST(Escape, AttemptsWorkWhereNothingForbidsThem) {
  FILE* probe = popen((support::built("tests/payload_box_probe") + " control").c_str(), "r");
  ASSERT_NE(probe, nullptr);
  std::string text;
  std::array<char, 4096> part{};
  while (fgets(part.data(), static_cast<int>(part.size()), probe) != nullptr)
    text += part.data();
  ASSERT_EQ(pclose(probe), 0);
  const auto found = lines(text);
  EXPECT_EQ(found.size(), 8U);
  for (const auto& [name, result] : found)
    EXPECT_EQ(result, "ok") << name;
}

TEST(Escape, EveryAttemptIsRefusedExactly) {
  const std::string core_pattern = file_text("/proc/sys/kernel/core_pattern");
  Box box({"./probe"});
  const int status = box.run();
  EXPECT_EQ(status, 0);
  std::map<std::string, std::string> wanted = {
      {"write-tree", "ok"},       {"socket-inet", "ok"},
      {"write-usr", "EROFS"},     {"write-root", "EROFS"},
      {"write-entry", "EROFS"},   {"core-pattern", "EACCES"},
      {"modprobe", "ENOENT"},     {"ip-forward", "EACCES"},
      {"userns-limit", "EACCES"}, {"sys", "ENOENT"},
      {"init-environ", "EACCES"}, {"init-mem", "EACCES"},
      {"init-root", "EACCES"},    {"init-exe", "EACCES"},
      {"init-fd", "EACCES"},      {"rename-over-entry", "EBUSY"},
      {"mknod-mem", "EPERM"},     {"mknod-block", "EPERM"},
      {"link-entry", "EXDEV"},    {"oom-immunity", "EACCES"},
      {"unshare-user", "EPERM"},  {"unshare-net", "EPERM"},
      {"clone-user", "EPERM"},    {"clone3-user", "ENOSYS"},
      {"setns", "EPERM"},         {"mount-tmpfs", "EPERM"},
      {"remount", "EPERM"},       {"umount", "EPERM"},
      {"fsopen", "EPERM"},        {"fsconfig", "EPERM"},
      {"fsmount", "EPERM"},       {"fspick", "EPERM"},
      {"open_tree", "EPERM"},     {"move_mount", "EPERM"},
      {"mount_setattr", "EPERM"}, {"open_tree_attr", "EPERM"},
      {"pivot_root", "EPERM"},    {"chroot", "EPERM"},
      {"ptrace-init", "EPERM"},   {"kill-init", "EPERM"},
      {"limit-init", "EPERM"},    {"pidfd-getfd", "EPERM"},
      {"kcmp-init", "EPERM"},     {"setuid-init", "EPERM"},
      {"setuid-root", "EINVAL"},  {"setgroups", "EPERM"},
      {"fifo", "EPERM"},          {"io_uring", "ENOSYS"},
      {"bpf", "EPERM"},           {"perf", "EPERM"},
      {"userfaultfd", "EPERM"},   {"keyctl", "EPERM"},
      {"add_key", "EPERM"},       {"vsock", "EPERM"},
      {"packet", "EPERM"},        {"raw", "EPERM"},
      {"tiocsti", "EPERM"},       {"tiocsti-high", "EPERM"},
      {"x32", "ENOSYS"},          {"sethostname", "EPERM"},
      {"settimeofday", "EPERM"},  {"personality", "EPERM"},
      {"kexec", "EPERM"},         {"init_module", "EPERM"},
      {"swapon", "EPERM"},
  };
  if (!host().root) {
    // Init has the payload's uid: a signal reaches it and, as pid 1, it never hears of it. That the
    // status above is the probe's own says that it lived on.
    wanted["kill-init"] = "ok";
    wanted["setuid-init"] = "EINVAL";  // there is no such uid
  }
  EXPECT_EQ(lines(box.output()), wanted);
  EXPECT_EQ(file_text("/proc/sys/kernel/core_pattern"), core_pattern);
}

}  // namespace
}  // namespace carrel::sandbox
