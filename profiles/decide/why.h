#pragma once
// What the denial table would say of a path that nobody has touched yet. Pure.

#include <string_view>

#include "profiles/decide/decide.h"

namespace carrel::decide {

/// For reading and for changing: kAllowed by a rule, kDenied by one, or kObserved: no rule speaks
/// of it, and whether it works is the workspace's ordinary business.
struct Foresight {
  Decision read;
  Decision change;
  bool operator==(const Foresight&) const = default;
};

/// The same functions decide as for an attempt: kDenied where the attempt as the workspace would
/// answer it (ENOENT to a reader, EROFS to a writer) is denied. `path` is normalised.
Foresight foresee(const Policy& policy, std::string_view path, const MadePaths& made);

}  // namespace carrel::decide
