#pragma once
// The full repository that a slice is taken from: opened without trusting its shape, and read only.

#include <string>

#include "broker/service/slices/git.h"
#include "broker/service/slices/slice.h"

namespace carrel::slices {

/// A commit of the full repository, and the one object store that reads come from.
struct Source {
  std::string objects;  // path of the object store
  git_oid commit{};
  git_oid tree{};
  int64_t time = 0;    // of the commit, seconds since 1970, not negative
  std::string branch;  // what the slice's branch is called
};

/// Refuses what a slice cannot be taken from: no repository, a linked worktree, objects borrowed
/// from elsewhere, SHA-256 objects, reftables, a ref that is not there or names no commit.
Result<Source> open_source(const SliceRequest& request, Fault& fault);

}  // namespace carrel::slices
