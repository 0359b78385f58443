#pragma once
// Puts back what git needs to live with a slice's read-only entries, in a workspace that its
// contractor has worked in. Run in an internal workspace that shows nothing but that tree.

#include <string>

#include "broker/service/slices/slice.h"
#include "profiles/base/result.h"

namespace carrel::slices {

struct MendRequest {
  std::string slice;  // the folder of the slicer's output; its manifest says what is read-only
  std::string tree;   // the contractor's working tree
};

/// Mends .git/config, .git/config.worktree, .git/info/{sparse-checkout,exclude} and the
/// skip-worktree bits of .git/index, each only where it is not right, by a new file in its place
/// with its mode (the index keeps its time, or git would take a file changed in the same second
/// for clean). Follows no link. An Error names what could not be mended and why, in one sentence;
/// the others are mended all the same; `fault` is then kProfile. Whatever is left wrong harms
/// nobody but the contractor.
Status mend(const MendRequest& request, Fault& fault);

}  // namespace carrel::slices
