#pragma once
// The JSON lines of --status-fd (interfaces.md 2). Pure.

#include <string>

#include "broker/wire/protocol/messages.pb.h"

namespace carrel::open {

std::string started_line(const protocol::Started& started);
std::string end_line(const protocol::Ended& ended);

/// The symbolic name of a signal ("SIGKILL"), or its number as text.
std::string signal_name(int number);

}  // namespace carrel::open
