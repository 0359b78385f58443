#pragma once
// The first lines on the contractor's screen: what is recorded, that it is evidence, who may look
// and for what, and what this host could not guarantee. Pure.

#include <cstdint>
#include <string>

#include "broker/wire/protocol/messages.pb.h"
#include "profiles/model/profile.h"

namespace carrel::session {

/// Lines that begin with "carrel: ", each with its line feed. Everything that somebody wrote is
/// made safe to show and cut to one line.
std::string notice(const protocol::SessionConfig& config, const model::Profile& profile);

/// The line that says how much time is left.
std::string time_notice(uint64_t left_s);

}  // namespace carrel::session
