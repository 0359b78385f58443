#pragma once
// The payloads of net_events.h, for payload.cc alone.

#include <optional>
#include <string>

#include "broker/record/events/event.h"
#include "broker/record/events/events.pb.h"

namespace carrel::events {

void encode(const DnsQuery& in, pb::Payload* out);
void encode(const NetOpen& in, pb::Payload* out);
void encode(const NetClose& in, pb::Payload* out);
void encode(const NetRefused& in, pb::Payload* out);
void encode(const NetBudget& in, pb::Payload* out);
void encode(const NetAnomaly& in, pb::Payload* out);
void encode(const TlsHello& in, pb::Payload* out);
void encode(const HttpRequest& in, pb::Payload* out);
void encode(const GrantChange& in, pb::Payload* out);

/// Nothing where the payload holds none of them. `action`: the part of its type behind the dot.
std::optional<Data> decode_net(const pb::Payload& in, const std::string& action);

}  // namespace carrel::events
