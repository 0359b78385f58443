#pragma once
// The members of net_events.h as JSON, for json.cc alone.

#include "broker/record/events/event.h"
#include "broker/record/events/json_text.h"

namespace carrel::events {

void write_members(const DnsQuery& event, JsonObject* out);
void write_members(const NetOpen& event, JsonObject* out);
void write_members(const NetClose& event, JsonObject* out);
void write_members(const NetRefused& event, JsonObject* out);
void write_members(const NetBudget& event, JsonObject* out);
void write_members(const NetAnomaly& event, JsonObject* out);
void write_members(const TlsHello& event, JsonObject* out);
void write_members(const HttpRequest& event, JsonObject* out);
void write_members(const GrantChange& event, JsonObject* out);

}  // namespace carrel::events
