#include "launcher/box/probe/cgroup_layout.h"

#include <algorithm>
#include <vector>

namespace carrel::probe {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool lists(std::string_view options, std::string_view wanted) {
  const auto parts = split(options, ',');
  return std::find(parts.begin(), parts.end(), wanted) != parts.end();
}

// mountinfo writes blank, tab, newline and backslash as \ooo.
std::string unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](size_t at) { return text[at] >= '0' && text[at] <= '7'; };
    if (text[i] == '\\' && i + 3 < text.size() && digit(i + 1) && digit(i + 2) && digit(i + 3)) {
      const int value = (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0');
      out += static_cast<char>(value & 0xFF);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

struct CgroupMount {
  std::string root;   // the folder of the hierarchy that is mounted
  std::string point;  // where
  bool v2 = false;
  std::string options;  // of the superblock: the v1 controllers
};

std::vector<CgroupMount> cgroup_mounts(std::string_view mountinfo) {
  std::vector<CgroupMount> list;
  for (const std::string_view line : split(mountinfo, '\n')) {
    const auto fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 6 || fields.end() - dash < 4) continue;
    const std::string_view type = *(dash + 1);
    if (type != "cgroup" && type != "cgroup2") continue;
    list.push_back(
        {unescaped(fields[3]), unescaped(fields[4]), type == "cgroup2", std::string(*(dash + 3))});
  }
  return list;
}

// The group of this process in the hierarchy that `controller` names, "" for the unified one.
std::string own_group(std::string_view cgroup, std::string_view controller) {
  for (const std::string_view line : split(cgroup, '\n')) {
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? controllers.empty() : lists(controllers, controller)) {
      return std::string(line.substr(second + 1));
    }
  }
  return "";
}

// `group` as seen below a mount of `root`: "/" where the group is the root or lies outside of it.
std::string below(const std::string& group, const std::string& root) {
  if (root == "/" || root.empty()) return group.empty() ? "/" : group;
  if (group.size() > root.size() && group.compare(0, root.size(), root) == 0 &&
      group[root.size()] == '/') {
    return group.substr(root.size());
  }
  return "/";
}

std::string joined(const std::string& point, const std::string& group) {
  return group == "/" ? point : point + group;
}

std::string v1_folder(const std::vector<CgroupMount>& mounts, std::string_view cgroup,
                      std::string_view controller) {
  for (const CgroupMount& mount : mounts) {
    if (mount.v2 || !lists(mount.options, controller)) continue;
    return joined(mount.point, below(own_group(cgroup, controller), mount.root));
  }
  return "";
}

}  // namespace

std::string without_leaf(const std::string& group) {
  const size_t at = group.rfind('/');
  if (at == std::string::npos || std::string_view(group).substr(at + 1) != kProcessesLeaf) {
    return group;
  }
  return at == 0 ? "/" : group.substr(0, at);
}

plan::CgroupFacts parse_cgroups(std::string_view mountinfo, std::string_view cgroup) {
  plan::CgroupFacts facts;
  const std::vector<CgroupMount> mounts = cgroup_mounts(mountinfo);
  facts.memory_v1 = v1_folder(mounts, cgroup, "memory");
  facts.pids_v1 = v1_folder(mounts, cgroup, "pids");
  facts.cpu_v1 = v1_folder(mounts, cgroup, "cpu");
  bool any_v1 = false;
  for (const CgroupMount& mount : mounts) {
    any_v1 = any_v1 || !mount.v2;
    if (!mount.v2 || !facts.unified.empty()) continue;
    facts.unified = mount.point;
    facts.own = below(own_group(cgroup, ""), mount.root);
  }
  if (!facts.unified.empty()) {
    facts.layout = any_v1 ? plan::CgroupLayout::kHybrid : plan::CgroupLayout::kV2;
  }
  return facts;
}

}  // namespace carrel::probe
