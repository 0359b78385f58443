#pragma once
// carrel-slicer's command line.

#include "broker/service/slices/slice.h"
#include "profiles/base/result.h"

namespace carrel::programs {

/// "--ref REF --name NAME [--read PATH]… [--write PATH]… [--never PATH]… [--repository DIR]
/// [--output DIR]"; anything else is an Error. Default folders: /repository, /output.
Result<slices::SliceRequest> parse_slicer_options(int argc, const char* const* argv);

}  // namespace carrel::programs
