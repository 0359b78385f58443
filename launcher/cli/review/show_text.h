#pragma once
// `show` for people: one page, the answers of a review in the order they are asked.

#include <string>

#include "broker/wire/protocol/messages.pb.h"
#include "launcher/cli/review/facts.h"

namespace carrel::review {

/// Safe to show. `row` as told_by_record() gives it.
std::string show_text(const protocol::SessionRow& row, const Facts& facts);

}  // namespace carrel::review
