#pragma once
// What `carrel doctor` prints: per guarantee what is there, what is missing, and what mends it.

#include <string>
#include <vector>

#include "launcher/box/plan/guarantee.h"
#include "launcher/box/plan/host_facts.h"
#include "launcher/box/probe/way_out.h"

namespace carrel::probe {

/// Lines for a terminal; ends with a newline.
std::string doctor_text(const plan::HostFacts& facts, const std::vector<plan::Guarantee>& list,
                        const WayOutFacts& way_out);

/// One JSON object on one line, with a newline: v, host facts, guarantees [{id, given, why,
/// mends}], way_out {given, why, mends}.
std::string doctor_json(const plan::HostFacts& facts, const std::vector<plan::Guarantee>& list,
                        const WayOutFacts& way_out);

}  // namespace carrel::probe
