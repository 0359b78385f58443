#include "launcher/service/cgroup_home.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <set>
#include <string>

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

/// In whichever of its trees: a launcher may have been killed between two removals of one group.
std::set<std::string> groups_in(const kernel::CgroupFolder& folder,
                                const std::function<bool(const std::string&)>& wanted) {
  const kernel::CgroupRoots& roots = folder.folders();
  std::set<std::string> names;
  for (const std::string& tree : {roots.unified, roots.memory_v1, roots.pids_v1, roots.cpu_v1}) {
    if (tree.empty()) continue;
    const std::unique_ptr<DIR, CloseFolder> groups(opendir(tree.c_str()));
    if (groups == nullptr) continue;
    while (const dirent* entry = readdir(groups.get())) {  // NOLINT(concurrency-mt-unsafe)
      if (wanted(entry->d_name)) names.emplace(entry->d_name);
    }
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

namespace {

/// Its name in every tree: a later launcher of the state folder finds what this one left.
Result<std::string> name_of(int state_fd) {
  struct stat state {};
  if (fstat(state_fd, &state) != 0) return errno_error("fstat the state folder");
  return "carrel-" + std::to_string(state.st_dev) + "-" + std::to_string(state.st_ino);
}

/// The folder that groups of sessions are made in, and what is left in it cleared.
Result<CgroupHome> make_home(kernel::CgroupRoots roots, const plan::CgroupFacts& facts,
                             const std::string& own, const std::string& name, const Log& log) {
  roots.cpu_v1 = facts.cpu_v1;
  roots.swap_counted = facts.swap_counted;
  ASSIGN_OR_RETURN(kernel::CgroupFolder folder, kernel::CgroupFolder::create(roots, name));
  clear(folder, log);
  struct stat what {};
  const std::string& path = folder.folders().unified;
  if (stat(path.c_str(), &what) != 0) return errno_error("stat " + path);
  const auto depth = static_cast<uint32_t>(std::count(own.begin(), own.end(), '/')) + 1;
  return CgroupHome{std::move(folder), "", "", "", what.st_ino, depth};
}

bool names(const std::string& controllers, std::string_view wanted) {
  return (" " + controllers + " ").find(" " + std::string(wanted) + " ") != std::string::npos;
}

/// In the group that was handed on, whose processes are out of the way then.
Result<CgroupHome> make_home_below(const plan::CgroupFacts& facts, const std::string& controllers,
                                   const std::string& name, const Log& log) {
  const std::string own = facts.own == "/" ? "" : facts.own;
  const std::string place = facts.unified + own;
  const std::string leaf(probe::kProcessesLeaf);
  kernel::CgroupRoots roots{place, facts.memory_v1, facts.pids_v1};
  if (controllers.empty()) return make_home(roots, facts, own, name, log);
  ASSIGN_OR_RETURN(const UniqueFd lock, kernel::lock_group(place));
  ASSIGN_OR_RETURN(const kernel::HandedOn handed, kernel::hand_on(place, leaf, controllers));
  roots.memory_v2 = names(handed.controllers, "memory");
  roots.pids_v2 = names(handed.controllers, "pids");
  roots.cpu_v2 = names(handed.controllers, "cpu");
  Result<CgroupHome> made = make_home(roots, facts, own, name, log);
  if (!made.ok()) {
    kernel::take_back(place, leaf, controllers);
    return made;
  }
  CgroupHome home = made.take();
  home.handed_on = place;
  home.controllers = handed.controllers;
  home.refused = handed.refused;
  return home;
}

constexpr const char* kPlaces = "groups";
constexpr size_t kMaxPlaces = 16 << 10;

/// The folders above a home, a line each: unified, memory, pids, cpu.
void keep_places(const kernel::CgroupRoots& folders, int run_fd, const Log& log) {
  const auto above = [](const std::string& path) { return path.substr(0, path.rfind('/')); };
  std::string text;
  for (const std::string& path :
       {folders.unified, folders.memory_v1, folders.pids_v1, folders.cpu_v1})
    text += (path.empty() ? "" : above(path)) + "\n";
  const UniqueFd file(
      openat(run_fd, kPlaces, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid() ||
      write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    log("cgroup.place_not_kept");
}

/// What the launcher before left, which ran in other groups. Its folders may be gone.
void clear_former_home(const std::string& name, int run_fd, const Log& log) {
  const UniqueFd file(openat(run_fd, kPlaces, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file.valid()) return;
  std::string text(kMaxPlaces, '\0');
  const ssize_t got = read(file.get(), text.data(), text.size());
  text.resize(got > 0 ? static_cast<size_t>(got) : 0);
  std::array<std::string, 4> places;
  for (std::string& place : places) {
    const size_t end = text.find('\n');
    if (end == std::string::npos) return;
    place = text.substr(0, end);
    text.erase(0, end + 1);
  }
  kernel::CgroupRoots roots{places[0], places[1], places[2]};
  roots.cpu_v1 = places[3];
  const auto is_there = [&name](const std::string& place) {
    return !place.empty() && access((place + "/" + name).c_str(), F_OK) == 0;
  };
  if (std::none_of(places.begin(), places.end(), is_there)) return;
  Result<kernel::CgroupFolder> made = kernel::CgroupFolder::create(roots, name);
  if (!made.ok()) return;
  kernel::CgroupFolder former = made.take();
  clear(former, log);
  former.remove();
}

}  // namespace

Result<CgroupHome> make_cgroup_home(const plan::CgroupFacts& facts, int state_fd, int run_fd,
                                    const Log& log) {
  ASSIGN_OR_RETURN(const std::string name, name_of(state_fd));
  clear_former_home(name, run_fd, log);
  if (facts.delegated) {
    Result<CgroupHome> below = make_home_below(facts, controllers_of(facts), name, log);
    if (below.ok()) keep_places(below.value().folder.folders(), run_fd, log);
    if (below.ok()) return below;
    log("cgroup.not_in_unit why=" + quoted(to_string(below.error())));
  }
  const bool controllers = facts.memory_v2 || facts.pids_v2 || facts.cpu_v2;
  // Only the root of the unified tree may hold processes and hand on controllers at once
  // (cgroups(7), "no internal processes"); without controllers any place will do.
  const std::string own = controllers || facts.own == "/" ? "" : facts.own;
  kernel::CgroupRoots roots{facts.unified + own, facts.memory_v1, facts.pids_v1, facts.memory_v2,
                            facts.pids_v2};
  roots.cpu_v2 = facts.cpu_v2;
  ASSIGN_OR_RETURN(CgroupHome home, make_home(roots, facts, own, name, log));
  keep_places(home.folder.folders(), run_fd, log);
  return home;
}

std::optional<CgroupHome> make_delegated_home(plan::CgroupFacts& facts, int state_fd, int run_fd,
                                              const Log& log) {
  const Result<std::string> name = name_of(state_fd);
  if (!name.ok()) return std::nullopt;
  clear_former_home(name.value(), run_fd, log);
  if (!facts.delegated) return std::nullopt;
  Result<CgroupHome> home = make_home_below(facts, controllers_of(facts), name.value(), log);
  if (!home.ok() && !controllers_of(facts).empty()) {
    facts.reason = to_string(home.error());
    home = make_home_below(facts, "", name.value(), log);
  }
  if (!home.ok()) {
    facts.reason = to_string(home.error());
    log("cgroup.none why=" + quoted(facts.reason));
    facts.delegated = false;
    return std::nullopt;
  }
  const kernel::CgroupRoots& folders = home.value().folder.folders();
  facts.memory_v2 = folders.memory_v2;
  facts.pids_v2 = folders.pids_v2;
  facts.cpu_v2 = folders.cpu_v2;
  if (!home.value().refused.empty()) facts.reason = home.value().refused;
  if (!facts.reason.empty()) log("cgroup.limited why=" + quoted(facts.reason));
  keep_places(folders, run_fd, log);
  return home.take();
}

void remove_home(CgroupHome& home, int run_fd) {
  const Result<UniqueFd> lock =
      home.handed_on.empty() ? Result<UniqueFd>(UniqueFd()) : kernel::lock_group(home.handed_on);
  home.folder.remove();
  if (!home.handed_on.empty() && lock.ok())
    kernel::take_back(home.handed_on, std::string(probe::kProcessesLeaf), home.controllers);
  (void)unlinkat(run_fd, kPlaces, 0);
}

}  // namespace carrel::service
