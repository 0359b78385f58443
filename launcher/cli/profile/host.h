#pragma once
// This host as a profile meets it: the facts with the sensor really tried, and the plan they give.

#include <string>

#include "launcher/box/plan/host_facts.h"
#include "launcher/box/plan/plan.h"
#include "profiles/model/profile.h"

namespace carrel::profile {

/// All facts. As root the sensor's programs are loaded, never attached, and unloaded again; for
/// others they are not tried. `state_fd`: a folder where the state folder lies, or will. Forks a
/// child, so call it while single-threaded.
plan::HostFacts this_host(int state_fd);

/// The views of a profile's repositories as far as the profile alone tells: read entries without a
/// writable path below them, taken for folders (only the slicer knows which are files). Pure.
std::vector<plan::RepositoryView> expected_views(const model::Profile& profile);

/// What would be built for the first session on such a host, or why it cannot be. Pure.
std::string plan_text(const model::Profile& profile, const plan::HostFacts& facts);

}  // namespace carrel::profile
