#pragma once
// carrel-slicer's command line.

#include <cstdint>

#include "broker/service/slices/slice.h"
#include "profiles/base/result.h"

namespace carrel::programs {

/// What it is to do: make a slice, only say which commit the ref names, or mend the git folder of a
/// workspace.
enum class SlicerJob : uint8_t { kSlice, kResolve, kMend };

struct SlicerOptions {
  SlicerJob job = SlicerJob::kSlice;
  slices::SliceRequest request;  // of kMend only the two folders: a slice's and the working tree
};

/// "[--resolve] --ref REF --name NAME [--read PATH]… [--write PATH]… [--never PATH]…
/// [--repository DIR] [--output DIR]" or "--mend [--repository DIR] [--output DIR]"; anything else
/// is an Error, as are --resolve and --mend elsewhere than in front. Default folders: /repository,
/// /output.
Result<SlicerOptions> parse_slicer_options(int argc, const char* const* argv);

}  // namespace carrel::programs
