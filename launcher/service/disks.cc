#include "launcher/service/disks.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "launcher/box/kernel/id_map.h"
#include "launcher/box/plan/plan.h"
#include "launcher/box/storage/key_slots.h"
#include "launcher/service/folders.h"
#include "launcher/service/processes.h"
#include "launcher/service/slice_store.h"
#include "launcher/service/workspace.h"
#include "profiles/base/text.h"
#include "profiles/base/ulid.h"

namespace carrel::service {
namespace {

using storage::DiskSize;
using storage::KeySlots;
using storage::WorkspaceDisk;

constexpr const char* kMkfs = "/usr/sbin/mkfs.ext4";
constexpr const char* kImage = "image";
constexpr int kFormatMs = 60'000;
constexpr int kInUseMs = 60'000;
constexpr int kUnmountedMs = 2000;  // of one that was written back

std::string mib(uint64_t bytes) {
  return std::to_string(bytes >> 20) + " MiB";
}

std::string pool_name(const DiskSize& size, int number) {
  return std::to_string(size.bytes) + "-" + std::to_string(size.inodes) + "." +
         std::to_string(number);
}

/// The first place in the pool that is empty; kPoolImages when none is.
int free_place(const State& state, const DiskSize& size) {
  int number = 0;
  while (number < kPoolImages && faccessat(state.pool.get(), pool_name(size, number).c_str(), F_OK,
                                           AT_SYMLINK_NOFOLLOW) == 0) {
    ++number;
  }
  return number;
}

/// mkfs.ext4 on an open file; it has no name of the host's.
Status run_mkfs(int image_fd, const DiskSize& size) {
  ProgramStart start;
  start.program = kMkfs;
  start.arguments = storage::format_arguments(size, "/proc/self/fd/3");
  start.fds = {image_fd};
  ASSIGN_OR_RETURN(const pid_t pid, start_program(start));
  constexpr int kStepMs = 2;
  int status = 0;
  for (int waited = 0;; waited += kStepMs) {
    const pid_t ended = waitpid(pid, &status, WNOHANG);
    if (ended == pid) break;
    if (ended < 0 && errno != EINTR) return errno_error("wait for mkfs.ext4");
    if (waited >= kFormatMs) {
      (void)wait_or_kill(pid, 0);
      return Error{"mkfs.ext4 did not end within a minute", ETIMEDOUT};
    }
    const timespec step{0, kStepMs * 1'000'000L};
    nanosleep(&step, nullptr);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return Done{};
  return Error{"mkfs.ext4 could not format a disk of " + mib(size.bytes) + " with " +
               std::to_string(size.inodes) + " inodes (wait status " + std::to_string(status) +
               ")"};
}

}  // namespace

Status check_host_space(int state_fd, uint64_t floor_bytes) {
  struct statvfs about {};
  if (fstatvfs(state_fd, &about) != 0) return errno_error("ask for the state folder's free space");
  const uint64_t free = uint64_t{about.f_bavail} * about.f_frsize;
  if (free >= floor_bytes) return Done{};
  return Error{"the disk of the state folder has " + mib(free) + " left, and " + mib(floor_bytes) +
                   " must be free to open a workspace: make room there",
               ENOSPC};
}

DiskSize disk_size(const model::Limits& limits) {
  return {limits.disk_bytes, limits.inodes};
}

Status format_image(int folder_fd, const std::string& name, const DiskSize& size) {
  const std::string beside = name + ".new";
  (void)unlinkat(folder_fd, beside.c_str(), 0);  // of one that died half way
  ASSIGN_OR_RETURN(const UniqueFd image,
                   storage::make_image_file(folder_fd, beside, storage::image_bytes(size)));
  Status done = run_mkfs(image.get(), size);
  if (done.ok() && renameat(folder_fd, beside.c_str(), folder_fd, name.c_str()) != 0) {
    done = errno_error("name the image " + quoted(name));
  }
  if (!done.ok()) (void)unlinkat(folder_fd, beside.c_str(), 0);
  return done;
}

Status take_image(const State& state, int folder_fd, const std::string& name,
                  const DiskSize& size) {
  for (int number = 0; number < kPoolImages; ++number) {
    const std::string ready = pool_name(size, number);
    if (renameat(state.pool.get(), ready.c_str(), folder_fd, name.c_str()) == 0) return Done{};
    if (errno != ENOENT) return errno_error("take an image from the pool");
  }
  return format_image(folder_fd, name, size);
}

bool is_pool_full(const State& state, const DiskSize& size) {
  return free_place(state, size) == kPoolImages;
}

Status fill_pool(const State& state, const DiskSize& size) {
  const int number = free_place(state, size);
  if (number == kPoolImages) return Done{};
  return format_image(state.pool.get(), pool_name(size, number), size);
}

Result<WorkspaceDisk> open_disk(const State& state, int folder_fd, const std::string& workspace,
                                bool is_new, const DiskSize& size) {
  ASSIGN_OR_RETURN(KeySlots keys, KeySlots::open(state.vault.get()));
  std::optional<Secret> key;
  if (is_new) {
    // A key of an opening that came to nothing is not used for anything else.
    RETURN_IF_ERROR(keys.erase(workspace));
    ASSIGN_OR_RETURN(Secret made, keys.make(workspace));
    key.emplace(std::move(made));
    RETURN_IF_ERROR(take_image(state, folder_fd, kImage, size));
  } else {
    ASSIGN_OR_RETURN(key, keys.find(workspace));
  }
  if (!key.has_value()) {
    return Error{"the key of workspace " + workspace +
                     " was erased: what lies on its disk cannot be read any more",
                 ENOKEY};
  }
  ASSIGN_OR_RETURN(UniqueFd image, storage::open_image(folder_fd, kImage, kInUseMs));
  return WorkspaceDisk::mount(std::move(image), *key);
}

Status check_kept_disk(const State& state, int folder_fd, const std::string& workspace,
                       const WorkspaceDisk& disk) {
  ASSIGN_OR_RETURN(const KeySlots keys, KeySlots::open(state.vault.get()));
  ASSIGN_OR_RETURN(const auto key, keys.find(workspace));
  if (!key.has_value()) return Error{"its key was erased", ENOKEY};
  const UniqueFd image(openat(folder_fd, kImage, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!image.valid()) return errno_error("open the workspace's image");
  return disk.resume(image.get());
}

Status sweep_workspace(const State& state, const std::string& workspace) {
  ASSIGN_OR_RETURN(const bool swept, Workspace::sweep(state.workspaces.get(), workspace));
  if (!swept) return Done{};
  ASSIGN_OR_RETURN(KeySlots keys, KeySlots::open(state.vault.get()));
  ASSIGN_OR_RETURN(const bool erased, keys.erase(workspace));
  (void)erased;  // it may have died before there was one
  return Done{};
}

Status sweep_all(const State& state) {
  ASSIGN_OR_RETURN(const auto names, names_in_folder(state.workspaces.get()));
  for (const std::string& name : names) {
    if (is_ulid(name)) RETURN_IF_ERROR(sweep_workspace(state, name));
  }
  RETURN_IF_ERROR(clear_unfinished(state.slices.get()));
  return clear_unused_slices(state);
}

Result<std::string> erase_workspace(const State& state, const std::string& workspace,
                                    const std::function<void()>& unmount) {
  if (!is_ulid(workspace)) return Error{"no workspace's name: " + quoted(workspace), EINVAL};
  const UniqueFd folder(openat(state.workspaces.get(), workspace.c_str(),
                               O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) return errno_error("open workspace " + workspace);
  if (flock(folder.get(), LOCK_EX | LOCK_NB) != 0) {
    return errno_error("workspace " + workspace + " is in use by a session");
  }
  const bool has_image = faccessat(folder.get(), kImage, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
  if (has_image) {
    ASSIGN_OR_RETURN(KeySlots keys, KeySlots::open(state.vault.get()));
    ASSIGN_OR_RETURN(const bool erased, keys.erase(workspace));
    (void)erased;  // by an end that came no further, else
    unmount();
    // As long as anybody has it mounted the kernel has the key.
    ASSIGN_OR_RETURN(const UniqueFd alone, storage::open_image(folder.get(), kImage, kUnmountedMs));
  }
  RETURN_IF_ERROR(remove_tree(state.workspaces.get(), workspace));
  if (fsync(state.workspaces.get()) != 0) return errno_error("sync the end of a workspace");
  return std::string(has_image ? "key erased" : "folder removed");
}

Status clear_unused_slices(const State& state) {
  std::set<std::string> used;
  ASSIGN_OR_RETURN(const auto workspaces, names_in_folder(state.workspaces.get()));
  for (const std::string& name : workspaces) {
    ASSIGN_OR_RETURN(const auto slices, slices_of(state.workspaces.get(), name));
    for (const SliceUse& use : slices)
      used.insert(use.slice);
  }
  ASSIGN_OR_RETURN(const auto slices, names_in_folder(state.slices.get()));
  for (const std::string& name : slices) {
    if (!used.contains(name)) RETURN_IF_ERROR(remove_tree(state.slices.get(), name));
  }
  return Done{};
}

namespace {

/// In a folder that is removed afterwards, whatever became of it.
Status try_in(int folder_fd) {
  constexpr uint32_t kViewer = plan::kBlockBase + 8;
  constexpr uint64_t kTrialBytes = uint64_t{8} << 20;
  for (const char* name : {"lower", "upper", "tree"}) {
    if (mkdirat(folder_fd, name, 0755) != 0) return errno_error("make a folder for a trial");
  }
  if (fchownat(folder_fd, "tree", plan::kOnDiskOwner, plan::kOnDiskOwner, 0) != 0) {
    return errno_error("own a folder for a trial");
  }
  RETURN_IF_ERROR(format_image(folder_fd, kImage, {kTrialBytes, 256}));
  ASSIGN_OR_RETURN(UniqueFd image, storage::open_image(folder_fd, kImage, 0));
  const Secret key(std::string(kernel::kFileKeyBytes, 't'));  // nothing is ever written with it
  ASSIGN_OR_RETURN(const WorkspaceDisk disk, WorkspaceDisk::mount(std::move(image), key));
  RETURN_IF_ERROR(disk.add_repository("trial"));
  RETURN_IF_ERROR(disk.limit(kTrialBytes));
  ASSIGN_OR_RETURN(const UniqueFd tree, open_beneath(folder_fd, "tree", O_RDONLY | O_DIRECTORY));
  ASSIGN_OR_RETURN(const UniqueFd lower, open_beneath(folder_fd, "lower", O_RDONLY | O_DIRECTORY));
  ASSIGN_OR_RETURN(const UniqueFd upper, open_beneath(folder_fd, "upper", O_RDONLY | O_DIRECTORY));
  ASSIGN_OR_RETURN(const UniqueFd map, kernel::make_id_map({plan::kOnDiskOwner, kViewer}));
  ASSIGN_OR_RETURN(
      const UniqueFd overlay,
      disk.working_tree("trial", tree.get(), {map.get(), kViewer}, {lower.get(), upper.get()}));
  return Done{};
}

}  // namespace

plan::StorageFacts try_storage(const State& state) {
  constexpr const char* kTrial = "trial";
  (void)remove_tree(state.pool.get(), kTrial).ok();  // of a launcher that was killed
  Result<UniqueFd> folder = make_workspace_folder(state.pool.get(), kTrial, FolderOwner::kRoot);
  Status tried = folder.ok() ? try_in(folder.value().get()) : Status(folder.error());
  if (tried.ok()) tried = remove_tree(state.pool.get(), kTrial);
  if (tried.ok()) return {plan::StorageKind::kImage, ""};
  (void)remove_tree(state.pool.get(), kTrial).ok();
  return {plan::StorageKind::kFolder, to_string(tried.error())};
}

}  // namespace carrel::service
