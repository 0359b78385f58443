#pragma once
// Pieces of a file, wherever its offset stands.

#include <cstddef>

#include "profiles/base/result.h"

namespace carrel::manifest {

/// Reads up to `bytes` bytes at `offset`: fewer only where the file ends.
Result<size_t> read_at(int fd, size_t offset, char* into, size_t bytes);

}  // namespace carrel::manifest
