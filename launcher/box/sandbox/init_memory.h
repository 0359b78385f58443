#pragma once
// The plan of the payload as carrel-init's flat bytes.

#include <linux/filter.h>

#include <string>
#include <vector>

#include "launcher/box/plan/plan.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::sandbox {

/// Lays the plan out (launcher/box/init/init_plan.h). Pure.
Result<std::string> flatten_plan(const plan::SandboxPlan& plan,
                                 const std::vector<sock_filter>& filter);

/// The bytes in a memfd sealed against every change (memfd_create(2)), readable only.
Result<UniqueFd> seal_bytes(const char* name, const std::string& bytes);

}  // namespace carrel::sandbox
