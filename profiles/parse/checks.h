#pragma once
// What every single value of a profile must satisfy, wherever it comes from: TOML or canonical
// bytes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "profiles/model/profile.h"
#include "profiles/parse/problems.h"

namespace carrel::parse {

/// Nothing when the text is good, else what is wrong and what to do, to follow the key's name.
using Complaint = std::optional<std::string>;
using TextCheck = Complaint (*)(std::string_view text);

Complaint check_name(std::string_view text);       // [a-z0-9][a-z0-9-]{0,62}
Complaint check_summary(std::string_view text);    // one line, at most 500 bytes
Complaint check_statement(std::string_view text);  // line feeds allowed, at most 4 KiB
Complaint check_source(std::string_view text);     // a path; the only one where ".." may stand
Complaint check_ref(std::string_view text);        // a branch, tag, full ref or commit id
Complaint check_audience(std::string_view text);   // no white space, at most 1 KiB
Complaint check_path(std::string_view text);       // an entry of read, write or never

inline constexpr uint64_t kMaxVersion = (uint64_t{1} << 53) - 1;
inline constexpr uint64_t kMaxDurationSeconds = uint64_t{30} * 86400;
inline constexpr uint64_t kMinTtlSeconds = 1;
inline constexpr uint64_t kMaxTtlSeconds = 600;

/// What two values together must satisfy: names given once, each path in one place, nothing granted
/// at or below a `never`, no read and write entries of one repository below each other, totals.
void check_together(const model::Profile& profile, Problems& problems);

/// Every check of this file on a whole profile.
void check_all(const model::Profile& profile, Problems& problems);

}  // namespace carrel::parse
