#pragma once
// carrel-slicer's command line.

#include "broker/service/slices/slice.h"
#include "profiles/base/result.h"

namespace carrel::programs {

struct SlicerOptions {
  bool resolve = false;  // only say which commit the ref names
  slices::SliceRequest request;
};

/// "[--resolve] --ref REF --name NAME [--read PATH]… [--write PATH]… [--never PATH]…
/// [--repository DIR] [--output DIR]"; anything else is an Error, as is --resolve elsewhere than in
/// front. Default folders: /repository, /output.
Result<SlicerOptions> parse_slicer_options(int argc, const char* const* argv);

}  // namespace carrel::programs
