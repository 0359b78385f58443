#pragma once
// The payloads of what happens to files, read for payload.cc alone.

#include "broker/record/events/event.h"
#include "broker/record/events/events.pb.h"

namespace carrel::events {

/// The data of a payload that holds one of the file events.
Data file_data(const pb::Payload& in);

}  // namespace carrel::events
