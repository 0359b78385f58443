#include "launcher/box/sandbox/mount_list.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "launcher/box/kernel/mount_api.h"
#include "profiles/base/text.h"

namespace carrel::sandbox {

using kernel::Tree;
using plan::Access;
using plan::Exec;
using plan::MountKind;
using plan::MountStep;

namespace {

/// A tmpfs of the tree under construction and where it will stand.
struct Made {
  std::vector<std::string> at;
  int fd = -1;
};

uint32_t owner_of(const plan::SandboxPlan& plan, const MountStep& step) {
  return step.owner == plan::Owner::kPayload ? plan.uids.payload_host() : plan.uids.init_host();
}

Result<UniqueFd> make_tmpfs(const plan::SandboxPlan& plan, const MountStep& step) {
  const uint32_t owner = owner_of(plan, step);
  return kernel::new_tmpfs({owner, owner, step.mode, step.size_bytes, step.inodes});
}

class Builder {
 public:
  Builder(const plan::SandboxPlan& plan, Resources& resources)
      : plan_(plan), resources_(resources) {}
  Result<MountList> build();

 private:
  struct Place {
    UniqueFd folder;
    std::string name;
  };
  Status add(const MountStep& step);
  Status add_tmpfs(const MountStep& step);
  Status add_host_bind(const MountStep& step);
  Status add_source(const MountStep& step);
  Status add_device(const MountStep& step);
  Status add_mask(const MountStep& step);
  Status make_directory(const MountStep& step);
  Status make_file(const MountStep& step, const std::string& text);
  Status make_target(const MountStep& step);
  Result<Place> place_of(const SandboxPath& target);
  Status own(const Place& place, const MountStep& step) const;
  Result<UniqueFd> null_device();
  Result<UniqueFd> tmpfs_of(const MountStep& step);
  [[nodiscard]] uint32_t owner(const MountStep& step) const { return owner_of(plan_, step); }
  void push(Act act, const MountStep& step, UniqueFd mount) {
    const std::string text = step.target.text();
    list_.mounts.push_back(Mount{act, text == "/" ? "." : text.substr(1), std::move(mount)});
  }

  const plan::SandboxPlan& plan_;
  Resources& resources_;
  MountList list_;
  std::vector<Made> made_;
};

uint64_t attributes(const MountStep& step, bool devices) {
  uint64_t bits = MOUNT_ATTR_NOSUID;
  if (!devices) bits |= MOUNT_ATTR_NODEV;
  if (step.access == Access::kReadOnly) bits |= MOUNT_ATTR_RDONLY;
  if (step.exec == Exec::kForbidden) bits |= MOUNT_ATTR_NOEXEC;
  return bits;
}

/// The deepest tmpfs at or above the target, its parents made (0755, init's), and the last name.
Result<Builder::Place> Builder::place_of(const SandboxPath& target) {
  const std::vector<std::string>& parts = target.parts();
  if (parts.empty()) return Error{"a step makes the root itself"};
  const Made* best = nullptr;
  for (const Made& made : made_) {
    const bool above =
        made.at.size() < parts.size() && std::equal(made.at.begin(), made.at.end(), parts.begin());
    if (above && (best == nullptr || made.at.size() >= best->at.size())) best = &made;
  }
  if (best == nullptr) return Error{"no tmpfs above " + target.text()};
  UniqueFd folder(openat(best->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return errno_error("open the new root");
  for (size_t i = best->at.size(); i + 1 < parts.size(); ++i) {
    const bool fresh = mkdirat(folder.get(), parts[i].c_str(), 0755) == 0;
    if (!fresh && errno != EEXIST) return errno_error("make folder above " + target.text());
    UniqueFd below(
        openat(folder.get(), parts[i].c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!below.valid()) return errno_error("open folder above " + target.text());
    if (fresh && fchown(below.get(), plan_.uids.init_host(), plan_.uids.init_host()) != 0) {
      return errno_error("own folder above " + target.text());
    }
    folder = std::move(below);
  }
  return Place{std::move(folder), parts.back()};
}

Status Builder::own(const Place& place, const MountStep& step) const {
  if (fchownat(place.folder.get(), place.name.c_str(), owner(step), owner(step),
               AT_SYMLINK_NOFOLLOW) != 0) {
    return errno_error("own " + step.target.text());
  }
  return Done{};
}

Status Builder::make_directory(const MountStep& step) {
  ASSIGN_OR_RETURN(const Place place, place_of(step.target));
  if (mkdirat(place.folder.get(), place.name.c_str(), step.mode) != 0 && errno != EEXIST) {
    return errno_error("make folder " + step.target.text());
  }
  if (fchmodat(place.folder.get(), place.name.c_str(), step.mode, 0) != 0) {
    return errno_error("set mode of " + step.target.text());
  }
  return own(place, step);
}

Status Builder::make_file(const MountStep& step, const std::string& text) {
  ASSIGN_OR_RETURN(const Place place, place_of(step.target));
  const UniqueFd file(openat(place.folder.get(), place.name.c_str(),
                             O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, step.mode));
  if (!file.valid()) return errno_error("make file " + step.target.text());
  if (fchmod(file.get(), step.mode) != 0) return errno_error("set mode of " + step.target.text());
  if (write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return errno_error("write file " + step.target.text());
  }
  return own(place, step);
}

Status Builder::make_target(const MountStep& step) {
  if (!step.make_target) return Done{};
  MountStep empty = step;
  empty.mode = 0755;
  empty.owner = plan::Owner::kInit;
  const bool file = step.type == plan::TargetType::kFile || step.kind == MountKind::kDevice;
  if (!file) return make_directory(empty);
  empty.mode = 0644;
  return make_file(empty, "");
}

Result<UniqueFd> Builder::tmpfs_of(const MountStep& step) {
  for (Scratch& made : resources_.scratch) {
    if (made.mount.valid() && made.path == step.target.text()) return std::move(made.mount);
  }
  return make_tmpfs(plan_, step);
}

Status Builder::add_tmpfs(const MountStep& step) {
  ASSIGN_OR_RETURN(UniqueFd mount, tmpfs_of(step));
  MountStep writable = step;
  writable.access = Access::kReadWrite;
  RETURN_IF_ERROR(
      kernel::set_mount_attributes(mount.get(), attributes(writable, false), Tree::kOne));
  const std::string text = step.target.text();
  const bool is_root = text == "/";
  if (!is_root) RETURN_IF_ERROR(make_target(step));
  made_.push_back(Made{step.target.parts(), mount.get()});
  if (step.access == Access::kReadOnly) {
    list_.read_only.insert(list_.read_only.begin(), is_root ? "." : text.substr(1));
  }
  if (is_root) {
    list_.root = std::move(mount);
  } else {
    push(Act::kAttach, step, std::move(mount));
  }
  return Done{};
}

Status Builder::add_host_bind(const MountStep& step) {
  const std::string host = step.host->text();
  const int kind = step.type == plan::TargetType::kFolder ? O_DIRECTORY : 0;
  const UniqueFd source(open(host.c_str(), O_PATH | O_CLOEXEC | O_NOFOLLOW | kind));
  if (!source.valid()) return errno_error("open " + host);
  Result<UniqueFd> tree = kernel::clone_tree(source.get(), Tree::kRecursive);
  if (!tree.ok()) return Error{"clone " + host + ": " + tree.error().what, tree.error().sys_errno};
  UniqueFd mount = tree.take();
  RETURN_IF_ERROR(
      kernel::set_mount_attributes(mount.get(), attributes(step, false), Tree::kRecursive));
  RETURN_IF_ERROR(make_target(step));
  push(Act::kAttach, step, std::move(mount));
  return Done{};
}

Status Builder::add_source(const MountStep& step) {
  if (!step.source.has_value() || *step.source >= resources_.sources.size()) {
    return Error{"no source was opened for " + step.target.text()};
  }
  UniqueFd mount = std::move(resources_.sources[*step.source]);
  if (step.idmapped) RETURN_IF_ERROR(kernel::idmap_mount(mount.get(), resources_.idmap_fd));
  RETURN_IF_ERROR(kernel::set_mount_attributes(mount.get(), attributes(step, false), Tree::kOne));
  RETURN_IF_ERROR(make_target(step));
  push(Act::kAttach, step, std::move(mount));
  return Done{};
}

Status Builder::add_device(const MountStep& step) {
  const std::string host = step.host->text();
  const UniqueFd device(open(host.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!device.valid()) return errno_error("open " + host);
  struct stat what {};
  if (fstat(device.get(), &what) != 0) return errno_error("fstat " + host);
  if (!S_ISCHR(what.st_mode) || what.st_rdev != makedev(step.device_major, step.device_minor)) {
    return Error{host + " is not the device it should be"};
  }
  ASSIGN_OR_RETURN(UniqueFd mount, kernel::clone_tree(device.get(), Tree::kOne));
  MountStep writable = step;
  writable.access = Access::kReadWrite;
  RETURN_IF_ERROR(
      kernel::set_mount_attributes(mount.get(), attributes(writable, true), Tree::kOne));
  RETURN_IF_ERROR(make_target(step));
  push(Act::kAttach, step, std::move(mount));
  return Done{};
}

Result<UniqueFd> Builder::null_device() {
  const UniqueFd device(open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat what {};
  if (!device.valid() || fstat(device.get(), &what) != 0) return errno_error("open /dev/null");
  if (!S_ISCHR(what.st_mode) || what.st_rdev != makedev(1, 3)) {
    return Error{"/dev/null is not the null device"};
  }
  return kernel::clone_tree(device.get(), Tree::kOne);
}

Status Builder::add_mask(const MountStep& step) {
  UniqueFd cover;
  if (step.kind == MountKind::kMaskFile) {
    ASSIGN_OR_RETURN(cover, null_device());
    RETURN_IF_ERROR(kernel::set_mount_attributes(
        cover.get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, Tree::kOne));
  } else {
    ASSIGN_OR_RETURN(
        cover, kernel::new_tmpfs({plan_.uids.init_host(), plan_.uids.init_host(), 0555, 4096, 1}));
    RETURN_IF_ERROR(kernel::set_mount_attributes(
        cover.get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
        Tree::kOne));
  }
  push(Act::kAttachIfThere, step, std::move(cover));
  return Done{};
}

Status Builder::add(const MountStep& step) {
  switch (step.kind) {
    case MountKind::kTmpfs:
      return add_tmpfs(step);
    case MountKind::kDirectory:
      return make_directory(step);
    case MountKind::kFile:
      return make_file(step, step.text);
    case MountKind::kSymlink: {
      ASSIGN_OR_RETURN(const Place place, place_of(step.target));
      if (symlinkat(step.text.c_str(), place.folder.get(), place.name.c_str()) != 0) {
        return errno_error("link " + step.target.text());
      }
      return own(place, step);
    }
    case MountKind::kHostBind:
      return add_host_bind(step);
    case MountKind::kSource:
      return add_source(step);
    case MountKind::kDevice:
      return add_device(step);
    case MountKind::kMaskFile:
    case MountKind::kMaskFolder:
      return add_mask(step);
    case MountKind::kReadOnly:
      push(Act::kReadOnlyInPlace, step, UniqueFd());
      return Done{};
    case MountKind::kProc:
    case MountKind::kDevpts:
      RETURN_IF_ERROR(make_target(step));
      push(step.kind == MountKind::kProc ? Act::kProc : Act::kDevpts, step, UniqueFd());
      return Done{};
  }
  return Error{"an unknown kind of mount"};
}

Result<MountList> Builder::build() {
  for (const MountStep& step : plan_.mounts) {
    Status added = add(step);
    if (!added.ok()) {
      Error error = added.take_error();
      return Error{"prepare " + step.target.text() + ": " + error.what, error.sys_errno};
    }
  }
  if (!list_.root.valid()) return Error{"the plan has no root"};
  return std::move(list_);
}

}  // namespace

Result<std::vector<Scratch>> make_scratch(const plan::SandboxPlan& plan) {
  std::vector<Scratch> list;
  for (const MountStep& step : plan.mounts) {
    if (step.kind != MountKind::kTmpfs || step.access != Access::kReadWrite) continue;
    ASSIGN_OR_RETURN(UniqueFd mount, make_tmpfs(plan, step));
    list.push_back({step.target.text(), std::move(mount)});
  }
  return list;
}

Result<MountList> prepare_mounts(const plan::SandboxPlan& plan, Resources& resources) {
  return Builder(plan, resources).build();
}

}  // namespace carrel::sandbox
