// What git needs to live with read-only entries (docs/slices.md), put back before a workspace is
// opened again. Nothing of the contractor's is read here: carrel-slicer does that, in a jail.

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <utility>

#include "broker/wire/manifest/manifest.h"
#include "launcher/box/kernel/id_map.h"
#include "launcher/box/kernel/mount_api.h"
#include "launcher/service/opener.h"
#include "launcher/service/slicing.h"
#include "profiles/base/text.h"

namespace carrel::service {
namespace {

struct Untouched {
  const char* path;
  int64_t time;
};
constexpr std::array<Untouched, 4> kUntouched = {
    Untouched{".git/config", manifest::kFileTime},
    Untouched{".git/info/exclude", manifest::kFileTime},
    Untouched{".git/info/sparse-checkout", manifest::kFileTime},
    Untouched{".git/index", manifest::kIndexTime}};

bool has_time(int tree_fd, const Untouched& file) {
  const Result<UniqueFd> found = open_beneath(tree_fd, file.path, O_PATH);
  struct stat what {};
  return found.ok() && fstat(found.value().get(), &what) == 0 && S_ISREG(what.st_mode) &&
         what.st_mtim.tv_sec == file.time && what.st_mtim.tv_nsec == 0;
}

/// True while nobody has worked with git in the tree: then mending is not worth a jail. Who forges
/// times spoils their own git and nothing else.
bool is_untouched(int tree_fd) {
  const Result<UniqueFd> other = open_beneath(tree_fd, ".git/config.worktree", O_PATH);
  if (other.ok() || other.error().sys_errno != ENOENT) return false;
  for (const Untouched& file : kUntouched) {
    if (!has_time(tree_fd, file)) return false;
  }
  return true;
}

}  // namespace

/// A mount of its own of a working tree in an overlay. The overlay's first mount has been attached
/// then, and cannot be moved into a workspace any more: another one takes its place.
Result<UniqueFd> Opener::overlay_to_mend(size_t index) {
  ASSIGN_OR_RETURN(const UniqueFd place, place_at(workspace_->folder_fd(), "mend"));
  UniqueFd first = std::move(overlays_[index]);
  RETURN_IF_ERROR(kernel::attach_mount(first.get(), place.get(), "."));
  Result<UniqueFd> second = kernel::clone_tree(first.get(), kernel::Tree::kOne);
  Result<UniqueFd> third = kernel::clone_tree(first.get(), kernel::Tree::kOne);
  RETURN_IF_ERROR(kernel::detach_mount(first.get()));
  if (!second.ok()) return second;
  overlays_[index] = second.take();
  return third;
}

/// The same of one in a folder, whose files belong to the on-disk owner.
Result<UniqueFd> Opener::folder_to_mend(const UniqueFd& tree) const {
  ASSIGN_OR_RETURN(UniqueFd mount, kernel::clone_tree(tree.get(), kernel::Tree::kOne));
  if (!tools_.facts.root) return mount;  // everything is the caller's own
  ASSIGN_OR_RETURN(const UniqueFd map,
                   kernel::make_id_map({plan::kOnDiskOwner, plan_.uids.payload_host()}));
  RETURN_IF_ERROR(kernel::idmap_mount(mount.get(), map.get()));
  return mount;
}

Status Opener::mend_tree(size_t index) {
  const UniqueFd& slice = slices_[index].folder;
  UniqueFd mount;
  if (uses_image()) {
    if (is_untouched(overlays_[index].get())) return Done{};
    ASSIGN_OR_RETURN(mount, overlay_to_mend(index));
  } else {
    ASSIGN_OR_RETURN(const UniqueFd tree, open_beneath(slice.get(), "tree", O_PATH | O_DIRECTORY));
    if (is_untouched(tree.get())) return Done{};
    ASSIGN_OR_RETURN(mount, folder_to_mend(tree));
  }
  SliceJob job = slice_job(index);
  job.uid_base = opening_.uid_base;  // its payload owns the files
  SliceFailure failure;
  if (mend_git(tools_.facts, job, slice.get(), std::move(mount), &failure).ok()) return Done{};
  if (is_unwanted()) return slicing_failed(failure);
  warnings_.push_back(failure.text);
  tools_.log("git.not_mended session=" + opening_.spec.session() + " why=" + quoted(failure.text));
  return Done{};
}

/// A tree that cannot be mended is a nuisance to git, which the contractor is told; the session
/// goes on.
Status Opener::mend_trees() {
  if (workspace_->is_new()) return Done{};
  for (size_t i = 0; i < slices_.size(); ++i) {
    if (!slices_[i].head.read_only.empty()) RETURN_IF_ERROR(mend_tree(i));
  }
  return Done{};
}

}  // namespace carrel::service
