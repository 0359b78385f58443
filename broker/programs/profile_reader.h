#pragma once
// How the broker reads a profile that it was sent: with the same parser as everybody else.

#include <string_view>

#include "broker/service/monitor/monitor.h"
#include "profiles/base/result.h"

namespace carrel::programs {

/// Pure. An Error lists what is wrong with the source.
Result<monitor::ReadProfile> read_profile(std::string_view source, std::string_view path,
                                          const monitor::ExtendedSources& extended);

}  // namespace carrel::programs
