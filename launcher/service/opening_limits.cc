// What the session needs to see that a limit of its workspace was reached.

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "launcher/service/opener.h"

namespace carrel::service {

Status Opener::make_limit_files() {
  kernel::LimitFiles files;
  if (opening_.cgroup != nullptr) {
    ASSIGN_OR_RETURN(files, opening_.cgroup->open_limit_files());
  }
  const auto add = [this](const char* name, UniqueFd& file) {
    if (file.valid()) limits_.files.emplace_back(name, std::move(file));
  };
  add("memory", files.memory);
  add("memory.used", files.memory_used);
  add("processes", files.processes);
  add("processes.used", files.processes_used);
  add("cpu", files.cpu);
  ASSIGN_OR_RETURN(scratch_, sandbox::make_scratch(plan_));
  for (const sandbox::Scratch& scratch : scratch_) {
    UniqueFd folder(openat(scratch.mount.get(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!folder.valid()) return errno_error("open " + scratch.path);
    protocol::Volume volume;
    volume.set_limit("tmpfs");
    volume.set_path(scratch.path);
    limits_.volumes.emplace_back(std::move(volume), std::move(folder));
  }
  return disk_.has_value() ? add_disk_volume() : Status(Done{});
}

/// The disk shows itself as the home folder and as the top of each working tree (overlayfs: with a
/// device number of its own).
Status Opener::add_disk_volume() {
  UniqueFd folder(openat(disk_->folder_fd(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return errno_error("open the workspace's disk");
  protocol::Volume volume;
  volume.set_limit("disk");
  volume.set_path("/workspaces");
  volume.add_also("/home/contractor");
  for (const UniqueFd& overlay : overlays_) {
    struct stat what {};
    if (fstat(overlay.get(), &what) != 0) return errno_error("fstat a working tree");
    volume.add_devices(what.st_dev);
  }
  limits_.volumes.emplace_back(std::move(volume), std::move(folder));
  return Done{};
}

void Opener::add_limits(protocol::SessionConfig& config) const {
  const auto add = [&config](const char* limit, uint64_t value) {
    if (value == 0) return;
    protocol::LimitValue* one = config.add_limits();
    one->set_limit(limit);
    one->set_value(value);
  };
  const plan::Limits& limits = opening_.profile.limits;
  const plan::Ceilings& ceilings = plan_.ceilings;
  add("memory", ceilings.memory_bytes);
  add("processes", ceilings.processes == 0 ? 0 : limits.processes);
  add("cpu", ceilings.cpu_milli);
  add("open_files", limits.open_files);
  add("disk", disk_limits_.bytes);
  add("inodes", disk_limits_.inodes);
  for (const auto& [name, file] : limits_.files)
    config.add_limit_files(name);
  for (const auto& [volume, folder] : limits_.volumes)
    *config.add_volumes() = volume;
}

}  // namespace carrel::service
