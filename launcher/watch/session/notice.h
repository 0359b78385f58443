#pragma once
// The first lines on the contractor's screen: what is recorded, that it is evidence, who may look
// and for what, and what this host could not guarantee. Pure.

#include <cstdint>
#include <string>

#include "broker/record/events/event.h"
#include "broker/wire/protocol/host_space.h"
#include "broker/wire/protocol/messages.pb.h"
#include "launcher/watch/session/time_rules.h"
#include "profiles/model/profile.h"

namespace carrel::session {

/// Lines that begin with "carrel: ", each with its line feed. Everything that somebody wrote is
/// made safe to show and cut to one line.
std::string notice(const protocol::SessionConfig& config, const model::Profile& profile);

/// The line that says how much time is left.
std::string time_notice(const TimeRules::Warning& warning);

/// The line that says what a person has done to the session.
std::string order_notice(const events::PolicyOrder& order);

/// The lines that say that nothing runs for want of room on the host, and that it does again,
/// unless the session is paused as well.
std::string held_notice(const protocol::HostSpace& space);
std::string released_notice(bool paused);

}  // namespace carrel::session
