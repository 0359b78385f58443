#pragma once
// A workspace's place on the host: STATE/workspaces/ID. It outlives its sessions; a session has it
// alone. What says that a workspace is to be kept is its file `slices`, written when its first
// session is recorded; until then a file `unfinished` says that nothing of it is anybody's work.

#include <functional>
#include <string>
#include <vector>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"
#include "profiles/model/profile.h"

namespace carrel::service {

/// Which slice lies under a repository of a workspace.
struct SliceUse {
  std::string repository;  // its name in the profile
  std::string exposure;    // exposure_of() it when the workspace was made
  std::string slice;       // folder below STATE/slices, or "" where the workspace has its own
  bool operator==(const SliceUse&) const = default;
};

/// What a profile shows of a repository, as 64 hex digits: its source and ref as written, how much
/// history, and every entry. A workspace keeps the slice it began with, so a profile that shows
/// something else does not fit it any more. Pure.
std::string exposure_of(const model::Repository& repository);

/// The file's bytes, and back; strict. Pure.
std::string format_slices(const std::vector<SliceUse>& slices);
Result<std::vector<SliceUse>> parse_slices(std::string_view bytes);

/// Whether a workspace of these slices serves the profile: the same repositories, each with the
/// same exposure. The Error names what differs and says what to do. Pure.
Status check_fits(const std::vector<SliceUse>& slices, const model::Profile& profile,
                  const std::string& task);

/// What a kept workspace's file says; nothing where there is none.
Result<std::vector<SliceUse>> slices_of(int workspaces_fd, const std::string& workspace);

class Workspace {
 public:
  /// Opens workspace `name` below `workspaces_fd`, or makes it; clears what an opening left that
  /// came to nothing. Waits until an earlier session has let go of it (it may be writing back),
  /// asking `gone` every 10 ms whether anybody still wants it: ECANCELED when not, EWOULDBLOCK
  /// after 60 s. As root.
  static Result<Workspace> open(int workspaces_fd, const std::string& name,
                                const std::function<bool()>& gone);

  [[nodiscard]] bool is_new() const { return !kept_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] int folder_fd() const { return folder_.get(); }
  [[nodiscard]] const std::vector<SliceUse>& slices() const { return slices_; }

  /// Keeps a new workspace from now on: synced before the answer.
  Status keep(std::vector<SliceUse> slices);
  /// Removes a new workspace again; one that is kept is an Error (EPERM).
  Status discard();
  /// What an opening that died left of workspace `name`: removed where it was new and nobody has it
  /// now; true when something was. Never waits.
  static Result<bool> sweep(int workspaces_fd, const std::string& name);

 private:
  Workspace() = default;
  int workspaces_fd_ = -1;
  std::string name_;
  UniqueFd folder_;  // holds the lock
  bool kept_ = false;
  std::vector<SliceUse> slices_;
};

}  // namespace carrel::service
