// What a host must have before any workspace is planned, and the sentence that says what it lacks.

#include <algorithm>

#include "launcher/box/plan/host_facts.h"
#include "launcher/box/plan/plan.h"

namespace carrel::plan {

const std::vector<std::string> kRootEntries = {"bin", "lib", "lib32", "lib64", "libx32", "sbin"};

// Nothing here may hold a secret, or a name of the host's people and machines.
const std::vector<std::string> kVisibleEtc = {
    "alternatives",    "java-11-openjdk", "java-17-openjdk", "java-21-openjdk",
    "java-25-openjdk", "ld.so.cache",     "mime.types",      "protocols",
    "services",        "ssl/certs",       "ssl/openssl.cnf",
};

const std::vector<std::string> kDevices = {"full", "null", "random", "tty", "urandom", "zero"};

namespace {

struct Need {
  bool there;
  std::string what;
  std::string mends;
};

std::vector<Need> cgroup_needs(const CgroupFacts& cgroup) {
  if (cgroup.layout == CgroupLayout::kNone) {
    return {{false, "a cgroup2 tree", "mount -t cgroup2 none /sys/fs/cgroup"}};
  }
  return {{cgroup.has_kill, "cgroup.kill", "boot Linux 5.14 or later"},
          {cgroup.has_freeze, "cgroup.freeze", "boot Linux 5.2 or later"}};
}

std::vector<Need> view_needs(const HostFacts& facts) {
  const auto has = [&](const char* name) {
    return std::any_of(facts.root_entries.begin(), facts.root_entries.end(),
                       [&](const RootEntry& entry) { return entry.name == name; });
  };
  std::vector<Need> needs = {{has("bin"), "/bin", "install a Debian 12 userland"},
                             {has("lib"), "/lib", "install a Debian 12 userland"}};
  for (const std::string& device : kDevices) {
    const bool there =
        std::find(facts.devices.begin(), facts.devices.end(), device) != facts.devices.end();
    needs.push_back({there, "the device /dev/" + device, "mount -t devtmpfs none /dev"});
  }
  return needs;
}

/// What root needs beyond everybody, and what everybody else needs.
std::vector<Need> root_needs(const HostFacts& facts) {
  std::vector<Need> needs = {
      {facts.two_uids, "two host uids to map", "use a host where root may write any uid map"},
      {facts.clone_into_cgroup, "clone3 into a control group", "boot Linux 5.7 or later"},
      {facts.idmapped_mounts, "idmapped mounts",
       "boot Linux 5.12 or later (6.3 for tmpfs) and keep the state folder on ext4, xfs or btrfs"},
      {facts.sensor.back_end != SensorBackEnd::kNone,
       "a sensor" + (facts.sensor.reason.empty() ? "" : " (" + facts.sensor.reason + ")"),
       "boot a kernel with CONFIG_BPF_SYSCALL, CONFIG_BPF_EVENTS and CONFIG_DEBUG_INFO_BTF"},
  };
  for (Need& need : cgroup_needs(facts.cgroup))
    needs.push_back(std::move(need));
  return needs;
}

std::vector<Need> rootless_needs(const HostFacts& facts) {
  return {
      {facts.new_procfs, "a procfs of the workspace's own",
       "in a container let /proc be seen whole (no masked paths), or run carrel as root"},
      {facts.sensor.back_end == SensorBackEnd::kNotify,
       "a sensor" + (facts.sensor.reason.empty() ? "" : " (" + facts.sensor.reason + ")"),
       "boot Linux 5.19 or later with CONFIG_SECCOMP_FILTER, or run carrel as root"},
  };
}

std::vector<Need> all_needs(const HostFacts& facts) {
  const std::string userns_mend =
      facts.root ? "sysctl -w user.max_user_namespaces=15000, in a container allow CAP_SYS_ADMIN"
                 : "sysctl -w user.max_user_namespaces=15000, on Debian and Ubuntu also "
                   "kernel.unprivileged_userns_clone=1 and "
                   "kernel.apparmor_restrict_unprivileged_userns=0";
  std::vector<Need> needs = {
      {facts.machine == "x86_64", "an x86_64 kernel (this is " + facts.machine + ")",
       "use an x86_64 host"},
      {facts.user_namespaces, "user namespaces", userns_mend},
      {facts.network_namespaces, "network namespaces", "sysctl -w user.max_net_namespaces=15000"},
      {facts.new_mount_api, "the mount calls fsopen, open_tree, move_mount and mount_setattr",
       "boot Linux 5.12 or later"},
      {facts.openat2, "openat2", "boot Linux 5.6 or later"},
      {facts.close_range, "close_range", "boot Linux 5.11 or later"},
      {facts.pidfd, "pidfd_open", "boot Linux 5.3 or later"},
      {facts.seccomp_filter && facts.seccomp_errno && facts.seccomp_kill_process,
       "seccomp filters that answer errno and kill", "boot a kernel with CONFIG_SECCOMP_FILTER"},
  };
  for (Need& need : facts.root ? root_needs(facts) : rootless_needs(facts))
    needs.push_back(std::move(need));
  for (Need& need : view_needs(facts))
    needs.push_back(std::move(need));
  return needs;
}

void add_unmet(const std::vector<Guarantee>& list, std::string& text) {
  for (const Guarantee& one : list) {
    if (one.given || !one.used) continue;
    text += "\n  - guarantee " + std::string(to_string(one.id)) + ": " + one.why;
    text +=
        "; " + (one.mends.empty() ? "ask for assurance = \"best\" to go on without it" : one.mends);
  }
}

}  // namespace

Status check_host(const model::Profile& profile, const HostFacts& facts) {
  std::string text;
  for (const Need& need : all_needs(facts)) {
    if (!need.there) text += "\n  - " + need.what + ": " + need.mends;
  }
  if (profile.session.assurance == model::AssuranceLevel::kFull) {
    add_unmet(guarantees(facts, &profile), text);
  }
  if (text.empty()) return Done{};
  return Error{"this host lacks what the workspace needs:" + text};
}

Status check_host(const HostFacts& facts) {
  return check_host(model::Profile{}, facts);
}

}  // namespace carrel::plan
