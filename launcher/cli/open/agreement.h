#pragma once
// The agreement of a task, shown to the person and accepted by what they type.

#include <string>

#include "broker/wire/protocol/messages.pb.h"
#include "profiles/base/result.h"

namespace carrel::open {

/// Several lines made safe to show, each for itself.
std::string safe_lines(const std::string& text);

/// Shows the request's agreement on stderr and reads one line from stdin; adds the acceptance to
/// the request when it is "I agree". An Error (not granted) for any other answer, and without a
/// terminal, with the way to accept it.
Status accept_agreement(const protocol::AgreementNeeded& needed, bool tty,
                        protocol::OpenRequest& request);

}  // namespace carrel::open
