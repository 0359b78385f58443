#include "launcher/service/cgroup_home.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "launcher/box/kernel/cgroup_delegation.h"
#include "launcher/box/probe/cgroup_layout.h"
#include "profiles/base/text.h"
#include "profiles/base/ulid.h"

namespace carrel::service {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

/// Names of session groups: a ULID, or one with "-slicer" or "-ssh-N" behind it.
bool is_session(const std::string& name) {
  constexpr size_t kUlid = 26;
  return is_ulid(std::string_view(name).substr(0, kUlid)) &&
         (name.size() == kUlid || name.substr(kUlid) == "-slicer" ||
          name.substr(kUlid).starts_with("-ssh-"));
}

/// Of the unified tree, as cgroup.subtree_control names them.
std::string controllers_of(const plan::CgroupFacts& facts) {
  std::string names = facts.memory_v2 ? "memory" : "";
  if (facts.pids_v2) names += names.empty() ? "pids" : " pids";
  if (facts.cpu_v2) names += names.empty() ? "cpu" : " cpu";
  return names;
}

std::vector<std::string> groups_in(const kernel::CgroupFolder& folder,
                                   const std::function<bool(const std::string&)>& wanted) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, CloseFolder> groups(opendir(folder.folders().unified.c_str()));
  if (groups == nullptr) return names;
  while (const dirent* entry = readdir(groups.get())) {  // NOLINT(concurrency-mt-unsafe)
    if (wanted(entry->d_name)) names.emplace_back(entry->d_name);
  }
  return names;
}

void clear(const kernel::CgroupFolder& folder, const Log& log) {
  for (const std::string& name : groups_in(folder, is_session)) {
    const Status gone = clear_group(folder, name);
    log("cgroup.cleared group=" + name +
        (gone.ok() ? "" : " why=" + quoted(to_string(gone.error()))));
  }
}

}  // namespace

Status clear_group(const kernel::CgroupFolder& folder, const std::string& name) {
  ASSIGN_OR_RETURN(kernel::CgroupLeaf leaf, kernel::CgroupLeaf::create(folder, name, {}));
  RETURN_IF_ERROR(leaf.kill_all(10'000));
  return leaf.remove();
}

Status clear_groups(const kernel::CgroupFolder& folder, const std::string& prefix) {
  Status all = Done{};
  const auto begins = [&prefix](const std::string& name) { return name.starts_with(prefix); };
  for (const std::string& name : groups_in(folder, begins)) {
    Status gone = clear_group(folder, name);
    if (!gone.ok()) all = std::move(gone);
  }
  return all;
}

Result<CgroupHome> make_cgroup_home(const plan::CgroupFacts& facts, int state_fd, const Log& log) {
  struct stat state {};
  if (fstat(state_fd, &state) != 0) return errno_error("fstat the state folder");
  const std::string controllers = controllers_of(facts);
  // Only the root of the unified tree may hold processes and hand on controllers at once
  // (cgroups(7), "no internal processes"); without controllers any place will do.
  const bool at_root = facts.own == "/" || (!controllers.empty() && !facts.delegated);
  const std::string own = at_root ? "" : facts.own;
  const std::string place = facts.unified + own;
  const std::string leaf(probe::kProcessesLeaf);
  const std::string handed_on = facts.delegated && !controllers.empty() ? place : "";
  if (!handed_on.empty()) RETURN_IF_ERROR(kernel::hand_on(handed_on, leaf, controllers));
  kernel::CgroupRoots roots{place, facts.memory_v1, facts.pids_v1, facts.memory_v2, facts.pids_v2};
  roots.cpu_v1 = facts.cpu_v1;
  roots.cpu_v2 = facts.cpu_v2;
  roots.swap_counted = facts.swap_counted;
  const std::string name =
      "carrel-" + std::to_string(state.st_dev) + "-" + std::to_string(state.st_ino);
  Result<kernel::CgroupFolder> made = kernel::CgroupFolder::create(roots, name);
  if (!made.ok()) {
    if (!handed_on.empty()) kernel::take_back(handed_on, leaf, controllers);
    return made.error();
  }
  kernel::CgroupFolder folder = made.take();
  clear(folder, log);
  struct stat what {};
  const std::string& path = folder.folders().unified;
  if (stat(path.c_str(), &what) != 0) return errno_error("stat " + path);
  const auto depth = static_cast<uint32_t>(std::count(own.begin(), own.end(), '/')) + 1;
  return CgroupHome{std::move(folder), handed_on, controllers, what.st_ino, depth};
}

std::optional<CgroupHome> make_delegated_home(plan::CgroupFacts& facts, int state_fd,
                                              const Log& log) {
  if (!facts.delegated) return std::nullopt;
  Result<CgroupHome> home = make_cgroup_home(facts, state_fd, log);
  if (!home.ok() && !controllers_of(facts).empty()) {
    facts.reason = to_string(home.error());
    log("cgroup.limited why=" + quoted(facts.reason));
    facts.memory_v2 = facts.pids_v2 = facts.cpu_v2 = false;
    home = make_cgroup_home(facts, state_fd, log);
  }
  if (home.ok()) return home.take();
  facts.reason = to_string(home.error());
  log("cgroup.none why=" + quoted(facts.reason));
  facts.delegated = false;
  return std::nullopt;
}

void remove_home(CgroupHome& home) {
  home.folder.remove();
  if (home.handed_on.empty()) return;
  kernel::take_back(home.handed_on, std::string(probe::kProcessesLeaf), home.controllers);
}

}  // namespace carrel::service
