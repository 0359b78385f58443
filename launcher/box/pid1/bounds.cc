#include "launcher/box/pid1/bounds.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "launcher/box/pid1/telling.h"

namespace carrel::pid1 {

using init::InitPlan;
using init::InitRule;
using init::PayloadStep;

bool limit_capabilities(uint64_t keep) {
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  for (int i = 0; i < 2; ++i) {
    const auto part = static_cast<uint32_t>(keep >> (32 * i));
    data[i].effective = part;
    data[i].permitted = part;
  }
  return syscall(SYS_capset, &header, data) == 0;
}

bool drop_bounding_set() {
  for (unsigned long cap = 0; cap < 64; ++cap) {
    if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0) return errno == EINVAL && cap > 0;
  }
  return true;
}

void restrict_paths(const Plan& plan) {
  const InitPlan& head = *plan.head;
  if (head.landlock_fs == 0) return;
  struct {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
  } attributes{head.landlock_fs, 0, head.landlock_scoped};
  // Older kernels know a shorter struct; without scopes only its first field is used.
  const size_t size = head.landlock_scoped != 0 ? sizeof attributes : sizeof(uint64_t);
  const auto ruleset = static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, size, 0));
  if (ruleset < 0) fail(PayloadStep::kLandlock);
  const auto* rules = reinterpret_cast<const InitRule*>(plan.bytes + head.rules);
  for (uint32_t i = 0; i < head.rule_count; ++i) {
    const char* path = string_at(plan, rules[i].path);
    if (path == nullptr) fail(PayloadStep::kLandlock);
    const int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) fail(PayloadStep::kLandlock);
    const landlock_path_beneath_attr rule{rules[i].rights, fd};
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
      fail(PayloadStep::kLandlock);
    }
    close(fd);
  }
  if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) fail(PayloadStep::kLandlock);
  close(ruleset);
}

}  // namespace carrel::pid1
