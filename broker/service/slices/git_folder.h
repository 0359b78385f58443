#pragma once
// The slice's own repository, tree/.git: one pack, one branch with one commit, an index that agrees
// with the files, and the settings that let git live with read-only entries.

#include <string>

#include "broker/service/slices/checkout.h"
#include "broker/service/slices/output.h"
#include "broker/service/slices/selection.h"

namespace carrel::slices {

/// Adds the slice's one commit to the store: no parents, and nothing of the source's commit but its
/// time and the first digits of its id.
Result<git_oid> make_commit(const SliceRequest& request, const Source& source, const git_oid& tree,
                            ObjectStore& store);

/// Everything that .git is made of but its pack.
struct GitFolder {
  const Selection& selection;
  const Checkout& checkout;
  git_oid commit{};
  std::string branch;
};

/// Makes the rest of .git in `tree`, which is the folder `tree_path`, after its pack.
Status write_git_folder(const GitFolder& parts, OutputFolder& tree, const std::string& tree_path);

}  // namespace carrel::slices
