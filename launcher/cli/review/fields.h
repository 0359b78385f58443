#pragma once
// The fields of interfaces' JSON that several verbs share, and small words for people.

#include <cstdint>
#include <string>
#include <string_view>

#include "broker/record/events/json_text.h"
#include "broker/wire/protocol/messages.pb.h"
#include "launcher/cli/review/facts.h"

namespace carrel::review {

/// v, session … lost: every field of an object of `sessions --json`, in its order.
void write_row(events::JsonObject* object, const protocol::SessionRow& row);
/// "rule": null or {id, text, file, line}, as `events --format jsonl` has it.
void write_rule(events::JsonObject* object, const std::string& id, const Facts& facts);
/// A member whose name comes from a record: never breaks the line.
std::string json_name(std::string_view name);

/// "1h 2m", "3m 4s", "1.234s": how long something took.
std::string duration_text(uint64_t ns);
/// "+12.345s": when, counted from the session's start.
std::string since_text(uint64_t ns);
/// "2026-11-24 13:49:44Z": a time for people.
std::string time_text(uint64_t unix_ns);
/// "running", "command 0", "policy 124 (broken)": how a session stands or ended, safe to show.
std::string state_text(const protocol::SessionRow& row);
/// Characters of UTF-8 text, for columns.
size_t shown_width(std::string_view text);
/// `text` with blanks behind it up to `width` characters.
std::string padded(std::string text, size_t width);
/// The first `width` characters, with "..." where something is left out.
std::string clipped(std::string_view text, size_t width);

}  // namespace carrel::review
