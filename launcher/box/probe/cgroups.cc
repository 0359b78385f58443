#include "launcher/box/probe/cgroups.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "launcher/box/probe/cgroup_layout.h"
#include "launcher/box/probe/files.h"

namespace carrel::probe {
namespace {

// "major.minor" of a release at least as high as asked; false when it does not start with numbers.
bool at_least(const std::string& release, int major, int minor) {
  int have_major = 0;
  int have_minor = 0;
  if (std::sscanf(release.c_str(), "%d.%d", &have_major, &have_minor) != 2) return false;
  return have_major != major ? have_major > major : have_minor >= minor;
}

// With the rights that count when a file is opened: in a user namespace uid 0 is somebody else.
bool may(const std::string& path, int what) {
  return faccessat(AT_FDCWD, path.c_str(), what, AT_EACCESS) == 0;
}

bool may_make_groups(const std::string& group) {
  return may(group, W_OK | X_OK) && may(group + "/cgroup.procs", W_OK);
}

bool has_mark(const std::string& group) {
  std::array<char, 8> value{};
  const ssize_t got = getxattr(group.c_str(), "user.delegate", value.data(), value.size());
  return got == 1 && value[0] == '1';
}

// What /proc/self/cgroup names may lie outside of what is mounted.
bool is_in(const std::string& group) {
  const std::string own = std::to_string(getpid());
  return has_word(read_bounded(group + "/cgroup.procs"), own) ||
         has_word(read_bounded(group + "/" + std::string(kProcessesLeaf) + "/cgroup.procs"), own);
}

std::string why_not_delegated(const plan::CgroupFacts& facts, const std::string& own,
                              bool delegated) {
  if (!is_in(own)) return "this process' own is not in the tree that is mounted here";
  if (!may_make_groups(own)) return "none was handed on to this user";
  if (!delegated && !has_mark(own) && is_for_the_manager_to_say(own)) {
    return "the one that carrel was started in is arranged by a service manager";
  }
  if (!facts.has_kill || !facts.has_freeze) return "the kernel has no cgroup.kill or cgroup.freeze";
  if (facts.own != "/" && !has_word(read_bounded(own + "/cgroup.type"), "domain")) {
    return "the one that carrel was started in is for threads";
  }
  return "";
}

void keep_delegated(plan::CgroupFacts& facts, const std::string& own, bool delegated) {
  facts.reason = why_not_delegated(facts, own, delegated);
  facts.delegated = facts.reason.empty();
  for (std::string* folder : {&facts.memory_v1, &facts.pids_v1, &facts.cpu_v1}) {
    if (!facts.delegated || (!folder->empty() && !may_make_groups(*folder))) folder->clear();
  }
  if (facts.delegated && may(own + "/cgroup.subtree_control", W_OK)) return;
  facts.memory_v2 = facts.pids_v2 = facts.cpu_v2 = false;
}

}  // namespace

bool is_for_the_manager_to_say(const std::string& group) {
  return may_make_groups(group) && may_make_groups(group + "/..");
}

plan::CgroupFacts probe_cgroups(const std::string& release, bool root, bool delegated) {
  plan::CgroupFacts facts =
      parse_cgroups(read_bounded("/proc/self/mountinfo"), read_bounded("/proc/self/cgroup"));
  if (facts.layout == plan::CgroupLayout::kNone) return facts;
  facts.own = without_leaf(facts.own);
  const std::string own = facts.unified + (facts.own == "/" ? "" : facts.own);
  // A service's groups are in the unit that was handed on to it, root's else at the root of the
  // tree, an ordinary user's below their own group.
  facts.delegated = root && has_mark(own) && is_in(own);
  const std::string controllers =
      read_bounded((root && !facts.delegated ? facts.unified : own) + "/cgroup.controllers");
  facts.memory_v2 = has_word(controllers, "memory");
  facts.pids_v2 = has_word(controllers, "pids");
  facts.cpu_v2 = has_word(controllers, "cpu");
  // These files are in every group but the tree's root; where this process sits there, the version
  // must do, since making a group to look into would change the host.
  const auto has = [&](const char* name) { return access((own + "/" + name).c_str(), F_OK) == 0; };
  facts.has_kill = has("cgroup.kill") || (facts.own == "/" && at_least(release, 5, 14));
  facts.has_freeze = has("cgroup.freeze") || (facts.own == "/" && at_least(release, 5, 2));
  for (std::string* folder : {&facts.memory_v1, &facts.pids_v1, &facts.cpu_v1}) {
    if (!folder->empty() && access((*folder + "/cgroup.procs").c_str(), F_OK) != 0) folder->clear();
  }
  // A kernel without CONFIG_CFS_BANDWIDTH has shares only.
  if (access((facts.cpu_v1 + "/cpu.cfs_quota_us").c_str(), F_OK) != 0) facts.cpu_v1.clear();
  // One line of heading, one for each swap area. The tree's root has no memory.swap.max.
  const std::string swaps = read_bounded("/proc/swaps");
  facts.swap = std::count(swaps.begin(), swaps.end(), '\n') > 1;
  facts.swap_counted =
      facts.memory_v2
          ? has("memory.swap.max") || facts.own == "/"
          : access((facts.memory_v1 + "/memory.memsw.limit_in_bytes").c_str(), F_OK) == 0;
  if (!root) keep_delegated(facts, own, delegated);
  return facts;
}

}  // namespace carrel::probe
