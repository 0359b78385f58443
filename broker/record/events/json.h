#pragma once
// An event as the line that `carrel events --format jsonl` prints: a stable interface of the
// product.

#include <functional>
#include <string>
#include <string_view>

#include "broker/record/events/event.h"

namespace carrel::events {

/// The rule of event 0 with this id, or nullptr. The pointer must live as long as the call.
using RuleLookup = std::function<const Rule*(std::string_view id)>;

/// One JSON object, keys in the documented order, without a line feed. Bytes that are not UTF-8
/// appear as NAME_b64 in place of NAME. A rule that `rules` does not know keeps its id, with text
/// "".
std::string to_json(const Event& event, std::string_view session, const RuleLookup& rules);

/// The names of open(2) flags (x86-64 values), access mode first: {"O_WRONLY", "O_CREAT"}. Bits
/// without a name appear as one hexadecimal number.
std::vector<std::string> open_flag_names(uint32_t flags);
/// "SIGKILL" for 9; "SIG40" for a number without a name.
std::string signal_name(int32_t number);

}  // namespace carrel::events
