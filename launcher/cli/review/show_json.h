#pragma once
// `show --json`: a stable interface of the product.

#include <string>

#include "broker/wire/protocol/messages.pb.h"
#include "launcher/cli/review/facts.h"

namespace carrel::review {

/// One object on one line. `row` as told_by_record() gives it.
std::string show_json(const protocol::SessionRow& row, const Facts& facts);

}  // namespace carrel::review
