// A workspace's disk in an opening: made or found, held to what the profile gives it.

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "launcher/box/kernel/mount_api.h"
#include "launcher/box/plan/limits.h"
#include "launcher/box/storage/key_slots.h"
#include "launcher/service/kept_disk.h"
#include "launcher/service/opener.h"
#include "profiles/base/text.h"

namespace carrel::service {

using storage::DiskSize;
using storage::KeySlots;

namespace {

constexpr const char* kHome = "home";

std::string amount(const char* limit, uint64_t value) {
  return plan::amount_text(limit, value) + (limit == std::string_view("inodes") ? " files" : "");
}

/// ext4 rounds up, by as much as it has groups.
bool is_more(uint64_t inodes, uint64_t granted, uint64_t disk_bytes) {
  const uint64_t groups = disk_bytes / (uint64_t{128} << 20) + 1;
  return inodes > granted + granted / 64 + (groups + 1) * storage::kInodesRounding;
}

}  // namespace

Status Opener::mount_disk() {
  const bool is_new = workspace_->is_new();
  if (!uses_image()) {
    if (!is_new) return Done{};
    ASSIGN_OR_RETURN(const UniqueFd home,
                     make_workspace_folder(workspace_->folder_fd(), kHome, work_owner()));
    if (fchmod(home.get(), 0700) != 0) return errno_error("set the mode of the home folder");
    return Done{};
  }
  const std::string name = workspace_->name();
  if (is_new) {
    undos_.emplace_back([this, name] {
      Result<KeySlots> keys = KeySlots::open(tools_.state.vault.get());
      if (keys.ok()) {
        KeySlots slots = keys.take();
        if (slots.erase(name).ok()) return;
      }
      tools_.log("key.left workspace=" + name);
    });
  }
  const DiskSize size = disk_size(opening_.profile.limits);
  ASSIGN_OR_RETURN(storage::WorkspaceDisk disk, find_disk(size));
  disk_.emplace(std::move(disk));
  for (const SlicedRepository& slice : slices_)
    RETURN_IF_ERROR(disk_->add_repository(slice.name));
  return measure_disk(size);
}

/// As it is still mounted, or mounted now.
Result<storage::WorkspaceDisk> Opener::find_disk(const DiskSize& size) {
  const int folder = workspace_->folder_fd();
  const std::string name = workspace_->name();
  if (opening_.disk.has_value()) {
    storage::WorkspaceDisk kept = std::move(*opening_.disk);
    opening_.disk.reset();
    const Status fits = check_kept_disk(tools_.state, folder, name, kept);
    if (fits.ok()) return kept;
    tools_.log("disk.refused workspace=" + name + " why=" + quoted(to_string(fits.error())));
  }
  return open_disk(tools_.state, folder, name, workspace_->is_new(), size);
}

/// Once nothing in the workspace runs. The server has it written back, beside the closing of the
/// record, and keeps it if the session ends well.
void Opener::hand_disk_over() {
  if (!tools_.disks_linger || !disk_.has_value()) return;
  KeptDisk kept{std::move(*disk_), std::move(overlays_)};
  disk_.reset();
  // A server that is gone keeps nothing.
  (void)send_disk(opening_.server, std::move(kept)).ok();
}

/// A disk keeps the size that it was formatted with. Its bytes can be limited to anything up to
/// that; the number of its files is what it is: more than the profile gives now is missing in the
/// assurance, less is said.
Status Opener::measure_disk(const DiskSize& size) {
  ASSIGN_OR_RETURN(const DiskSize most, disk_->most());
  ASSIGN_OR_RETURN(const DiskSize used, disk_->used());
  disk_limits_ = {std::min(size.bytes, most.bytes), size.inodes};
  const auto made_for = [this](const char* limit, uint64_t holds, uint64_t granted) {
    return "the disk of this workspace was made to hold " + amount(limit, holds) + "; the " +
           amount(limit, granted) + " that its profile says now (limits." + limit +
           ") hold for a new workspace only";
  };
  if (most.bytes < size.bytes) {
    warnings_.push_back(made_for("disk", most.bytes, size.bytes) + ".");
  }
  if (used.bytes > disk_limits_.bytes) {
    warnings_.push_back("this workspace holds " + amount("disk", used.bytes) + ", and may hold " +
                        amount("disk", disk_limits_.bytes) +
                        " (limits.disk): delete something before you write.");
  }
  if (most.inodes < size.inodes || is_more(most.inodes, size.inodes, most.bytes)) {
    disk_limits_.inodes = most.inodes;
    const std::string text = made_for("inodes", most.inodes, size.inodes);
    warnings_.push_back(text + ".");
    if (most.inodes > size.inodes) storage_.reason = text;
  }
  return Done{};
}

/// After everything that has to be written there: a full workspace opens as well.
Status Opener::limit_disk() {
  return disk_.has_value() ? disk_->limit(disk_limits_.bytes) : Status(Done{});
}

Result<UniqueFd> Opener::home_source() {
  if (uses_image()) {
    ASSIGN_OR_RETURN(const UniqueFd lower, place_at(workspace_->folder_fd(), "lower"));
    ASSIGN_OR_RETURN(const UniqueFd upper, place_at(workspace_->folder_fd(), "upper"));
    return disk_->home({lower.get(), upper.get()});
  }
  ASSIGN_OR_RETURN(const UniqueFd place,
                   open_beneath(workspace_->folder_fd(), kHome, O_PATH | O_DIRECTORY));
  return kernel::clone_tree(place.get(), kernel::Tree::kOne);
}

}  // namespace carrel::service
