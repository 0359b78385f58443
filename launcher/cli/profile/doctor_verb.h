#pragma once
// `carrel doctor`: per guarantee what this host gives, what it lacks, and what mends it.

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "launcher/box/plan/host_facts.h"
#include "launcher/box/probe/way_out.h"

namespace carrel::profile {

/// Runs the verb; `arguments` are the words after `doctor`, `host` finds the facts out and
/// `way_out` whether sessions can have a network. Returns the
/// exit code: 0 where workspaces can be opened, 1 where not, or usage.
int run_doctor(const std::vector<std::string>& arguments,
               const std::function<plan::HostFacts()>& host,
               const std::function<probe::WayOutFacts()>& way_out, std::FILE* out, std::FILE* err);

}  // namespace carrel::profile
