#pragma once
// Workspaces' disks as the service has them: formatted ahead of time, opened with their key, tried
// once when the launcher starts.

#include <functional>
#include <string>

#include "launcher/box/plan/host_facts.h"
#include "launcher/box/storage/image.h"
#include "launcher/box/storage/workspace_disk.h"
#include "launcher/service/state.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"
#include "profiles/model/profile.h"

namespace carrel::service {

/// What a profile gives its workspaces' disk.
storage::DiskSize disk_size(const model::Limits& limits);
/// Of a profile that says nothing of it: what the pool holds.
inline storage::DiskSize default_disk() {
  return disk_size(model::Limits());
}

/// Whether `floor_bytes` of the state folder's disk are free: what a record, a slice and a journal
/// can need before anybody has noticed. Else an Error that says how much there is (ENOSPC).
Status check_host_space(int state_fd, uint64_t floor_bytes);

/// Makes and formats the image `name` in a folder (mkfs.ext4(8) in a process of its own, at most a
/// minute). Complete under that name or not there. As root.
Status format_image(int folder_fd, const std::string& name, const storage::DiskSize& size);

/// A formatted image of that size moves from the pool to `folder_fd`/`name`; one is made where the
/// pool has none.
Status take_image(const State& state, int folder_fd, const std::string& name,
                  const storage::DiskSize& size);

inline constexpr int kPoolImages = 4;

/// Whether the pool holds kPoolImages images of that size.
bool is_pool_full(const State& state, const storage::DiskSize& size);
/// Puts one more image of that size into the pool. One process at a time.
Status fill_pool(const State& state, const storage::DiskSize& size);

/// The disk of a workspace, its image (of that size) and key made first where `is_new`, and not
/// limited yet. A workspace whose key is gone is an Error (ENOKEY): its work is unreadable for
/// good.
Result<storage::WorkspaceDisk> open_disk(const State& state, int folder_fd,
                                         const std::string& workspace, bool is_new,
                                         const storage::DiskSize& size);

/// Before a session on a disk that stayed mounted since another one: it is the workspace's still,
/// its key was not erased, and it can be written to. Its limit is lifted. The Error: open_disk()
/// must be asked, after this one was let go.
Status check_kept_disk(const State& state, int folder_fd, const std::string& workspace,
                       const storage::WorkspaceDisk& disk);

/// Workspace::sweep(), and with the folder the key.
Status sweep_workspace(const State& state, const std::string& workspace);

/// Ends a workspace for good: its key is overwritten first, so that nothing of it can be mounted
/// whatever fails afterwards, then `unmount` lets go of its disk where that is mounted still, then
/// its folder is removed. EWOULDBLOCK while a session has it, or somebody its disk (the folder is
/// then still there), ENOENT where there is none. The answer says what was done: "key erased" or,
/// of a plain folder, "folder removed".
Result<std::string> erase_workspace(const State& state, const std::string& workspace,
                                    const std::function<void()>& unmount);

/// Removes slices that no workspace uses. Nothing where a workspace's list of slices cannot be
/// read. Only while no opening is under way.
Status clear_unused_slices(const State& state);

/// Everything that openings of an earlier launcher left unfinished: workspaces that no session was
/// recorded in, slices half made, slices of ended workspaces. Only while no opening is under way.
Status sweep_all(const State& state);

/// Makes a small image, encrypts, mounts and overlays it, and takes it away again: what the facts
/// should say of storage. As root, in the launcher's own mount namespace.
plan::StorageFacts try_storage(const State& state);

}  // namespace carrel::service
