#pragma once
// One run of carrel-slicer in an internal workspace: started, listened to, ended and judged. Used
// by slicing.cc only.

#include <optional>
#include <string>
#include <vector>

#include "launcher/service/slicing.h"

namespace carrel::service {

struct SlicerRun {
  std::vector<std::string> arguments;  // the program's name first
  UniqueFd repository;                 // a mount to show read-only at /repository
  std::optional<UniqueFd> output;      // a mount to show at /output
  bool output_idmapped = true;         // it belongs to the on-disk owner; false: to this uid slot
  int limit_ms = 0;
};

/// Blocks until it has ended. `answer` gets what it said on stdout where it has no output, cut
/// behind kMaxResolvedBytes. The workspace has ended and its cgroup is gone in any case.
Status run_slicer(const plan::HostFacts& facts, const SliceJob& job, SlicerRun run,
                  std::string* answer, SliceFailure* failure);

}  // namespace carrel::service
