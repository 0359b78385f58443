#pragma once
// The files of a slice where the contractor finds them: in the tree, in the folders that are bound
// over it, and once more by digest for the tree difference at the end of the session.

#include <vector>

#include "broker/service/slices/output.h"
#include "broker/service/slices/pack.h"
#include "broker/service/slices/selection.h"

namespace carrel::slices {

/// Larger files are not kept in pristine/.
inline constexpr uint64_t kMaxPristineBytes = uint64_t{64} << 20;
/// Files are held in memory one at a time.
inline constexpr uint64_t kMaxFileBytes = uint64_t{1} << 30;

struct Checkout {
  std::vector<uint64_t> sizes;         // of Selection::files, by index
  std::vector<manifest::File> listed;  // those outside read-only entries, sorted
};

/// Fills `tree`, makes ro/ and pristine/ in `output_fd`, and adds every blob to `pack`.
Result<Checkout> write_files(const Selection& selection, const ObjectStore& store, int output_fd,
                             OutputFolder& tree, PackWriter& pack);

}  // namespace carrel::slices
