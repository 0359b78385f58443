#include "launcher/box/probe/probe.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdio>
#include <string_view>

#include "launcher/box/probe/calls.h"
#include "launcher/box/probe/cgroups.h"
#include "launcher/box/probe/files.h"
#include "launcher/box/probe/namespaces.h"
#include "profiles/base/unique_fd.h"

namespace carrel::probe {
namespace {

// core(5): a pipe in core_pattern is a program that the host starts as root for every crash,
// whatever RLIMIT_CORE says.
void note_core_pattern(plan::HostFacts& facts) {
  const std::string pattern = read_bounded("/proc/sys/kernel/core_pattern");
  if (!pattern.starts_with("|")) return;
  facts.notes.emplace_back(
      "kernel.core_pattern starts a program of the host as root whenever something crashes, inside "
      "a "
      "workspace too: sysctl -w kernel.core_pattern=core");
}

// Yama's highest setting lets nobody read another process's memory (kernel's Yama.rst).
bool may_look_into_children() {
  return !read_bounded("/proc/sys/kernel/yama/ptrace_scope").starts_with("3");
}

/// What an image needs, by looking alone; the launcher makes a small one and then knows.
plan::StorageFacts probe_storage(bool root) {
  if (!root) return {plan::StorageKind::kFolder, "an ordinary user may not mount images"};
  const UniqueFd loops(open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!loops.valid()) return {plan::StorageKind::kFolder, "/dev/loop-control cannot be opened"};
  if (access("/usr/sbin/mkfs.ext4", X_OK) != 0) {
    return {plan::StorageKind::kFolder, "/usr/sbin/mkfs.ext4 (package e2fsprogs) is not there"};
  }
  for (const char* type : {"ext4", "overlay"}) {
    if (!has_file_system(type)) {
      return {plan::StorageKind::kFolder, "the kernel has no " + std::string(type)};
    }
  }
  return {plan::StorageKind::kImage, ""};
}

std::vector<plan::RootEntry> probe_root_entries() {
  std::vector<plan::RootEntry> list;
  for (const std::string& name : plan::kRootEntries) {
    const std::string path = "/" + name;
    struct stat info {};
    if (lstat(path.c_str(), &info) != 0) continue;
    if (S_ISDIR(info.st_mode)) list.push_back({name, ""});
    if (!S_ISLNK(info.st_mode)) continue;
    std::array<char, PATH_MAX> target{};
    const ssize_t size = readlink(path.c_str(), target.data(), target.size());
    // A link that leaves /usr would lead nowhere inside.
    const std::string_view text(target.data(), size > 0 ? static_cast<size_t>(size) : 0);
    if (text.starts_with("usr/") || text.starts_with("/usr/")) {
      list.push_back({name, std::string(text)});
    }
  }
  return list;
}

std::vector<plan::EtcEntry> probe_etc() {
  std::vector<plan::EtcEntry> list;
  for (const std::string& name : plan::kVisibleEtc) {
    struct stat info {};
    if (lstat(("/etc/" + name).c_str(), &info) != 0) continue;
    if (S_ISDIR(info.st_mode) || S_ISREG(info.st_mode)) {
      list.push_back({name, S_ISDIR(info.st_mode)});
    }
  }
  return list;
}

std::vector<std::string> probe_devices() {
  struct Known {
    std::string_view name;
    unsigned major, minor;
  };
  constexpr std::array<Known, 6> kKnown = {{{"full", 1, 7},
                                            {"null", 1, 3},
                                            {"random", 1, 8},
                                            {"tty", 5, 0},
                                            {"urandom", 1, 9},
                                            {"zero", 1, 5}}};
  std::vector<std::string> list;
  for (const Known& known : kKnown) {
    struct stat info {};
    if (lstat(("/dev/" + std::string(known.name)).c_str(), &info) != 0) continue;
    const bool right = S_ISCHR(info.st_mode) && info.st_rdev == makedev(known.major, known.minor);
    if (right) list.emplace_back(known.name);
  }
  return list;
}

}  // namespace

// Uid 0 alone is not enough: in a container it may be nobody outside, or have no capability.
bool is_host_root() {
  if (geteuid() != 0) return false;
  unsigned inner = 0;
  unsigned outer = 0;
  unsigned long count = 0;
  const std::string map = read_bounded("/proc/self/uid_map");
  if (std::sscanf(map.c_str(), "%u %u %lu", &inner, &outer, &count) != 3) return false;
  return inner == 0 && outer == 0 && count == 0xFFFFFFFF && has_admin_capability();
}

plan::HostFacts probe_host(int state_fd, bool delegated) {
  plan::HostFacts facts;
  utsname name{};
  if (uname(&name) == 0) {
    facts.kernel_release = name.release;
    facts.machine = name.machine;
  }
  facts.root = is_host_root();
  facts.cgroup = probe_cgroups(facts.kernel_release, facts.root, delegated);
  facts.landlock_abi = landlock_abi();
  facts.clone_into_cgroup = has_clone_into_cgroup();
  facts.openat2 = has_openat2();
  facts.seccomp_filter = has_seccomp_action(SECCOMP_RET_ALLOW);
  facts.seccomp_errno = has_seccomp_action(SECCOMP_RET_ERRNO);
  facts.seccomp_kill_process = has_seccomp_action(SECCOMP_RET_KILL_PROCESS);
  facts.close_range = has_close_range();
  facts.pidfd = has_pidfd();
  facts.secret_memory = has_secret_memory();
  facts.user_notify = !facts.root && has_user_notify() && may_look_into_children();
  probe_namespaces(state_fd, facts);
  facts.storage = probe_storage(facts.root);
  facts.root_entries = probe_root_entries();
  facts.etc = probe_etc();
  facts.devices = probe_devices();
  note_core_pattern(facts);
  return facts;
}

}  // namespace carrel::probe
