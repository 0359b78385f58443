#pragma once
// The tables of a profile, each read from one table of a source or of canonical bytes.

#include "profiles/model/profile.h"
#include "profiles/parse/reader.h"

namespace carrel::parse {

/// Problems that are only worth saying: place and text.
using Warnings = std::vector<Problem>;

/// Reads a whole tree into a profile with its lists unsorted; what is wrong goes to the reading's
/// problems. Values that were wrong are left at their defaults.
model::Profile read_tables(const Value& root, const Reading& reading, Warnings& warnings);

// By table:
model::Purpose read_purpose(const Value& table, const Reading& reading);
model::SessionRules read_session(const Value& table, const Reading& reading);
model::Limits read_limits(const Value& table, const Reading& reading);
model::Retention read_retention(const Value& table, const Reading& reading);
model::Toolchain read_toolchain(const Value& table, const Reading& reading);
model::Widen read_widen(const Value& table, const Reading& reading);
model::Repository read_repository(const Value& table, const Reading& reading, Warnings& warnings);
model::Interface read_interface(const Value& table, const Reading& reading);
model::Network read_network(const Value& table, const Reading& reading);
model::Credential read_credential(const Value& table, const Reading& reading);
model::Forward read_forward(const Value& table, const Reading& reading);

}  // namespace carrel::parse
