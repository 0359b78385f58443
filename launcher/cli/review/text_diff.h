#pragma once
// The difference of two hostile texts, made by the system's diff(1) in a process of its own.

#include <functional>
#include <string>
#include <string_view>

#include "profiles/base/result.h"

namespace carrel::review {

/// One side: what it is called, safe to show, and its bytes.
struct Side {
  std::string label;
  std::string_view content;
};

/// True where a difference by lines would tell a person nothing: a NUL, or mostly not text.
bool is_binary(std::string_view bytes);

/// Calls `line` with each line of the unified difference as diff(1) writes it, hostile, without its
/// line feed. The process sees both contents and nothing else of ours, and has 30 s of processor
/// time. Forks: one thread.
Status unified_diff(const Side& before, const Side& after,
                    const std::function<void(std::string_view)>& line);

}  // namespace carrel::review
