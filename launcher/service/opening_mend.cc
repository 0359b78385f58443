// What git needs to live with read-only entries (docs/slices.md), put back before a workspace is
// opened again. Nothing of the contractor's is read here: carrel-slicer does that, in a jail.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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

std::string time_text(const statx_timestamp& time) {
  return std::to_string(time.tv_sec) + "." + std::to_string(time.tv_nsec);
}

/// Which files they are, and when each last changed in any way: nobody sets a ctime. "" where that
/// cannot be told.
std::string identities(int tree_fd) {
  std::string all;
  for (const char* path : {".git/config", ".git/config.worktree", ".git/info/exclude",
                           ".git/info/sparse-checkout", ".git/index"}) {
    const Result<UniqueFd> found = open_beneath(tree_fd, path, O_PATH);
    if (!found.ok() && found.error().sys_errno != ENOENT) return "";
    struct statx what {};
    if (found.ok() &&
        statx(found.value().get(), "", AT_EMPTY_PATH, STATX_BASIC_STATS, &what) != 0) {
      return "";
    }
    all += found.ok() ? std::to_string(what.stx_ino) + " " + std::to_string(what.stx_size) + " " +
                            time_text(what.stx_mtime) + " " + time_text(what.stx_ctime) + "\n"
                      : "none\n";
  }
  return all;
}

constexpr size_t kMaxNote = 4096;

std::string note_name(const std::string& repository) {
  return "mended." + repository;
}

/// What write_note() left: "" where it left nothing.
std::string read_note(int folder_fd, const std::string& repository) {
  const Result<UniqueFd> file = open_beneath(folder_fd, note_name(repository), O_RDONLY);
  std::string note(kMaxNote, '\0');
  const ssize_t got = file.ok() ? pread(file.value().get(), note.data(), note.size(), 0) : -1;
  note.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return note;
}

/// Of no consequence where it fails: the next opening mends again.
void write_note(int folder_fd, const std::string& repository, const std::string& note) {
  const UniqueFd file(openat(folder_fd, note_name(repository).c_str(),
                             O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return;
  const ssize_t put = pwrite(file.get(), note.data(), note.size(), 0);
  if (put != static_cast<ssize_t>(note.size())) {
    (void)unlinkat(folder_fd, note_name(repository).c_str(), 0);
  }
}

/// Kept in the workspace's folder on the host: what was right once is not read again until git
/// writes to it. An index of 100,000 files has 10 MB.
bool is_as_mended(int folder_fd, const std::string& repository, int tree_fd) {
  const std::string now = identities(tree_fd);
  return !now.empty() && read_note(folder_fd, repository) == now;
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
  const std::string& name = slices_[index].name;
  UniqueFd mount;
  if (uses_image()) {
    if (is_untouched(overlays_[index].get()) ||
        is_as_mended(workspace_->folder_fd(), name, overlays_[index].get())) {
      return Done{};
    }
    ASSIGN_OR_RETURN(mount, overlay_to_mend(index));
  } else {
    ASSIGN_OR_RETURN(const UniqueFd tree, open_beneath(slice.get(), "tree", O_PATH | O_DIRECTORY));
    if (is_untouched(tree.get())) return Done{};
    ASSIGN_OR_RETURN(mount, folder_to_mend(tree));
  }
  SliceJob job = slice_job(index);
  job.uid_base = opening_.uid_base;  // its payload owns the files
  SliceFailure failure;
  if (mend_git(tools_.facts, job, slice.get(), std::move(mount), &failure).ok()) {
    if (uses_image()) {
      write_note(workspace_->folder_fd(), name, identities(overlays_[index].get()));
    }
    return Done{};
  }
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
