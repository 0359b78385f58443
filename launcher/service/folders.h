#pragma once
// The host folder of one workspace: STATE/workspaces/ID/REPOSITORY/{tree,ro,pristine,manifest}.

#include <string>
#include <vector>

#include "broker/wire/manifest/manifest.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::service {

/// A repository's part of a workspace folder after slicing.
struct SlicedRepository {
  std::string name;
  UniqueFd folder;    // O_PATH
  UniqueFd manifest;  // O_RDONLY, at its start
  manifest::Manifest head;
};

/// Makes `name` below `parent_fd`: root's and 0711, or the on-disk owner's and 0755 where its
/// contents belong to a workspace, or of an ordinary caller, who is all of these, and 0700. EEXIST
/// is an Error: nothing is ever taken over.
enum class FolderOwner { kRoot, kWorkspace, kCaller };
Result<UniqueFd> make_workspace_folder(int parent_fd, const std::string& name, FolderOwner owner);

/// The names in a folder, without "." and "..", in no order.
Result<std::vector<std::string>> names_in_folder(int folder_fd);

/// Opens beneath a folder, following no link and leaving it by none (openat2(2), RESOLVE_BENEATH).
Result<UniqueFd> open_beneath(int folder_fd, const std::string& path, int flags);

/// An empty folder of the launcher's own in a workspace's folder, to attach a mount at for a
/// moment; there from now on.
Result<UniqueFd> place_at(int folder_fd, const char* name);

/// Reads the manifest that the slicer left in the folder, as hostile bytes.
Result<SlicedRepository> open_sliced(const std::string& name, UniqueFd folder);

/// Removes `name` below `parent_fd` with all it holds, following no link. For what this launcher
/// made itself, and nobody works in any more.
Status remove_tree(int parent_fd, const std::string& name);

}  // namespace carrel::service
