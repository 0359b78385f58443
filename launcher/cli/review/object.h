#pragma once
// What an event was about, in a few words.

#include <string>

#include "broker/record/events/event.h"

namespace carrel::review {

/// The thing that the event names: a path, an address, a call. Raw bytes, hostile; denials are
/// grouped by it.
std::string object_of(const events::Data& data);

/// The same for one cell of a table, with what else matters at a glance; safe to show.
std::string words_of(const events::Data& data);

}  // namespace carrel::review
